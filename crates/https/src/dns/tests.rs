//! Look-ups against name servers that answer as the test wants.

use std::net::SocketAddr;

use simple_dns::rdata::{A, AAAA, CNAME};
use simple_dns::{OPCODE, ResourceRecord};
use tokio::net::TcpListener;

use super::*;

const NAME: &str = "hooks.example.com";

/// A name server that answers each query with these messages.
async fn server(
    replies: impl Fn(&Packet<'_>) -> Vec<Vec<u8>> + Send + 'static,
) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            for reply in replies(&Packet::parse(&query[..length]).unwrap()) {
                socket.send_to(&reply, from).await.unwrap();
            }
        }
    });
    Ok(address)
}

fn asks_for(query: &Packet<'_>) -> TYPE {
    match query.questions[0].qtype {
        QTYPE::TYPE(family) => family,
        other => panic!("{other:?}"),
    }
}

/// An answer to a query, as far as the test does not change it.
fn reply<'a>(query: &Packet<'a>, addresses: &[&str]) -> Packet<'a> {
    let mut reply = Packet::new_reply(query.id());
    assert_eq!((query.opcode(), query.questions.len()), (OPCODE::StandardQuery, 1));
    assert!(query.has_flags(PacketFlag::RECURSION_DESIRED));
    reply.questions.clone_from(&query.questions);
    for address in addresses {
        let rdata = match address.parse().unwrap() {
            IpAddr::V4(address) => RData::A(A { address: address.into() }),
            IpAddr::V6(address) => RData::AAAA(AAAA { address: address.into() }),
        };
        let name = Name::new("alias.example.net").unwrap();
        reply.answers.push(ResourceRecord::new(name, CLASS::IN, 60, rdata));
    }
    reply
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec_compressed().unwrap()
}

fn with_code(query: &Packet<'_>, code: RCODE) -> Vec<Vec<u8>> {
    let mut reply = reply(query, &[]);
    *reply.rcode_mut() = code;
    vec![bytes(&reply)]
}

fn both(query: &Packet<'_>) -> Packet<'static> {
    let of_family: &[&str] = match asks_for(query) {
        TYPE::A => &["93.184.215.14", "93.184.215.15"],
        _ => &["2606:4700::1111"],
    };
    reply(query, of_family).clone().into_owned_packet()
}

/// Owned, so that it outlives the query.
trait Owned {
    fn into_owned_packet(self) -> Packet<'static>;
}

impl Owned for Packet<'_> {
    fn into_owned_packet(self) -> Packet<'static> {
        let mut owned = Packet::new_reply(self.id());
        owned.questions = self.questions.into_iter().map(Question::into_owned).collect();
        owned.answers = self.answers.into_iter().map(ResourceRecord::into_owned).collect();
        owned
    }
}

fn asking(servers: &[SocketAddr]) -> Config {
    let mut config = Config::parse("search lab.example", "10.9.9.9 db.lab.example".to_owned());
    config.servers = servers.to_vec();
    config
}

fn texts(found: Result<Vec<IpAddr>, LookUpError>) -> Vec<String> {
    found.unwrap().iter().map(ToString::to_string).collect()
}

const ALL: [&str; 3] = ["93.184.215.14", "93.184.215.15", "2606:4700::1111"];

#[tokio::test]
async fn addresses_of_both_families_are_found_behind_an_alias() {
    let server = server(|query| {
        let mut reply = both(query);
        let alias = RData::CNAME(CNAME(Name::new("alias.example.net").unwrap()));
        let of = Name::new("HOOKS.example.com").unwrap();
        reply.answers.insert(0, ResourceRecord::new(of, CLASS::IN, 60, alias));
        vec![bytes(&reply)]
    });
    let config = asking(&[server.await.unwrap()]);
    assert_eq!(texts(look_up(&config, NAME).await), ALL);
}

#[tokio::test]
async fn a_locally_known_name_needs_no_query() {
    let server = server(|query| panic!("{query:?}")).await.unwrap();
    let config = asking(&[server]);
    assert_eq!(texts(look_up(&config, "db.lab.example").await), ["10.9.9.9"]);
    assert_eq!(texts(look_up(&config, "localhost").await), ["127.0.0.1", "::1"]);
}

#[tokio::test]
async fn a_name_without_a_dot_is_looked_for_in_the_domains() {
    let server = server(|query| match query.questions[0].qname.to_string().as_str() {
        "queue.lab.example" => vec![bytes(&both(query))],
        _ => with_code(query, RCODE::NameError),
    });
    let config = asking(&[server.await.unwrap()]);
    assert_eq!(texts(look_up(&config, "queue").await), ALL);
    let unknown = look_up(&config, "other").await;
    assert!(matches!(unknown, Err(LookUpError::NoSuchName)), "{unknown:?}");
    // A full name is not changed.
    let unknown = look_up(&config, "queue.example").await;
    assert!(matches!(unknown, Err(LookUpError::NoSuchName)), "{unknown:?}");
}

#[tokio::test]
async fn a_name_without_addresses_has_none() {
    let server = server(|query| vec![bytes(&reply(query, &[]))]).await.unwrap();
    assert_eq!(texts(look_up(&asking(&[server]), NAME).await), [""; 0]);
}

#[tokio::test]
async fn another_server_is_asked_where_one_fails() {
    let good = server(|query| vec![bytes(&both(query))]).await.unwrap();
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for code in [RCODE::ServerFailure, RCODE::Refused, RCODE::NotImplemented] {
        let failing = server(move |query| with_code(query, code)).await.unwrap();
        let found = look_up(&asking(&[failing, nobody, good]), NAME).await;
        assert_eq!(texts(found), ALL);
        let failed = look_up(&asking(&[failing]), NAME).await;
        let Err(LookUpError::Failed(text)) = failed else { panic!("{failed:?}") };
        assert_eq!(text, format!("{code:?}"));
    }
    let failed = look_up(&asking(&[nobody]), NAME).await;
    assert!(matches!(failed, Err(LookUpError::Failed(_))), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let silent = server(|_| vec![]).await.unwrap();
    let found = look_up(&asking(&[silent]), NAME).await;
    let Err(LookUpError::NoAnswer(waited)) = found else { panic!("{found:?}") };
    assert_eq!(waited.as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_family_without_an_answer_is_not_waited_for() {
    let deaf = server(|query| match asks_for(query) {
        TYPE::A => vec![bytes(&both(query))],
        _ => vec![],
    });
    let begun = Instant::now();
    assert_eq!(texts(look_up(&asking(&[deaf.await.unwrap()]), NAME).await), ALL[..2]);
    assert!(begun.elapsed() <= OTHER_FAMILY + Duration::from_millis(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_answer_to_another_question_does_not_count() {
    let server = server(|query| {
        let forged = |change: &dyn Fn(&mut Packet<'static>)| {
            let mut forged = reply(query, &["10.0.0.1", "fd00::1"]).into_owned_packet();
            change(&mut forged);
            bytes(&forged)
        };
        let other = Name::new("other.example.com").unwrap();
        let id = query.id();
        vec![
            forged(&|it| it.set_id(id.wrapping_add(1))),
            forged(&|it| it.remove_flags(PacketFlag::RESPONSE)),
            forged(&|it| it.questions[0].qname = other.clone()),
            forged(&|it| it.questions[0].qtype = QTYPE::TYPE(TYPE::TXT)),
            forged(&|it| it.questions.clear()),
            vec![],
            vec![0; 11],
            vec![0xff; 512],
            bytes(&both(query)),
        ]
    });
    assert_eq!(texts(look_up(&asking(&[server.await.unwrap()]), NAME).await), ALL);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_asked_for_by_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            let mut cut = reply(&Packet::parse(&query[..length]).unwrap(), &[]);
            cut.set_flags(PacketFlag::TRUNCATION);
            socket.send_to(&bytes(&cut), from).await.unwrap();
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = usize::from(stream.read_u16().await.unwrap());
            let mut query = vec![0; length];
            stream.read_exact(&mut query).await.unwrap();
            let answer = bytes(&both(&Packet::parse(&query).unwrap()));
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    assert_eq!(texts(look_up(&asking(&[address]), NAME).await), ALL);
}

/// Each beginning of an answer, and each with a byte changed, is read as something or nothing.
#[test]
fn damaged_answers_do_not_panic() {
    let query = Query::new(NAME, TYPE::A).unwrap();
    let answer = bytes(&both(&Packet::parse(&query.bytes).unwrap()));
    assert!(query.is_answered(&answer));
    for length in 0..answer.len() {
        query.is_answered(&answer[..length]);
        query.read(&answer[..length]);
        for change in [0x01, 0x80, 0xc0, 0xff] {
            let mut changed = answer.clone();
            changed[length] ^= change;
            query.is_answered(&changed);
            query.read(&changed);
        }
    }
}

#[tokio::test]
async fn names_that_cannot_be_asked_for_do_not_exist() {
    let server = server(|query| panic!("{query:?}")).await.unwrap();
    for name in ["a".repeat(64), format!("{}.example", "a".repeat(64)), "a.".repeat(127) + "abc"] {
        let found = look_up(&asking(&[server]), &name).await;
        assert!(matches!(found, Err(LookUpError::NoSuchName)), "{name}: {found:?}");
    }
}

//! The system's resolver: asks the name servers of `/etc/resolv.conf`, after `/etc/hosts`.
//!
//! It replaces `getaddrinfo`, which holds a thread for as long as a name server is silent. A
//! look-up here is one socket and can be given up at any time. It is a stub: the name servers
//! follow aliases and check signatures.

mod config;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use ring::rand::{SecureRandom as _, SystemRandom};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::is_ours;
use crate::look_ups::{LookUpError, Resolve};
use config::Config;

/// How long each name server is waited for, round by round.
const ROUNDS: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(2)];
/// How long addresses of the other family are waited for, once there are some of one.
const OTHER_FAMILY: Duration = Duration::from_millis(250);
/// The largest answer by UDP without extensions is 512 bytes; some servers send more.
const MAX_UDP_BYTES: usize = 4096;
/// Answers by TCP for one name have no reason to be larger.
const MAX_TCP_BYTES: usize = 16 * 1024;
/// How many records an answer may announce: their memory is taken before they are read.
const MAX_RECORDS: u16 = 256;
/// The families, in the order in which addresses are tried.
const FAMILIES: [TYPE; 2] = [TYPE::A, TYPE::AAAA];

/// The machine's resolver. It reads its files for each look-up, so that a change counts at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, LookUpError> {
        look_up(&Config::of_system().map_err(failed)?, name).await
    }
}

/// The result of asking one name server for one name.
enum Asked {
    Addresses(Vec<IpAddr>),
    NoSuchName,
    /// It does not know; another may.
    Failed(String),
    Silent,
}

async fn look_up(config: &Config, name: &str) -> Result<Vec<IpAddr>, LookUpError> {
    let known = config.hosts(name);
    if !known.is_empty() {
        return Ok(known);
    }
    if name == "localhost" || name.ends_with(".localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let mut last = Err(LookUpError::NoSuchName);
    for candidate in config.candidates(name) {
        last = ask_all(config, &candidate).await;
        match &last {
            Ok(addresses) if addresses.is_empty() => {}
            Err(LookUpError::NoSuchName) => {}
            _ => break,
        }
    }
    last
}

/// Asks one server after the other, and again if all are silent.
async fn ask_all(config: &Config, name: &str) -> Result<Vec<IpAddr>, LookUpError> {
    let begun = Instant::now();
    let mut failure = None;
    for patience in ROUNDS {
        for server in &config.servers {
            match ask(*server, name, patience).await? {
                Asked::Addresses(addresses) => return Ok(addresses),
                Asked::NoSuchName => return Err(LookUpError::NoSuchName),
                Asked::Failed(text) => failure = Some(text),
                Asked::Silent => {}
            }
        }
        if let Some(text) = failure.take() {
            return Err(LookUpError::Failed(text));
        }
    }
    Err(LookUpError::NoAnswer(begun.elapsed()))
}

/// Asks a server for the addresses of both families.
async fn ask(server: SocketAddr, name: &str, patience: Duration) -> Result<Asked, LookUpError> {
    let queries = [Query::new(name, FAMILIES[0])?, Query::new(name, FAMILIES[1])?];
    let mut answers: [Option<Asked>; 2] = [None, None];
    let exchange = exchange(server, &queries, &mut answers, patience);
    match exchange.await {
        Err(error) if is_ours(&error) => return Err(LookUpError::ours(error)),
        Err(error) => return Ok(Asked::Failed(error.to_string())),
        Ok(()) => {}
    }
    let mut addresses = Vec::new();
    let mut otherwise = None;
    for answer in answers {
        match answer {
            Some(Asked::Addresses(found)) => addresses.extend(found),
            // The name does not exist in any family.
            Some(Asked::NoSuchName) => otherwise = Some(Asked::NoSuchName),
            other => otherwise = otherwise.or(Some(other.unwrap_or(Asked::Silent))),
        }
    }
    match otherwise {
        Some(otherwise) if addresses.is_empty() => Ok(otherwise),
        _ => Ok(Asked::Addresses(addresses)),
    }
}

async fn exchange(
    server: SocketAddr,
    queries: &[Query; 2],
    answers: &mut [Option<Asked>; 2],
    patience: Duration,
) -> io::Result<()> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // The system chooses a random port and accepts nothing from other addresses. A forger would
    // have to guess the port and the queries' ids.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    for query in queries {
        socket.send(&query.bytes).await?;
    }
    let mut ends = Instant::now() + patience;
    let mut received = vec![0; MAX_UDP_BYTES];
    while answers.iter().any(Option::is_none) {
        let Ok(length) = timeout_at(ends, socket.recv(&mut received)).await else { break };
        let length = length?;
        // A packet that answers no query is late or forged.
        let answered = queries.iter().position(|query| query.is_answered(&received[..length]));
        let Some(index) = answered.filter(|index| answers[*index].is_none()) else { continue };
        let answer = if is_truncated(&received[..length]) {
            timeout(patience, by_tcp(server, &queries[index])).await.unwrap_or(Ok(Asked::Silent))?
        } else {
            queries[index].read(&received[..length])
        };
        if matches!(&answer, Asked::Addresses(found) if !found.is_empty()) {
            ends = ends.min(Instant::now() + OTHER_FAMILY);
        }
        answers[index] = Some(answer);
    }
    Ok(())
}

/// Asks again by TCP, as the answer is too large for UDP (RFC 7766).
async fn by_tcp(server: SocketAddr, query: &Query) -> io::Result<Asked> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], &query.bytes].concat()).await?;
    let length = usize::from(stream.read_u16().await?);
    if length > MAX_TCP_BYTES {
        return Ok(Asked::Failed("the answer is too large".to_owned()));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    if !query.is_answered(&answer) {
        return Ok(Asked::Failed("the answer is to another question".to_owned()));
    }
    Ok(query.read(&answer))
}

/// A question for the addresses of one family.
struct Query {
    id: u16,
    family: TYPE,
    /// In lower case, without a dot at the end.
    name: String,
    bytes: Vec<u8>,
}

impl Query {
    fn new(name: &str, family: TYPE) -> Result<Self, LookUpError> {
        let mut id = [0; 2];
        let no_chance = |_| LookUpError::ours("the system has no randomness");
        SystemRandom::new().fill(&mut id).map_err(no_chance)?;
        let id = u16::from_be_bytes(id);
        let mut packet = Packet::new_query(id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let of = Name::new(name).map_err(|_| LookUpError::NoSuchName)?;
        let class = QCLASS::CLASS(CLASS::IN);
        packet.questions.push(Question::new(of, QTYPE::TYPE(family), class, false));
        let bytes = packet.build_bytes_vec().map_err(|_| LookUpError::NoSuchName)?;
        Ok(Self { id, family, name: name.to_ascii_lowercase(), bytes })
    }

    /// Whether a message is the answer to this question.
    fn is_answered(&self, message: &[u8]) -> bool {
        let Some(packet) = parse(message) else { return false };
        let [question] = packet.questions.as_slice() else { return false };
        packet.id() == self.id
            && packet.has_flags(PacketFlag::RESPONSE)
            && question.qtype == QTYPE::TYPE(self.family)
            && question.qname.to_string().trim_end_matches('.').eq_ignore_ascii_case(&self.name)
    }

    fn read(&self, message: &[u8]) -> Asked {
        let Some(packet) = parse(message) else {
            return Asked::Failed("the answer is malformed".to_owned());
        };
        match packet.rcode() {
            RCODE::NoError => {}
            RCODE::NameError => return Asked::NoSuchName,
            code => return Asked::Failed(format!("{code:?}")),
        }
        // The server has followed the aliases: these are the last name's addresses.
        let address = |record: &simple_dns::ResourceRecord<'_>| match &record.rdata {
            RData::A(a) => Some(IpAddr::from(Ipv4Addr::from(a.address))),
            RData::AAAA(aaaa) => Some(IpAddr::from(Ipv6Addr::from(aaaa.address))),
            _ => None,
        };
        let of_family = packet.answers.iter().filter(|it| it.rdata.type_code() == self.family);
        Asked::Addresses(of_family.filter_map(address).collect())
    }
}

/// Reads a message that is not unreasonably large.
fn parse(message: &[u8]) -> Option<Packet<'_>> {
    // The counts of questions, answers, authorities and additional records (RFC 1035 section 4.1.1).
    let counts = message.get(4..12)?.chunks_exact(2);
    let mut counts = counts.map(|count| u16::from_be_bytes([count[0], count[1]]));
    if counts.any(|count| count > MAX_RECORDS) {
        return None;
    }
    Packet::parse(message).ok()
}

fn is_truncated(message: &[u8]) -> bool {
    parse(message).is_some_and(|packet| packet.has_flags(PacketFlag::TRUNCATION))
}

fn failed(error: io::Error) -> LookUpError {
    if is_ours(&error) {
        LookUpError::ours(error)
    } else {
        LookUpError::Failed(format!("the resolver's configuration cannot be read: {error}"))
    }
}

#[cfg(test)]
mod tests;

//! The contents of `/etc/resolv.conf` and `/etc/hosts`.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
/// No such file is larger, unless something is wrong. The rest is not read.
const MAX_FILE_BYTES: u64 = 256 * 1024;
/// As many as other resolvers take.
const MAX_SERVERS: usize = 3;
const MAX_SEARCH: usize = 6;

/// The name servers, and the names that are known without them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) servers: Vec<SocketAddr>,
    /// The domains in which short names are looked for.
    search: Vec<String>,
    hosts: String,
}

impl Config {
    pub(super) fn of_system() -> io::Result<Self> {
        Ok(Self::parse(&read(RESOLV_CONF)?, read(HOSTS)?))
    }

    pub(super) fn parse(resolv_conf: &str, hosts: String) -> Self {
        let mut config = Self { hosts, ..Self::default() };
        for line in resolv_conf.lines() {
            // A comment begins with `#` or `;`.
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if config.servers.len() < MAX_SERVERS => {
                    config.servers.extend(words.next().and_then(server));
                }
                // The last of these lines counts.
                Some("search") => {
                    config.search = words.take(MAX_SEARCH).map(str::to_owned).collect();
                }
                Some("domain") => config.search = words.take(1).map(str::to_owned).collect(),
                _ => {}
            }
        }
        if config.servers.is_empty() {
            config.servers.push((Ipv4Addr::LOCALHOST, 53).into());
        }
        config
    }

    /// The addresses that the hosts file has for a name.
    pub(super) fn hosts(&self, name: &str) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for line in self.hosts.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
                continue;
            };
            if words.any(|known| known.eq_ignore_ascii_case(name)) && !found.contains(&address) {
                found.push(address);
            }
        }
        found
    }

    /// The full names that a name may stand for. A name with a dot is complete. The search domains
    /// are not tried, because the name could belong to another party there.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        let mut candidates = Vec::new();
        if !name.contains('.') {
            let in_domain = |domain: &String| format!("{name}.{}", domain.trim_matches('.'));
            candidates.extend(self.search.iter().map(in_domain));
        }
        candidates.push(name.to_owned());
        candidates
    }
}

/// The address of a name server. One of a link-local network has a zone behind `%`, which is not
/// supported.
fn server(word: &str) -> Option<SocketAddr> {
    Some(SocketAddr::new(word.parse().ok()?, 53))
}

/// A file's text; empty if the file does not exist.
fn read(path: &str) -> io::Result<String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_domains_are_read() {
        let text = "# by DHCP\nnameserver 10.0.0.2 # first\nnameserver fd00::53\nnameserver nonsense\n\
                    nameserver fe80::1%eth0\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n\
                    domain old.example\nsearch corp.example. lab.example\noptions ndots:5 timeout:1\n;x\n";
        let config = Config::parse(text, String::new());
        let servers = ["10.0.0.2:53", "[fd00::53]:53", "10.0.0.3:53"];
        assert_eq!(config.servers, servers.map(|server| server.parse().unwrap()));
        assert_eq!(config.candidates("db"), ["db.corp.example", "db.lab.example", "db"]);
        assert_eq!(config.candidates("hooks.example.com"), ["hooks.example.com"]);
    }

    #[test]
    fn without_servers_it_is_this_machine() {
        for text in ["", "\n\n", "nameserver\nsearch\n", "\u{0}\u{fffd}"] {
            let config = Config::parse(text, String::new());
            assert_eq!(config.servers, ["127.0.0.1:53".parse().unwrap()], "{text:?}");
            assert_eq!(config.candidates("db"), ["db"]);
        }
    }

    #[test]
    fn the_file_of_hosts_is_read() {
        let hosts = "127.0.0.1 localhost\n::1\tlocalhost ip6-localhost\n10.1.2.3 Build build.lan # build2\n\
                     nonsense build\n10.1.2.3 build\n";
        let config = Config::parse("", hosts.to_owned());
        let of = |name: &str| -> Vec<String> {
            config.hosts(name).iter().map(ToString::to_string).collect()
        };
        assert_eq!(of("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(of("BUILD"), ["10.1.2.3"]);
        assert_eq!((of("build2"), of("10.1.2.3")), (vec![], vec![]));
    }
}

//! `resolv.conf(5)`: servers, search list, options, and the order in which glibc tries them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use super::literal;

/// glibc's MAXNS, RES_MAXRETRANS, RES_MAXRETRY and RES_MAXNDOTS.
const MOST_SERVERS: usize = 3;
const LONGEST_TIMEOUT: u32 = 30;
const MOST_ATTEMPTS: u32 = 5;
const MOST_NDOTS: usize = 15;

/// What `resolv.conf` and the environment say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    /// Servers in the file's order, at most three; `127.0.0.1` where it names none.
    pub servers: Vec<SocketAddr>,
    /// Domains that are put behind a name, in order.
    pub search: Vec<String>,
    /// Names with at least so many dots are asked as they are first.
    pub ndots: usize,
    /// Seconds to wait for the first server.
    pub timeout: u32,
    /// How many times the list of servers is gone through.
    pub attempts: u32,
    /// Whether to start with another server than the first.
    pub rotate: bool,
    /// Whether to ask over TCP only.
    pub use_vc: bool,
    /// Whether to send an EDNS record (RFC 6891).
    pub edns0: bool,
    /// Whether to ask for IPv4 addresses only.
    pub no_aaaa: bool,
}

impl ResolvConf {
    /// Reads the file's text as glibc does: unknown words are passed over, the last `domain` or `search` wins.
    ///
    /// `local_domain` and `res_options` are the environment's `LOCALDOMAIN` and `RES_OPTIONS`; `host_name` gives the
    /// search list where nothing else does. `port` is where servers listen: 53.
    pub(crate) fn parse(
        text: &str,
        local_domain: Option<&str>,
        res_options: Option<&str>,
        host_name: &str,
        port: u16,
    ) -> ResolvConf {
        let mut conf = ResolvConf {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: 5,
            attempts: 2,
            rotate: false,
            use_vc: false,
            edns0: false,
            no_aaaa: false,
        };
        let mut search: Option<Vec<&str>> = None;
        for line in text.lines() {
            // A keyword starts its line, and so does the mark of a comment.
            let Some((keyword, rest)) = line.split_once([' ', '\t']) else { continue };
            let mut words = rest.split_ascii_whitespace();
            match keyword {
                "nameserver" if conf.servers.len() < MOST_SERVERS => {
                    conf.servers.extend(words.next().and_then(|word| server(word, port)));
                }
                "domain" => search = words.next().map(|domain| vec![domain]).or(search),
                "search" => search = Some(words.collect()),
                "options" => words.for_each(|word| conf.option(word)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            conf.servers.push((Ipv4Addr::LOCALHOST, port).into());
        }
        if let Some(domains) = local_domain {
            search = Some(domains.split_ascii_whitespace().collect());
        }
        let own = || host_name.split_once('.').map(|(_, domain)| domain).into_iter().collect();
        let clean = |domain: &str| domain.trim_matches('.').to_owned();
        conf.search =
            search.unwrap_or_else(own).into_iter().map(clean).filter(|domain| !domain.is_empty()).collect();
        if let Some(options) = res_options {
            options.split_ascii_whitespace().for_each(|word| conf.option(word));
        }
        conf
    }

    fn option(&mut self, word: &str) {
        let number = |text: &str| text.parse::<u32>().ok();
        match word.split_once(':') {
            Some(("ndots", value)) => {
                if let Ok(value) = value.parse::<usize>() {
                    self.ndots = value.min(MOST_NDOTS);
                }
            }
            Some(("timeout", value)) => {
                if let Some(value) = number(value) {
                    self.timeout = value.min(LONGEST_TIMEOUT);
                }
            }
            Some(("attempts", value)) => {
                if let Some(value) = number(value) {
                    self.attempts = value.min(MOST_ATTEMPTS);
                }
            }
            Some(_) => {}
            None => match word {
                "rotate" => self.rotate = true,
                "use-vc" => self.use_vc = true,
                "edns0" => self.edns0 = true,
                "no-aaaa" => self.no_aaaa = true,
                _ => {}
            },
        }
    }

    /// Every try in order: the server, and how long glibc waits for it (`send_dg` in its `res_send.c`).
    ///
    /// The first server gets the timeout; server `n` (from 0) gets the timeout times 2ⁿ over the number of servers, at
    /// least a second. So three silent servers at the default of 5 s cost 5, 3 and 6 s, twice.
    /// `start` is the server to begin with where `rotate` is set.
    pub fn tries(&self, start: usize) -> Vec<(SocketAddr, Duration)> {
        let count = self.servers.len();
        let start = if self.rotate { start % count.max(1) } else { 0 };
        let round = (0..count).map(|step| (start + step) % count).map(|index| {
            let mut seconds = u64::from(self.timeout) << index;
            if index > 0 {
                seconds /= count as u64;
            }
            (self.servers[index], Duration::from_secs(seconds.max(1)))
        });
        let round: Vec<_> = round.collect();
        (0..self.attempts).flat_map(|_| round.clone()).collect()
    }

    /// The names to ask for, in order (`res_search` in glibc's `res_query.c`), without a last dot.
    ///
    /// A name that ends in a dot is asked as it is, and nothing else.
    pub fn names(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let as_it_is = name.to_owned();
        let mut names: Vec<String> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        if name.matches('.').count() >= self.ndots {
            names.insert(0, as_it_is);
        } else {
            names.push(as_it_is);
        }
        names
    }
}

fn server(word: &str, port: u16) -> Option<SocketAddr> {
    let (address, zone) = literal::parse(word)?;
    Some(match address {
        IpAddr::V4(_) => SocketAddr::new(address, port),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, zone).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::ResolvConf;

    fn read(text: &str) -> ResolvConf {
        ResolvConf::parse(text, None, None, "node7.sin1.example.net", 53)
    }

    fn seconds(text: &str) -> Vec<u64> {
        read(text).tries(0).iter().map(|(_, wait)| wait.as_secs()).collect()
    }

    #[test]
    fn an_empty_file_asks_this_host() {
        let conf = read("");
        assert_eq!(conf.servers, ["127.0.0.1:53".parse().expect("an address")]);
        assert_eq!((conf.ndots, conf.timeout, conf.attempts, conf.rotate), (1, 5, 2, false));
        assert_eq!(conf.search, ["sin1.example.net"]);
    }

    #[test]
    fn words_of_the_manual_page() {
        let conf = read(
            "# nameserver 10.9.9.9\n nameserver 10.9.9.8\nnameserver 10.0.0.1\nnameserver\t10.0.0.2 # two\nnameserver bad\n\
             nameserver 2001:db8::3\nnameserver 10.0.0.4\ndomain a.example\nsearch b.example. c.example\n\
             options ndots:99 timeout:99 attempts:9 rotate edns0 use-vc no-aaaa unknown unknown:1 timeout:x\n",
        );
        let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:53", "10.0.0.2:53", "[2001:db8::3]:53"]);
        assert_eq!(conf.search, ["b.example", "c.example"]);
        assert_eq!((conf.ndots, conf.timeout, conf.attempts), (15, 30, 5));
        assert!(conf.rotate && conf.edns0 && conf.use_vc && conf.no_aaaa);
    }

    #[test]
    fn the_environment_overrides() {
        let conf = ResolvConf::parse(
            "search a.example\noptions timeout:2\n",
            Some("x.example y.example"),
            Some("timeout:1 attempts:1"),
            "",
            53,
        );
        assert_eq!(conf.search, ["x.example", "y.example"]);
        assert_eq!((conf.timeout, conf.attempts), (1, 1));
    }

    #[test]
    fn waits_as_glibc() {
        assert_eq!(seconds("nameserver 10.0.0.1\n"), [5, 5]);
        assert_eq!(seconds("nameserver 10.0.0.1\nnameserver 10.0.0.2\n"), [5, 5, 5, 5]);
        assert_eq!(
            seconds("nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"),
            [5, 3, 6, 5, 3, 6]
        );
        assert_eq!(seconds("options timeout:0 attempts:1\n"), [1]);
        assert!(seconds("options attempts:0\n").is_empty());
    }

    #[test]
    fn rotate_starts_elsewhere() {
        let conf = read("nameserver 10.0.0.1\nnameserver 10.0.0.2\noptions rotate attempts:1\n");
        let order =
            |start| conf.tries(start).iter().map(|(server, _)| server.to_string()).collect::<Vec<_>>();
        assert_eq!(order(0), ["10.0.0.1:53", "10.0.0.2:53"]);
        assert_eq!(order(3), ["10.0.0.2:53", "10.0.0.1:53"]);
    }

    #[test]
    fn names_with_enough_dots_come_first() {
        let conf = read("search a.example b.example\noptions ndots:2\n");
        assert_eq!(conf.names("db"), ["db.a.example", "db.b.example", "db"]);
        assert_eq!(conf.names("db.x"), ["db.x.a.example", "db.x.b.example", "db.x"]);
        assert_eq!(conf.names("db.x.y"), ["db.x.y", "db.x.y.a.example", "db.x.y.b.example"]);
        assert_eq!(conf.names("db."), ["db"]);
    }
}

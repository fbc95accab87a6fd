//! The datacenter: every service, its address, the team that deploys it, and how it talks.

use crate::{dns, ntp};
use std::net::Ipv4Addr;

/// The zone of the datacenter; `example.net` is reserved for documentation (RFC 2606).
pub const ZONE: &str = "iad2.example.net";

/// One listener, on its own address of 127.0.0.0/8, all of which is loopback.
#[derive(Debug)]
pub struct Service {
    /// What `serve` calls it.
    pub name: &'static str,
    /// The team that deploys it.
    pub team: &'static str,
    /// Its name in the zone, without the zone.
    pub host: &'static str,
    /// Where it listens.
    pub address: Ipv4Addr,
    /// Services without which it is out of service.
    pub needs: &'static [&'static str],
    /// What it says.
    pub talk: Talk,
}

/// How a service answers.
#[derive(Debug)]
pub enum Talk {
    /// DNS over UDP and TCP.
    Dns,
    /// NTP, over UDP only.
    Ntp,
    /// Takes what it is sent, and says nothing: syslog over TCP (RFC 6587), a directory that waits for a bind.
    Listen,
    /// HTTP/1.1 over TLS: the answer to this request line; 404 to others.
    Https { request: &'static str, status: &'static str, header: &'static str, body: &'static str },
    /// HTTP proxy: CONNECT (RFC 9110, section 9.3.6) to the services that speak TLS.
    Proxy,
    /// SMTP: greeting, EHLO, QUIT (RFC 5321).
    Smtp,
    /// PostgreSQL: `N` to an `SSLRequest`, which means no TLS here.
    Postgres,
    /// AMQP 0-9-1: any other protocol header is answered with ours.
    Amqp,
}

/// Makes the response to a datagram, where there is to be one.
pub type Answer = fn(&[u8]) -> Option<Vec<u8>>;

impl Talk {
    /// Whether it listens on TCP.
    pub fn is_stream(&self) -> bool {
        !matches!(self, Talk::Ntp)
    }

    /// Whether it begins with a TLS handshake.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Talk::Https { .. })
    }

    /// How it answers over UDP, if it does.
    pub fn datagrams(&self) -> Option<Answer> {
        match self {
            Talk::Dns => Some(dns::answer),
            Talk::Ntp => Some(ntp::answer),
            _ => None,
        }
    }
}

/// Every service in the order of its deployment: none comes before what it depends on.
pub const SERVICES: &[Service] = &[
    service("dns", "DNS and time", "ns1", [0, 53], &[], Talk::Dns),
    service("ntp", "DNS and time", "ntp", [0, 123], &["dns"], Talk::Ntp),
    service(
        "mirror",
        "Network",
        "mirror",
        [0, 80],
        &[],
        Talk::Https {
            request: "GET /health ",
            status: "200 OK",
            header: "Content-Type: application/json",
            body: "{\"status\":\"ok\"}\n",
        },
    ),
    service("proxy", "Network", "egress", [0, 31], &["dns"], Talk::Proxy),
    service("ldap", "Identity", "ldap", [1, 10], &["dns"], Talk::Listen),
    service(
        "sso",
        "Identity",
        "sso",
        [1, 20],
        &["ldap"],
        Talk::Https {
            request: "GET /.well-known/openid-configuration ",
            status: "200 OK",
            header: "Content-Type: application/json",
            body: "{\"issuer\":\"https://sso.iad2.example.net\",\"jwks_uri\":\"https://sso.iad2.example.net/keys\"}\n",
        },
    ),
    service(
        "s3",
        "Storage",
        "s3",
        [3, 10],
        &["dns"],
        Talk::Https {
            request: "GET / ",
            status: "403 Forbidden",
            header: "Content-Type: application/xml",
            body: "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>\n",
        },
    ),
    service(
        "registry",
        "Platform",
        "registry",
        [2, 10],
        &["s3", "sso"],
        Talk::Https {
            request: "GET /v2/ ",
            status: "401 Unauthorized",
            header: "Docker-Distribution-Api-Version: registry/2.0\r\nWWW-Authenticate: Bearer realm=\"https://sso.iad2.example.net/token\"",
            body: "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}\n",
        },
    ),
    service("postgres", "Data services", "pg-rw", [4, 10], &["dns"], Talk::Postgres),
    service("amqp", "Data services", "mq", [5, 10], &["dns"], Talk::Amqp),
    service("syslog", "Observability", "logs", [6, 10], &["dns"], Talk::Listen),
    service(
        "metrics",
        "Observability",
        "metrics",
        [6, 20],
        &["dns"],
        Talk::Https {
            request: "GET /-/ready ",
            status: "200 OK",
            header: "Content-Type: text/plain",
            body: "Prometheus Server is Ready.\n",
        },
    ),
    service("smtp", "Messaging", "smtp", [7, 25], &["dns"], Talk::Smtp),
    service(
        "api",
        "Platform",
        "api",
        [8, 10],
        &["proxy", "registry", "postgres", "amqp", "syslog"],
        Talk::Https {
            request: "GET /readyz ",
            status: "200 OK",
            header: "Content-Type: text/plain",
            body: "ok\n",
        },
    ),
];

/// The service of that name.
pub fn named(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}

const fn service(
    name: &'static str,
    team: &'static str,
    host: &'static str,
    [third, fourth]: [u8; 2],
    needs: &'static [&'static str],
    talk: Talk,
) -> Service {
    Service { name, team, host, address: Ipv4Addr::new(127, 20, third, fourth), needs, talk }
}

impl Service {
    /// Its name with the zone, as its certificate has it.
    pub fn full_name(&self) -> String {
        format!("{}.{ZONE}", self.host)
    }

    /// The services that it needs, directly or through others, each once.
    pub fn all_needs(&self) -> Vec<&'static Service> {
        let mut found: Vec<&'static Service> = Vec::new();
        let mut names = self.needs.to_vec();
        while let Some(name) = names.pop() {
            if let Some(service) = named(name).filter(|_| found.iter().all(|known| known.name != name)) {
                names.extend(service.needs);
                found.push(service);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_hosts_and_addresses_are_distinct() {
        let count = |of: fn(&Service) -> String| SERVICES.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(count(|service| service.name.to_owned()), SERVICES.len());
        assert_eq!(count(|service| service.host.to_owned()), SERVICES.len());
        assert_eq!(count(|service| service.address.to_string()), SERVICES.len());
    }

    #[test]
    fn nothing_is_deployed_before_what_it_needs() {
        for (at, service) in SERVICES.iter().enumerate() {
            // One that does not listen on TCP cannot be watched by those who need it.
            let earlier = |need: &&str| {
                SERVICES[..at].iter().any(|other| other.name == *need && other.talk.is_stream())
            };
            assert!(service.needs.iter().all(earlier), "{}: {:?}", service.name, service.needs);
        }
    }

    #[test]
    fn needs_are_followed_to_their_end() {
        let names =
            |name| named(name).unwrap().all_needs().iter().map(|need| need.name).collect::<BTreeSet<_>>();
        assert_eq!(names("registry"), BTreeSet::from(["dns", "ldap", "s3", "sso"]));
        assert_eq!(names("dns"), BTreeSet::new());
    }
}

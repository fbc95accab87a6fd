//! Why a host cannot be reached, as routers, hosts and this kernel put it.

use std::fmt;
use std::net::IpAddr;

use nix::errno::Errno;

/// An ICMP error, or this kernel's refusal to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// Kind.
    pub what: What,
    /// Who said so; none where this host's kernel refused to send.
    pub from: Option<IpAddr>,
}

/// Kind of trouble: RFC 792, RFC 1122 (section 3.2.2.1), RFC 1812 (section 5.2.7.1) and RFC 4443.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// No route to the network.
    Network,
    /// The host does not answer on its own network.
    Host,
    /// The host has no ICMP: said by hosts that do not wish to be asked.
    Protocol,
    /// As of a UDP port; some systems say so of any packet.
    Port,
    /// Larger than a link on the way takes, and not to be fragmented.
    TooBig {
        /// What the link takes, if known, bytes.
        mtu: Option<u32>,
    },
    /// A filter said no.
    Prohibited,
    /// The time to live has run out on the way.
    TtlExceeded,
    /// Fragments were missing.
    Reassembly,
    /// Something is wrong with the packet.
    Parameter,
    /// Unreachable in another way.
    Other {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
    /// This kernel's own error.
    Kernel(Errno),
}

impl What {
    /// What an ICMP type and code mean; `info` is the MTU where they speak of size.
    pub(super) fn of(v6: bool, kind: u8, code: u8, info: u32) -> What {
        let mtu = (info > 0).then_some(info);
        match (v6, kind, code) {
            (false, 3, 0 | 6 | 11) | (true, 1, 0) => What::Network,
            (false, 3, 1 | 7 | 12) | (true, 1, 3) => What::Host,
            (false, 3, 2) => What::Protocol,
            (false, 3, 3) | (true, 1, 4) => What::Port,
            (false, 3, 4) | (true, 2, _) => What::TooBig { mtu },
            (false, 3, 9 | 10 | 13 | 14 | 15) | (true, 1, 1 | 5 | 6) => What::Prohibited,
            (false, 11, 0) | (true, 3, 0) => What::TtlExceeded,
            (false, 11, _) | (true, 3, _) => What::Reassembly,
            (false, 12, _) | (true, 4, _) => What::Parameter,
            _ => What::Other { kind, code },
        }
    }

    /// The MTU where the size was the trouble.
    pub fn mtu(self) -> Option<u32> {
        match self {
            What::TooBig { mtu } => mtu,
            _ => None,
        }
    }
}

impl Trouble {
    /// A refusal to send.
    pub(super) fn local(error: Errno, mtu: Option<u32>) -> Trouble {
        let what = match error {
            Errno::EMSGSIZE => What::TooBig { mtu },
            Errno::ENETUNREACH => What::Network,
            Errno::EHOSTUNREACH => What::Host,
            // What a firewall's or a route's "prohibit" becomes; also a broadcast address.
            Errno::EACCES | Errno::EPERM => What::Prohibited,
            other => What::Kernel(other),
        };
        Trouble { what, from: None }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Network => f.write_str("network unreachable"),
            What::Host => f.write_str("host unreachable"),
            What::Protocol => f.write_str("protocol unreachable"),
            What::Port => f.write_str("port unreachable"),
            What::TooBig { mtu: Some(mtu) } => write!(f, "fragmentation needed, MTU {mtu}"),
            What::TooBig { mtu: None } => f.write_str("fragmentation needed"),
            What::Prohibited => f.write_str("prohibited"),
            What::TtlExceeded => f.write_str("TTL exceeded"),
            What::Reassembly => f.write_str("fragments lost on the way"),
            What::Parameter => f.write_str("bad parameter"),
            What::Other { kind, code } => write!(f, "unreachable, ICMP type {kind} code {code}"),
            What::Kernel(Errno::EINVAL) => f.write_str("no way out (blackhole route?)"),
            What::Kernel(error) => write!(f, "cannot send: {}", error.desc().to_ascii_lowercase()),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) => write!(f, "{}, says {from}", self.what),
            None => write!(f, "{}, says this host", self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Trouble, What};
    use nix::errno::Errno;

    #[test]
    fn types_and_codes() {
        let v4 = |kind, code, info| What::of(false, kind, code, info);
        assert_eq!(v4(3, 0, 0), What::Network);
        assert_eq!(v4(3, 1, 0), What::Host);
        assert_eq!(v4(3, 4, 1500), What::TooBig { mtu: Some(1500) });
        assert_eq!(v4(3, 4, 0), What::TooBig { mtu: None });
        assert_eq!(v4(3, 13, 0), What::Prohibited);
        assert_eq!(v4(11, 0, 0), What::TtlExceeded);
        assert_eq!(v4(11, 1, 0), What::Reassembly);
        assert_eq!(v4(4, 0, 0), What::Other { kind: 4, code: 0 });
        let v6 = |kind, code, info| What::of(true, kind, code, info);
        assert_eq!(v6(1, 0, 0), What::Network);
        assert_eq!(v6(1, 3, 0), What::Host);
        assert_eq!(v6(2, 0, 1280), What::TooBig { mtu: Some(1280) });
        assert_eq!(v6(3, 0, 0), What::TtlExceeded);
        assert_eq!(v6(1, 1, 0), What::Prohibited);
    }

    #[test]
    fn who_said_what() {
        let trouble = Trouble { what: What::Host, from: "10.0.0.1".parse().ok() };
        assert_eq!(trouble.to_string(), "host unreachable, says 10.0.0.1");
        let local = |error, mtu| Trouble::local(error, mtu).to_string();
        assert_eq!(local(Errno::EMSGSIZE, Some(1500)), "fragmentation needed, MTU 1500, says this host");
        assert_eq!(local(Errno::ENETUNREACH, None), "network unreachable, says this host");
        assert_eq!(local(Errno::EACCES, None), "prohibited, says this host");
        assert_eq!(local(Errno::EINVAL, None), "no way out (blackhole route?), says this host");
        assert_eq!(local(Errno::ENODEV, None), "cannot send: no such device, says this host");
    }
}

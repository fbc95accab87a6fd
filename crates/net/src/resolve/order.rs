//! The order in which addresses are to be tried.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

/// Sorts as `getaddrinfo` does in the two rules of RFC 6724 that matter to a client: addresses that this host has no
/// route to come last (rule 1), IPv6 comes before IPv4 (rule 6). Within these the source's order stays.
pub(crate) fn sort(addresses: &mut [IpAddr], routable: impl Fn(IpAddr) -> bool) {
    if addresses.len() > 1 {
        addresses.sort_by_cached_key(|address| (!routable(*address), address.is_ipv4()));
    }
}

/// Whether the kernel would know where to send a packet for this address. Nothing is sent.
pub(crate) fn routable(address: IpAddr, zone: u32) -> bool {
    let (any, target) = match address {
        IpAddr::V4(_) => (IpAddr::from(Ipv4Addr::UNSPECIFIED), SocketAddr::new(address, 9)),
        IpAddr::V6(v6) => (IpAddr::from(Ipv6Addr::UNSPECIFIED), SocketAddrV6::new(v6, 9, 0, zone).into()),
    };
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect(target).is_ok())
}

#[cfg(test)]
mod tests {
    use super::{routable, sort};
    use std::net::IpAddr;

    fn sorted(texts: &[&str], routable: impl Fn(IpAddr) -> bool) -> Vec<String> {
        let mut addresses: Vec<IpAddr> = texts.iter().map(|text| text.parse().expect("an address")).collect();
        sort(&mut addresses, routable);
        addresses.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn reachable_first_then_ipv6() {
        let given = ["10.0.0.2", "10.0.0.1", "2001:db8::1"];
        assert_eq!(sorted(&given, |_| true), ["2001:db8::1", "10.0.0.2", "10.0.0.1"]);
        assert_eq!(sorted(&given, |address| address.is_ipv4()), ["10.0.0.2", "10.0.0.1", "2001:db8::1"]);
    }

    #[test]
    fn this_host_is_always_routable() {
        assert!(routable([127, 0, 0, 1].into(), 0));
    }
}

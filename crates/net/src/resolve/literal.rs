//! Addresses written as text: the forms that `getaddrinfo(3)` takes without asking anyone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, and the index of the interface that its zone names; zero without one.
///
/// Reads what glibc reads: dotted quads, the shorter and other-based forms of `inet_aton(3)` (`127.1`, `0x7f000001`),
/// IPv6, and IPv6 with a zone (`fe80::1%eth0`, RFC 4007). An unknown zone is no address.
pub(crate) fn parse(text: &str) -> Option<(IpAddr, u32)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address, 0));
    }
    if let Some((address, zone)) = text.split_once('%') {
        let address: Ipv6Addr = address.parse().ok()?;
        return Some((address.into(), interface(zone)?));
    }
    aton(text).map(|address| (address.into(), 0))
}

fn interface(zone: &str) -> Option<u32> {
    match zone.parse() {
        Ok(0) => None,
        Ok(index) => Some(index),
        Err(_) => nix::net::if_::if_nametoindex(zone).ok(),
    }
}

// One to four numbers; the last one fills all bytes that are left.
fn aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut value: u64 = 0;
    for part in first {
        value = value << 8 | u64::from(u8::try_from(*part).ok()?);
    }
    let bits = 8 * (4 - u32::try_from(first.len()).ok()?);
    if u64::from(*last) >> bits != 0 {
        return None;
    }
    let value = value << bits | u64::from(*last);
    u32::try_from(value).ok().map(Ipv4Addr::from)
}

// As C writes them: 0x for sixteen, a leading zero for eight.
fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn shown(text: &str) -> Option<String> {
        parse(text)
            .map(|(address, zone)| if zone == 0 { address.to_string() } else { format!("{address}%{zone}") })
    }

    #[test]
    fn what_glibc_reads() {
        for (text, address) in [
            ("10.0.0.1", "10.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("1.2.515", "1.2.2.3"),
            ("2130706433", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("010.0.0.1", "8.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("fe80::1%lo", "fe80::1%1"),
            ("fe80::1%7", "fe80::1%7"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(address), "{text}");
        }
    }

    #[test]
    fn what_is_a_name() {
        for text in [
            "",
            ".",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.256",
            "1.16777216",
            "4294967296",
            "1.2.3.",
            "0x",
            "08",
            "+1",
            "1 ",
            "a",
            "fe80::1%",
            "fe80::1%nosuchif",
            "10.0.0.1%lo",
        ] {
            assert_eq!(shown(text), None, "{text:?}");
        }
    }
}

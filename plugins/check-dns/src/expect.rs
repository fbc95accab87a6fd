//! What an answer is to hold: addresses, networks, records as text.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::records::{Row, Value};

/// One expected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Exactly this address, however it is written.
    Address(IpAddr),
    /// Any address of a network, RFC 4632.
    Network(IpAddr, u8),
    /// A record as it is shown: names in any case, with or without the last dot.
    Text(String),
}

impl Expected {
    /// Whether a record is what is expected.
    pub(crate) fn matches(&self, row: &Row) -> bool {
        match (self, &row.value) {
            (Expected::Address(wanted), Value::Address(address)) => wanted == address,
            (Expected::Network(network, bits), Value::Address(address)) => within(*address, *network, *bits),
            (Expected::Text(text), Value::Text(content)) => text == &row.data || text.as_bytes() == content,
            (wanted, Value::Other) => comparable(&wanted.to_string()) == comparable(&row.data),
            _ => false,
        }
    }
}

fn comparable(text: &str) -> String {
    text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    // A shift by the whole width is no shift: a prefix of 0 bits takes everything.
    (address ^ network).checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
}

impl FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Expected, String> {
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if let Ok(address) = text.parse() {
            return Ok(Expected::Address(address));
        }
        if let Some((network, bits)) = text.split_once('/')
            && let Ok(network) = network.parse::<IpAddr>()
        {
            let most = if network.is_ipv4() { 32 } else { 128 };
            return match bits.parse() {
                Ok(bits) if bits <= most => Ok(Expected::Network(network, bits)),
                _ => Err(format!("`{bits}` is no length of a prefix; 0 to {most}")),
            };
        }
        Ok(Expected::Text(text.to_owned()))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Address(address) => write!(f, "{address}"),
            Expected::Network(network, bits) => write!(f, "{network}/{bits}"),
            Expected::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Expected;
    use crate::records::{Row, Value};

    fn row(data: &str) -> Row {
        let value = data.parse().map_or(Value::Other, Value::Address);
        Row { name: "a.".into(), kind: "X".into(), ttl: 0, data: data.into(), value }
    }

    fn matches(expected: &str, data: &str) -> bool {
        expected.parse::<Expected>().expect("readable").matches(&row(data))
    }

    #[test]
    fn addresses_and_networks() {
        assert!(matches("2001:DB8:0::1", "2001:db8::1"));
        assert!(!matches("10.0.0.1", "10.0.0.11"));
        for (network, address, inside) in [
            ("10.0.0.0/24", "10.0.0.255", true),
            ("10.0.0.77/24", "10.0.0.1", true),
            ("10.0.0.0/24", "10.0.1.0", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("::/0", "2001:db8::1", true),
            ("10.0.0.1/32", "10.0.0.2", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/128", "2001:db8::1", false),
            ("::/0", "10.0.0.1", false),
        ] {
            assert_eq!(matches(network, address), inside, "{network} {address}");
        }
    }

    #[test]
    fn names_in_any_case_and_with_any_end() {
        assert!(matches("WWW.example.net", "www.example.net."));
        assert!(matches("10 mx.example.net.", "10 mx.example.net."));
        assert!(!matches("20 mx.example.net", "10 mx.example.net."));
        assert!(!matches("example.net", "www.example.net."));
    }

    #[test]
    fn texts_with_or_without_quotes_but_exact() {
        let row = Row { value: Value::Text(b"v=spf1 -all".to_vec()), ..row("\"v=spf1\" \" -all\"") };
        let matches = |text: &str| Expected::Text(text.into()).matches(&row);
        assert!(matches("v=spf1 -all"));
        assert!(matches("\"v=spf1\" \" -all\""));
        assert!(!matches("V=SPF1 -all"));
    }

    #[test]
    fn bad_networks_are_refused() {
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/x", "10.0.0.0/"] {
            assert!(bad.parse::<Expected>().is_err(), "{bad:?}");
        }
        assert_eq!(
            "0/25.2.0.10.in-addr.arpa.".parse(),
            Ok(Expected::Text("0/25.2.0.10.in-addr.arpa.".into()))
        );
    }
}

//! The hosts file, `hosts(5)`.

use std::net::IpAddr;

use super::literal;

/// Every address that the file gives a name or an alias, in the file's order, and the first zone among them.
///
/// All lines count, as in glibc's `getaddrinfo`. Names match in any case, with or without a last dot. A line that does
/// not start with an address is passed over.
pub(crate) fn find(text: &str, name: &str) -> (Vec<IpAddr>, u32) {
    let wanted = bare(name);
    let mut found = Vec::new();
    let mut zone = 0;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let Some((address, its_zone)) = words.next().and_then(literal::parse) else { continue };
        if !found.contains(&address) && words.any(|alias| bare(alias).eq_ignore_ascii_case(wanted)) {
            found.push(address);
            if zone == 0 {
                zone = its_zone;
            }
        }
    }
    (found, zone)
}

fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::find;
    use std::net::IpAddr;

    const FILE: &str = "\
# a comment
127.0.0.1\tlocalhost
::1 localhost ip6-localhost   # the other family

10.0.0.5 db.example.net DB
10.0.0.6 db.example.net
10.0.0.5 db.example.net
nonsense db.example.net
fe80::1%lo router
10.0.0.7#db.example.net
";

    fn addresses(name: &str) -> Vec<String> {
        find(FILE, name).0.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn all_lines_aliases_any_case() {
        assert_eq!(addresses("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(addresses("DB.Example.NET."), ["10.0.0.5", "10.0.0.6"]);
        assert_eq!(addresses("db"), ["10.0.0.5"]);
        assert_eq!(find(FILE, "router").1, 1);
        assert!(addresses("example.net").is_empty());
    }
}

//! Users of the machine, from /etc/passwd (passwd(5)).
//!
//! Other sources of nsswitch.conf(5), such as LDAP or sssd, are not asked: a static program cannot load their libraries, and a
//! directory that is down must not hold up a check of this machine.

use plugin::Result;

use crate::Root;

/// Longest /etc/passwd that is read: some 200 000 users.
const LIMIT: usize = 16 << 20;

/// One line of /etc/passwd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Numeric id.
    pub uid: u32,
}

/// The first user that is the one wanted.
pub fn find(root: &Root, mut wanted: impl FnMut(&User) -> bool) -> Result<Option<User>> {
    let text = root.read_up_to("/etc/passwd", LIMIT)?;
    Ok(text.lines().filter_map(parse).find(|user| wanted(user)))
}

fn parse(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let (name, uid) = (fields.next()?, fields.nth(1)?.parse().ok()?);
    Some(User { name: name.to_owned(), uid })
}

#[cfg(test)]
mod tests {
    use super::{User, find, parse};
    use crate::root::tests::root_with;
    use proptest::prelude::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        let passwd =
            "# comment\nroot:x:0:0:root:/root:/bin/sh\n+::::::\nwww-data:x:33:33::/var/www:/bin/false\n";
        let (_folder, root) = root_with("/etc/passwd", passwd);
        let www = User { name: "www-data".into(), uid: 33 };
        assert_eq!(find(&root, |user| user.name == "www-data"), Ok(Some(www.clone())));
        assert_eq!(find(&root, |user| user.uid == 33), Ok(Some(www)));
        assert_eq!(find(&root, |user| user.name == "nobody"), Ok(None));
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_skipped(line in ".{0,60}") {
            let _read = parse(&line);
        }
    }
}

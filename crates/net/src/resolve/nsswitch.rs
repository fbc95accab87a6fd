//! The `hosts:` line of `nsswitch.conf(5)`: which sources are asked for names, in which order.

/// How one source answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    NotFound,
    Unavailable,
    TryAgain,
}

impl Status {
    const ALL: [Status; 4] = [Status::Success, Status::NotFound, Status::Unavailable, Status::TryAgain];

    fn read(word: &str) -> Option<Status> {
        match word.to_ascii_lowercase().as_str() {
            "success" => Some(Status::Success),
            "notfound" => Some(Status::NotFound),
            "unavail" => Some(Status::Unavailable),
            "tryagain" => Some(Status::TryAgain),
            _ => None,
        }
    }
}

/// One source, and after which answers the search ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub name: String,
    ends: Vec<Status>,
}

impl Source {
    fn new(name: &str) -> Source {
        Source { name: name.to_owned(), ends: vec![Status::Success] }
    }

    /// Whether the search ends when this source answers so.
    pub(crate) fn ends_with(&self, status: Status) -> bool {
        self.ends.contains(&status)
    }

    /// `NOTFOUND=return`, `!UNAVAIL=return`, `SUCCESS=continue`: one criterion from between the brackets.
    fn apply(&mut self, criterion: &str) {
        let Some((status, action)) = criterion.split_once('=') else { return };
        let (negated, status) = match status.strip_prefix('!') {
            Some(status) => (true, status),
            None => (false, status),
        };
        let Some(status) = Status::read(status) else { return };
        let ends = action.eq_ignore_ascii_case("return");
        for each in Status::ALL {
            if (each == status) != negated {
                self.ends.retain(|kept| *kept != each);
                if ends {
                    self.ends.push(each);
                }
            }
        }
    }
}

/// The sources for host names. Without such a line: files, then dns.
pub(crate) fn sources(text: &str) -> Vec<Source> {
    let line = text.lines().find_map(|line| {
        let line = line.split('#').next()?;
        line.trim_start().strip_prefix("hosts:")
    });
    let Some(line) = line else { return vec![Source::new("files"), Source::new("dns")] };
    let spaced = line.replace('[', " [ ").replace(']', " ] ");
    let mut sources: Vec<Source> = Vec::new();
    let mut in_brackets = false;
    for word in spaced.split_ascii_whitespace() {
        match word {
            "[" => in_brackets = true,
            "]" => in_brackets = false,
            criterion if in_brackets => {
                if let Some(source) = sources.last_mut() {
                    source.apply(criterion);
                }
            }
            name => sources.push(Source::new(name)),
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::{Status, sources};

    fn shown(text: &str) -> Vec<String> {
        sources(text)
            .iter()
            .map(|source| {
                let ends: String = Status::ALL
                    .iter()
                    .map(|status| if source.ends_with(*status) { 'r' } else { 'c' })
                    .collect();
                format!("{} {ends}", source.name)
            })
            .collect()
    }

    #[test]
    fn sources_in_order_with_their_ends() {
        assert_eq!(shown(""), ["files rccc", "dns rccc"]);
        assert_eq!(shown("passwd: files\n  hosts:\tdns files # x\n"), ["dns rccc", "files rccc"]);
        assert_eq!(
            shown("hosts: files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns"),
            ["files rccc", "mdns4_minimal rrcc", "resolve rrcr", "dns rccc"]
        );
        assert_eq!(
            shown("hosts:files[success=continue notfound=return]dns [bogus=return] [x]"),
            ["files crcc", "dns rccc"]
        );
        assert!(shown("hosts:").is_empty());
    }
}

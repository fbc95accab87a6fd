//! Cookies between hops, and from run to run in a file (RFC 6265, and the file format of Netscape and curl).

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use plugin::{Failure, Reason, Result, Secret};
use url::Url;

use crate::date;
use crate::request::host_of;

/// Most bytes of a file of cookies.
const FILE: u64 = 1024 * 1024;
/// Most cookies, and most bytes of one: what a server may make us keep (RFC 6265, 6.1).
const MOST: usize = 300;
const LONGEST: usize = 4096;

/// The cookies of one run.
#[derive(Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, PartialEq, Eq)]
struct Cookie {
    /// Host, or the domain that it is for, in lower case.
    domain: String,
    /// Whether hosts below the domain get it too.
    below: bool,
    path: String,
    /// For encrypted connections only.
    secure: bool,
    http_only: bool,
    /// End, seconds since 1970; none for the end of the session.
    expires: Option<i64>,
    name: String,
    value: String,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cookie({} of {}{})", self.name, self.domain, self.path)
    }
}

impl Jar {
    /// Reads a file of cookies; one that is not there is empty.
    ///
    /// Errors with [`Reason::Usage`] or [`Reason::Permission`].
    pub fn read(path: &Path) -> Result<Jar> {
        use std::io::Read as _;
        let failed = |error: &std::io::Error| file_failure("read", path, error);
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Jar::default()),
            Err(error) => return Err(failed(&error)),
        };
        let mut bytes = Vec::new();
        file.take(FILE).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        let text = String::from_utf8_lossy(&bytes);
        let cookies: Vec<Cookie> = text.lines().filter_map(read_line).take(MOST).collect();
        for cookie in &cookies {
            Secret::new(cookie.value.clone());
        }
        Ok(Jar { cookies })
    }

    /// Writes the file of cookies, readable by its owner only; those of the session too, as curl does.
    ///
    /// Errors with [`Reason::Usage`] or [`Reason::Permission`].
    pub fn write(&self, path: &Path) -> Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut text = "# Netscape HTTP Cookie File\n\n".to_owned();
        for cookie in &self.cookies {
            let flag = |is: bool| if is { "TRUE" } else { "FALSE" };
            let _written = writeln!(
                text,
                "{}{}{}\t{}\t{}\t{}\t{}\t{}\t{}",
                if cookie.http_only { "#HttpOnly_" } else { "" },
                if cookie.below { "." } else { "" },
                cookie.domain,
                flag(cookie.below),
                cookie.path,
                flag(cookie.secure),
                cookie.expires.unwrap_or(0),
                cookie.name,
                cookie.value
            );
        }
        // Beside it and then over it: a run that is killed leaves the old one.
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&beside, path));
        written.map_err(|error| file_failure("write", path, &error))
    }

    /// Keeps what a `Set-Cookie` header says, or drops what it ends. Whether anything changed.
    pub(crate) fn take(&mut self, url: &Url, header: &str) -> bool {
        let Some(cookie) = read_header(url, header, now()) else { return false };
        let same = |other: &Cookie| {
            (&other.domain, &other.path, &other.name) == (&cookie.domain, &cookie.path, &cookie.name)
        };
        let old = self.cookies.iter().position(same).map(|at| self.cookies.remove(at));
        if cookie.expires.is_some_and(|end| end <= now()) {
            return old.is_some();
        }
        let changed = old.as_ref() != Some(&cookie);
        if self.cookies.len() < MOST {
            self.cookies.push(cookie);
        }
        changed
    }

    /// The value of the `Cookie` header for a URL, if there is anything to send.
    pub(crate) fn header(&self, url: &Url) -> Option<String> {
        let now = now();
        let mut fit: Vec<&Cookie> = self.cookies.iter().filter(|cookie| cookie.is_for(url, now)).collect();
        // Longer paths first (RFC 6265, 5.4).
        fit.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            fit.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn is_for(&self, url: &Url, now: i64) -> bool {
        let host = host_of(url).to_ascii_lowercase();
        let by_host = host == self.domain || (self.below && is_below(&host, &self.domain));
        let path = url.path();
        let by_path = path
            .strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        by_host
            && by_path
            && (!self.secure || url.scheme() == "https")
            && self.expires.is_none_or(|end| end > now)
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_err()
        && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

// RFC 6265, 5.2 and 5.3.
fn read_header(url: &Url, header: &str, now: i64) -> Option<Cookie> {
    if header.len() > LONGEST || header.contains(['\t', '\r', '\n']) {
        return None;
    }
    let mut parts = header.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let host = host_of(url).to_ascii_lowercase();
    let directory = url.path().rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut cookie = Cookie {
        domain: host.clone(),
        below: false,
        path: if directory.is_empty() { "/".to_owned() } else { directory.to_owned() },
        secure: false,
        http_only: false,
        expires: None,
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
    };
    if cookie.name.is_empty() {
        return None;
    }
    let mut max_age = None;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" if !value.is_empty() => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                // A whole top-level domain is nobody's to set a cookie for.
                if domain != host && !(domain.contains('.') && is_below(&host, &domain)) {
                    return None;
                }
                cookie.below = host.parse::<std::net::IpAddr>().is_err();
                cookie.domain = domain;
            }
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "expires" => cookie.expires = date::seconds(value),
            "max-age" => max_age = value.parse::<i64>().ok(),
            _ => {}
        }
    }
    if let Some(seconds) = max_age {
        cookie.expires = Some(now.saturating_add(seconds));
    }
    Some(cookie)
}

// domain, whether for hosts below, path, secure, end, name, value.
fn read_line(line: &str) -> Option<Cookie> {
    let (http_only, line) = match line.strip_prefix("#HttpOnly_") {
        Some(rest) => (true, rest),
        None if line.starts_with('#') => return None,
        None => (false, line),
    };
    let fields: Vec<&str> = line.split('\t').collect();
    let [domain, below, path, secure, expires, name, value] = fields[..] else { return None };
    Some(Cookie {
        domain: domain.trim_start_matches('.').to_ascii_lowercase(),
        below: below == "TRUE",
        path: path.to_owned(),
        secure: secure == "TRUE",
        http_only,
        expires: expires.parse().ok().filter(|end| *end != 0),
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

fn file_failure(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::io(format_args!("{what} file of cookies {}", path.display()), error);
    let reason = if failure.reason == Reason::Permission { Reason::Permission } else { Reason::Usage };
    Failure { reason, ..failure }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::Jar;
    use url::Url;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let mut jar = Jar::default();
        let login = url("https://www.example.net/app/login");
        assert!(jar.take(&login, "id=1; Path=/app; Secure; HttpOnly"));
        assert!(jar.take(&login, "all=2; Domain=example.net; Path=/"));
        assert!(!jar.take(&login, "all=2; Domain=example.net; Path=/"), "nothing new");
        assert!(jar.take(&login, "here=3"));
        for bad in ["", "=x", "x", "a=b; Domain=net", "a=b; Domain=other.org", "a=b\tc"] {
            assert!(!jar.take(&login, bad), "{bad}");
        }
        let sent = |text: &str| jar.header(&url(text));
        assert_eq!(sent("https://www.example.net/app/x").as_deref(), Some("id=1; here=3; all=2"));
        assert_eq!(sent("http://www.example.net/app").as_deref(), Some("here=3; all=2"));
        assert_eq!(sent("https://www.example.net/apple").as_deref(), Some("all=2"));
        assert_eq!(sent("https://a.example.net/").as_deref(), Some("all=2"));
        assert_eq!(sent("https://badexample.net/"), None);
    }

    #[test]
    fn cookies_end() {
        let mut jar = Jar::default();
        let page = url("http://a.example/");
        jar.take(&page, "a=1; Max-Age=100");
        jar.take(&page, "b=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(jar.header(&page).as_deref(), Some("a=1"));
        assert!(jar.take(&page, "a=1; Max-Age=0"));
        assert_eq!(jar.header(&page), None);
    }

    #[test]
    fn a_file_keeps_them() {
        let file = std::env::temp_dir().join(format!("verdigris-cookies-{}", std::process::id()));
        let page = url("https://www.example.net/");
        let mut jar = Jar::read(&file).expect("none yet");
        jar.take(&page, "id=of the cookie test; Domain=example.net; Secure; HttpOnly; Max-Age=100");
        jar.take(&page, "session=x");
        jar.write(&file).expect("written");
        let text = std::fs::read_to_string(&file).expect("there");
        assert!(text.contains("#HttpOnly_.example.net\tTRUE\t/\tTRUE\t"), "{text}");
        let again = Jar::read(&file).expect("readable");
        assert_eq!(again.cookies, jar.cookies);
        std::fs::remove_file(&file).expect("removed");
        assert!(jar.write(std::path::Path::new("/nowhere/at/all")).is_err());
    }
}

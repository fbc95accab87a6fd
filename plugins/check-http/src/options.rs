//! The command line.

mod expect;
mod request;
mod security;
mod target;

pub(crate) use expect::ExpectArgs;
pub(crate) use request::RequestArgs;
pub(crate) use security::{Days, SecurityArgs};
pub(crate) use target::{Addresses, OnRedirect, TargetArgs};

/// Asks a web server and judges status, headers, content, certificate and time
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check-http")]
pub struct CheckHttp {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) security: SecurityArgs,
    #[command(flatten)]
    pub(crate) expect: ExpectArgs,
    /// As check_NAME: more metrics, one for each phase
    #[arg(short = 'E', long, help_heading = "Output")]
    pub(crate) extended_perfdata: bool,
    /// Show the body below the first line
    #[arg(short = 'B', long, help_heading = "Output")]
    pub(crate) show_body: bool,
    /// Show the URL as an HTML link below the first line
    #[arg(short = 'L', long, overrides_with = "nohtml", help_heading = "Output")]
    pub(crate) link: bool,
    /// Show no link, which is the default
    #[arg(short = 'n', long, help_heading = "Output")]
    pub(crate) nohtml: bool,
}

#[cfg(test)]
mod tests {
    use super::{Addresses, CheckHttp, Days, OnRedirect};
    use clap::FromArgMatches as _;

    fn read(args: &[&str]) -> Result<CheckHttp, String> {
        // As the runner reads a command line.
        let command = plugin::command::<CheckHttp>("check-http");
        let matches = command.try_get_matches_from([&["check-http"], args].concat());
        matches.and_then(|matches| CheckHttp::from_arg_matches(&matches)).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_read() {
        let options = read(&["-H", "a", "-S=1.2+", "-C", "30,10", "-f", "stickyport", "--addresses", "2"]);
        let options = options.expect("readable");
        assert_eq!(options.security.ssl.as_deref(), Some("1.2+"));
        assert_eq!(options.security.certificate, Some(Days { warning: 30, critical: 10 }));
        assert_eq!(options.target.onredirect, OnRedirect::StickyPort);
        assert_eq!(options.target.addresses, Addresses::AtLeast(2));
        let options =
            read(&["-S", "-H", "a", "-k", "A: b", "-k", "C: d", "-r", "x", "-R", "y", "-w", "-1:5"]);
        let options = options.expect("readable");
        assert_eq!(options.security.ssl.as_deref(), Some(""), "-S takes no next word");
        assert_eq!(options.request.header, ["A: b", "C: d"]);
        assert_eq!(
            (options.expect.regex, options.expect.eregi.as_deref()),
            (None, Some("y")),
            "the last one wins"
        );
        assert!(read(&["a", "b", "-u", "/x", "-n", "-L"]).is_ok_and(|options| options.link));
    }

    #[test]
    fn wrong_values_are_refused() {
        for args in [
            &["-p", "0"][..],
            &["-p", "99999"],
            &["-f", "nope"],
            &["-C", "x"],
            &["-C", "1,-2"],
            &["-C", "1,2,3"],
            &["-M", "x"],
            &["-M", "-5"],
            &["-m", ":"],
            &["-m", "x"],
            &["-m", "5:1"],
            &["-w", "x"],
            &["--max-redirs", "x"],
            &["--http-version", "3"],
            &["--addresses", "0"],
            &["--expect-status", "2"],
            &["--expect-status", "300-200"],
            &["--sha256", "abc"],
            &["--json-path", "$.a[", "--exists"],
            &["--exists"],
            &["--resolve", "name"],
            &["--connect-to", "name"],
            &["-r", "("],
            &["--tls-cert", "a", "-J", "b"],
            &["-a", "x", "--user", "y"],
            &["--password-file", "x", "--user", "y", "--password-env", "z"],
            &["a", "b", "c"],
        ] {
            assert!(read(&[&["-H", "a"], args].concat()).is_err(), "{args:?}");
        }
    }
}

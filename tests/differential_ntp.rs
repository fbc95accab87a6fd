//! The same command line through the C plugin and through ours under its name: exit code, and labels and units of perfdata.

use std::net::UdpSocket;

use testkit::ntp::{self, Source};
use testkit::{Ran, TempAlias, UdpPeer, alias, chronyd, free_port, perfdata, run};

const PLUGINS: &str = "/usr/lib/nagios/plugins";

struct Both {
    name: &'static str,
    ours: TempAlias,
    port: String,
}

impl Both {
    fn of(name: &'static str, port: u16) -> Both {
        Both { name, ours: alias("check-ntp", name), port: port.to_string() }
    }

    fn time(port: u16) -> Both {
        Both::of("check_ntp_time", port)
    }

    fn peer(port: u16) -> Both {
        Both::of("check_ntp_peer", port)
    }

    fn run(&self, args: &[&str]) -> (Ran, Ran, String) {
        let (theirs, ours) = (run(format!("{PLUGINS}/{}", self.name), args), run(&self.ours, args));
        let both = format!("{} {args:?}\ntheirs: {}ours: {}", self.name, theirs.stdout, ours.stdout);
        assert_eq!(ours.stderr, "", "{both}");
        (theirs, ours, both)
    }

    /// Fails unless both exit with `code` and have metrics of the same labels, and units where there is a number.
    #[track_caller]
    fn line(&self, code: i32, args: &[&str]) {
        let (theirs, ours, both) = self.run(args);
        assert_eq!((theirs.code, ours.code), (Some(code), Some(code)), "{both}");
        let (theirs, ours) = (perfdata(&theirs.stdout), perfdata(&ours.stdout));
        assert_eq!(theirs.len(), ours.len(), "{both}");
        for (their, our) in theirs.iter().zip(&ours) {
            assert_eq!(their.0, our.0, "{both}");
            assert!(their.2 == our.2 || our.1.is_nan(), "{both}");
        }
    }

    /// [`Both::line`], the server told by address and port.
    #[track_caller]
    fn agree(&self, code: i32, args: &[&str]) {
        self.line(code, &[&["-H", "127.0.0.1", "-p", &self.port], args].concat());
    }

    /// A difference that docs/deviations.md argues for.
    #[track_caller]
    fn differ(&self, theirs: i32, ours: i32, args: &[&str]) {
        let (their, our, both) = self.run(&[&["-H", "127.0.0.1", "-p", &self.port], args].concat());
        assert_eq!((their.code, our.code), (Some(theirs), Some(ours)), "{both}");
    }
}

fn time_server(spoil: impl Fn(&mut Vec<u8>) + Send + 'static, ahead: f64) -> UdpPeer {
    UdpPeer::new(move |request| {
        let mut reply = ntp::time(request, ahead);
        spoil(&mut reply);
        vec![reply]
    })
}

fn sources(leap: u8, sources: &'static [Source<'static>]) -> UdpPeer {
    UdpPeer::new(move |query| vec![ntp::control(query, leap, sources)])
}

#[test]
fn time_of_a_real_server() {
    let server = chronyd("");
    let both = Both::time(server.port());
    both.agree(0, &[]);
    for (code, limits) in [
        (0, ["-w", "0.5", "-c", "1"]),
        (0, ["--warning", "0.5", "--critical", "1"]),
        (0, ["-w", ":5", "-c", "~:5"]),
        (2, ["-w", "5:10", "-c", "@0:7"]),
        (1, ["-w", "5:", "-c", "7"]),
        (1, ["-w", "@0:5", "-c", "7"]),
        (0, ["-w", "-5:5", "-c", "1e1"]),
    ] {
        both.agree(code, &limits);
    }
    for (code, shift) in
        [(0, "-o5"), (1, "-o-100"), (1, "-o70"), (2, "-o130"), (2, "-o-130"), (1, "--time-offset=70")]
    {
        both.agree(code, &[shift]);
    }
    both.agree(2, &["-o", "70", "-w", "60", "-c", "65"]);
    both.agree(0, &["-q"]);
    both.agree(0, &["-4"]);
    both.agree(3, &["-6"]);
    both.agree(0, &["-t", "5"]);
    both.agree(0, &["-w", "1", "-w", "5", "-c", "10"]);
    let port = server.port().to_string();
    both.line(0, &["-H", "localhost", "-p", &port]);
    both.line(0, &["--hostname=127.0.0.1", "--port", &port, "--use-ipv4", "--quiet"]);
}

#[test]
fn time_of_servers_that_are_off() {
    for (ahead, code) in [(5.0, 0), (-5.0, 0), (90.0, 1), (-90.0, 1), (500.0, 2), (-500.0, 2), (8e8, 2)] {
        let server = time_server(|_| {}, ahead);
        Both::time(server.port()).agree(code, &["-t", "5"]);
    }
    let server = time_server(|_| {}, 70.0);
    Both::time(server.port()).agree(0, &["-o", "-70"]);
    Both::time(server.port()).agree(2, &["-o", "70"]);
}

#[test]
fn time_of_servers_without_one() {
    for (flags, stratum, code, quiet) in [
        // Leap alarm; kiss code; a stratum that means not synchronised; a leap second.
        (0xe4, 2, 2, 3),
        (0x24, 0, 2, 3),
        (0xe4, 0, 2, 3),
        (0x24, 16, 0, 0),
        (0x64, 1, 0, 0),
        (0xa4, 15, 0, 0),
        (0x1c, 3, 0, 0),
    ] {
        let server = time_server(move |reply| (reply[0], reply[1]) = (flags, stratum), 0.0);
        let both = Both::time(server.port());
        both.agree(code, &["-t", "5"]);
        both.agree(quiet, &["-t", "5", "-q"]);
    }
    let rate = time_server(
        |reply| {
            reply[1] = 0;
            reply[12..16].copy_from_slice(b"RATE");
        },
        0.0,
    );
    Both::time(rate.port()).agree(2, &[]);
}

#[test]
fn nobody_tells_the_time() {
    let both = Both::time(free_port());
    both.agree(2, &["-t", "2"]);
    both.agree(2, &["-t", "2", "-q"]);
    let silent = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let both = Both::time(silent.local_addr().expect("its address").port());
    both.agree(2, &["-t", "2"]);
    both.agree(2, &["-t", "2", "-q"]);
}

#[test]
fn command_lines() {
    for both in [Both::time(9), Both::peer(9)] {
        both.line(3, &[]);
        both.line(3, &["-p", "123"]);
        both.line(3, &["-H", "no-such-host.invalid"]);
        both.line(3, &["-H", ""]);
        both.line(3, &["-H", "127.0.0.1", "--no-such-option"]);
        both.line(3, &["-H", "127.0.0.1", "-w"]);
        both.line(3, &["-H", "/run/ntp.sock"]);
        both.line(3, &["-h"]);
        both.line(3, &["--help"]);
        both.line(3, &["-V"]);
    }
}

#[test]
fn sources_of_a_server() {
    let server = sources(
        0,
        &[
            (1, "stratum=9, offset=900, jitter=9"),
            (6, "stratum=3, offset=-12.5, jitter=1.5"),
            (4, "stratum=2, offset=1, jitter=9"),
            (2, ""),
        ],
    );
    let both = Both::peer(server.port());
    both.agree(0, &[]);
    for (code, args) in [
        (0, &["-w", "0.5", "-c", "1"][..]),
        (1, &["-w", "0.01", "-c", "1"]),
        (2, &["-w", "0.01", "-c", "0.012"]),
        (2, &["-c", "@0.01:0.02"]),
        (0, &["-W", "4", "-C", "6"]),
        (1, &["-W", "2", "-C", "6"]),
        (2, &["-W", "1", "-C", "2"]),
        (2, &["-C", "2"]),
        (1, &["--swarn", "2"]),
        (0, &["--scrit=3"]),
        (0, &["-j", "5", "-k", "10"]),
        (1, &["-j", "1", "-k", "10"]),
        (2, &["-k", "1"]),
        (1, &["--jwarn=1", "--jcrit=2"]),
        (0, &["-m", "@2", "-n", "@1"]),
        (1, &["-m", "@3", "-n", "@1"]),
        (2, &["-m", "@5", "-n", "@3"]),
        (1, &["--twarn", "4:"]),
        (2, &["--tcrit", "4:"]),
        (
            0,
            &[
                "-w", "0.5", "-c", "1", "-j", "-1:100", "-k", "-1:200", "-W", "4", "-C", "6", "-m", "@1",
                "-n", "@0",
            ],
        ),
        (2, &["-W", "2", "-j", "1", "-n", "9:"]),
        (0, &["-q", "-4", "-t", "5"]),
    ] {
        both.agree(code, args);
    }
    let port = server.port().to_string();
    both.line(0, &["--hostname", "127.0.0.1", "--port", &port, "--use-ipv4"]);
}

#[test]
fn sources_of_a_server_that_is_not_synchronised() {
    // An alarm; candidates and no source; credible ones only; none at all.
    for (leap, list, code, quiet) in [
        (3, &[(6, "stratum=3, offset=1, jitter=1")][..], 1, 3),
        (0, &[(4, "stratum=3, offset=7, jitter=1"), (5, "stratum=2, offset=-2, jitter=2")], 1, 3),
        (0, &[(2, "stratum=3, offset=1, jitter=1"), (3, "")], 2, 3),
        (3, &[(0, ""), (1, "")], 2, 3),
        (0, &[], 2, 3),
    ] {
        let server = sources(leap, list);
        let both = Both::peer(server.port());
        both.agree(code, &["-t", "5"]);
        both.agree(quiet, &["-t", "5", "-q"]);
        both.agree(code, &["-j", "-1:100", "-k", "-1:200", "-W", "-1:4", "-C", "-1:6", "-m", "0:"]);
        both.agree(2, &["-q", "-n", "@0:9"]);
        both.agree(2, &["-C", "@-1:15"]);
    }
    // The nearest candidate is looked at: 2 ms, stratum 2.
    let server = sources(0, &[(4, "stratum=3, offset=7, jitter=1"), (5, "stratum=2, offset=-2, jitter=2")]);
    let both = Both::peer(server.port());
    both.agree(1, &["-C", "2", "-k", "2"]);
    both.agree(2, &["-c", "0.001"]);
    both.agree(1, &["-c", "0.003"]);
}

#[test]
fn sources_of_old_servers() {
    // They know no jitter, or nothing but all their variables at once.
    let dispersion = sources(0, &[(6, "stratum=3, offset=1, dispersion=7")]);
    let both = Both::peer(dispersion.port());
    both.agree(0, &["-j", "10", "-W", "4"]);
    both.agree(1, &["-j", "5"]);
    let all = sources(0, &[(6, "srcadr=10.0.0.5, stratum=3, offset=1")]);
    let both = Both::peer(all.port());
    both.agree(0, &["-W", "4"]);
    both.agree(1, &["-j", "5"]);
    both.agree(0, &["-j", "-1:5"]);
    let mute = sources(0, &[(6, "stratum=3, jitter=1")]);
    Both::peer(mute.port()).agree(2, &["-W", "4"]);
}

#[test]
fn nobody_tells_of_sources() {
    let both = Both::peer(free_port());
    both.agree(2, &["-t", "2"]);
    both.agree(2, &["-t", "2", "-q"]);
    // A real server that does not know control queries.
    let server = chronyd("");
    let both = Both::peer(server.port());
    both.agree(2, &["-t", "2"]);
    both.agree(2, &["-t", "2", "-q"]);
}

#[test]
fn differences_that_are_argued() {
    let server = chronyd("");
    let both = Both::time(server.port());
    both.differ(0, 3, &["-w", "5x"]);
    both.differ(1, 3, &["-w", "abc"]);
    both.differ(0, 3, &["extra"]);
    both.differ(0, 3, &["-t", "0"]);
    both.differ(0, 1, &["-o", "0.5", "-w", "0.4"]);
    both.differ(2, 0, &["-wt", "3", "-ct", "4"]);
    both.differ(2, 3, &["-p", "0", "-t", "2"]);
    // An answer to somebody else's question.
    let forged = time_server(|reply| reply[31] ^= 1, 0.0);
    Both::time(forged.port()).differ(0, 2, &["-t", "2"]);
    let no_server = time_server(|reply| reply[0] = 0x23, 0.0);
    Both::time(no_server.port()).differ(0, 2, &["-t", "2"]);
    // Five bytes that C takes for the time: the rest is what it sent itself.
    let garbage = UdpPeer::new(|_| vec![b"hello".to_vec()]);
    Both::time(garbage.port()).differ(0, 2, &["-t", "2"]);
    Both::time(garbage.port()).differ(0, 3, &["-t", "2", "-q"]);
    let era_1 = time_server(|_| {}, 1e9);
    let both = Both::time(era_1.port());
    both.agree(2, &[]);
    let (_, ours, lines) = both.run(&["-H", "127.0.0.1", "-p", &both.port]);
    assert_eq!((perfdata(&ours.stdout)[0].1 / 1e6).round().to_string(), "1000", "{lines}");
}

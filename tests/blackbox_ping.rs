//! check-ping in networks of its own: rights, sizes, routers, dead hosts.

use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recvfrom, sendto, socket,
};
use serde_json::Value;
use testkit::{Netns, Ran, Run, alias, plugin};

/// Here, a router, and a host behind it; the cable to the router takes 1500 bytes, the one behind it less.
struct Path {
    here: Netns,
    router: Netns,
    far: Netns,
}

impl Path {
    fn new() -> Path {
        let (here, router, far) = (Netns::new(), Netns::new(), Netns::new());
        here.cable("net0", &router, "net0");
        router.cable("net1", &far, "net0");
        for (netns, device, v4, v6) in [
            (&here, "net0", "10.9.0.1/24", "fd00:9::1/64"),
            (&router, "net0", "10.9.0.2/24", "fd00:9::2/64"),
            (&router, "net1", "10.8.0.1/24", "fd00:8::1/64"),
            (&far, "net0", "10.8.0.2/24", "fd00:8::2/64"),
        ] {
            netns.ip(&format!("address add {v4} dev {device}"));
            netns.ip(&format!("address add {v6} dev {device} nodad"));
        }
        here.ip("route add default via 10.9.0.2");
        here.ip("-6 route add default via fd00:9::2");
        far.ip("route add default via 10.8.0.1");
        far.ip("-6 route add default via fd00:8::1");
        router.set("net/ipv4/ip_forward", "1");
        router.set("net/ipv6/conf/all/forwarding", "1");
        // Or it would answer one of the tests, and be silent for a second. What it says over IPv4 stays within its burst.
        router.set("net/ipv6/icmp/ratelimit", "0");
        Path { here, router, far }
    }

    fn check(&self, args: &[&str]) -> Ran {
        check(&self.here, args)
    }
}

fn check(netns: &Netns, args: &[&str]) -> Ran {
    netns.run(plugin("check-ping")).args(args).go()
}

/// As a user without any right.
fn as_nobody(netns: &Netns, args: &[&str]) -> Ran {
    let nobody =
        ["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"];
    netns.run("setpriv").args(nobody).args([plugin("check-ping")]).args(args).go()
}

/// Its code, and the first line up to the bar.
fn ended(ran: &Ran) -> (Option<i32>, &str) {
    assert_eq!(ran.stderr, "", "{ran:?}");
    let line = ran.first_line();
    (ran.code, line.split_once(" | ").map_or(line, |(text, _)| text))
}

fn facts(ran: &Ran) -> Value {
    let json: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout));
    json["facts"].clone()
}

/// The sockets that are used, as the facts tell.
fn means(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    facts(ran)["socket"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn rights_are_a_group_or_a_capability() {
    let netns = Netns::new();
    netns.set("net/ipv4/ping_group_range", "1 0");
    let json = |host| ["-H", host, "--output-format", "json"];
    for host in ["127.0.0.1", "::1"] {
        assert_eq!(means(&check(&netns, &json(host))), "raw", "root may, though the groups may not");
        let ran = as_nobody(&netns, &["-H", host]);
        let text =
            "PING UNKNOWN - gid 65534 is not in net.ipv4.ping_group_range; no CAP_NET_RAW [permission]";
        assert_eq!(ended(&ran), (Some(3), text));
        let ran = as_nobody(&netns, &["-H", host, "--dialect", "c"]);
        assert_eq!(ended(&ran), (Some(3), text));
    }
    netns.set("net/ipv4/ping_group_range", "65534 65534");
    for host in ["127.0.0.1", "::1"] {
        assert_eq!(means(&as_nobody(&netns, &json(host))), "datagram");
        assert_eq!(means(&check(&netns, &json(host))), "raw", "root's group is not in the range");
    }
}

/// What routers say is heard on both kinds of socket.
#[test]
fn a_path_has_its_limits() {
    let path = Path::new();
    for groups in ["1 0", "0 2147483647"] {
        path.here.set("net/ipv4/ping_group_range", groups);
        let is = |args: &[&str], code: i32, text: &str| {
            let ran = path.check(args);
            assert_eq!(ended(&ran), (Some(code), text), "{groups}: {args:?}");
        };
        let large = ["--payload", "8922", "--dont-fragment", "--count", "5", "--critical", "100ms,20%"];
        is(
            &[&["-H", "10.9.0.2"], &large[..]].concat(),
            2,
            "PING CRITICAL - 10.9.0.2: fragmentation needed, MTU 1500, says this host, 8922 bytes [unreachable]",
        );
        is(
            &[&["-H", "fd00:9::2"], &large[..]].concat(),
            2,
            "PING CRITICAL - fd00:9::2: fragmentation needed, MTU 1500, says this host, 8922 bytes [unreachable]",
        );
        let ran = path.check(&["-H", "10.9.0.2", "-s", "8922"]);
        assert_eq!(ran.code, Some(0), "in fragments it arrives: {ran:?}");

        is(
            &["-H", "10.8.0.2", "--ttl", "1"],
            2,
            "PING CRITICAL - 10.8.0.2: TTL exceeded, says 10.9.0.2 [unreachable]",
        );
        is(
            &["-H", "fd00:8::2", "--ttl", "1"],
            2,
            "PING CRITICAL - fd00:8::2: TTL exceeded, says fd00:9::2 [unreachable]",
        );
        for host in ["10.8.0.2", "fd00:8::2"] {
            let ran = path.check(&["-H", host, "--ttl", "2"]);
            assert_eq!(ran.code, Some(0), "{ran:?}");
        }
        is(
            &["-H", "10.7.0.1"],
            2,
            "PING CRITICAL - 10.7.0.1: network unreachable, says 10.9.0.2 [unreachable]",
        );
        is(
            &["-H", "fd00:7::1"],
            2,
            "PING CRITICAL - fd00:7::1: network unreachable, says fd00:9::2 [unreachable]",
        );
    }
}

#[test]
fn a_router_names_the_size_that_fits() {
    let path = Path::new();
    path.router.ip("link set net1 mtu 1300");
    path.far.ip("link set net0 mtu 1300");
    for groups in ["1 0", "0 2147483647"] {
        path.here.set("net/ipv4/ping_group_range", groups);
        path.here.ip("route flush cache");
        let ran = path.check(&["-H", "10.8.0.2", "-s", "1400", "--dont-fragment"]);
        let text = "PING CRITICAL - 10.8.0.2: fragmentation needed, MTU 1300, says 10.9.0.2, 1400 bytes [unreachable]";
        let from_cache = text.replace("10.9.0.2", "this host");
        let (code, line) = ended(&ran);
        assert!(code == Some(2) && (line == text || line == from_cache), "{ran:?}");
        let ran = path.check(&["-H", "10.8.0.2", "-s", "1200", "--dont-fragment"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

#[test]
fn where_no_route_leads() {
    let path = Path::new();
    path.here.ip("route add blackhole 10.66.0.0/24");
    path.here.ip("route add unreachable 10.67.0.0/24");
    path.here.ip("route add prohibit 10.68.0.0/24");
    path.here.ip("route delete default");
    for (host, why) in [
        ("10.66.0.1", "no way out (blackhole route?)"),
        ("10.67.0.1", "host unreachable"),
        ("10.68.0.1", "prohibited"),
        ("10.99.0.1", "network unreachable"),
    ] {
        let ran = path.check(&["-H", host]);
        let text = format!("PING CRITICAL - {host}: {why}, says this host [unreachable]");
        assert_eq!(ended(&ran), (Some(2), text.as_str()));
        assert!(ran.first_line().contains(" loss=100%;40;80;0;100 "), "{ran:?}");
    }
    // A neighbour that does not exist: the kernel gives up on it after three seconds.
    let ran = path.check(&["-H", "10.9.0.9"]);
    let text = "PING CRITICAL - 10.9.0.9: host unreachable, says 10.9.0.1 [unreachable]";
    assert_eq!(ended(&ran), (Some(2), text));
    // And one that has no time for that.
    let ran = path.check(&["-H", "10.9.0.9", "-t", "1"]);
    assert!(ran.first_line().contains("10.9.0.9: no answer to 5 packets within "), "{ran:?}");
    assert!(ran.first_line().contains(" [timed-out] | "), "{ran:?}");
    assert!(ran.took < Duration::from_secs(3), "{ran:?}");
    let ran = path.check(&["-H", "10.9.0.9", "-t", "1:warning"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn names_have_to_exist() {
    let netns = Netns::new();
    let ran = check(&netns, &["-H", "nosuch.invalid", "-t", "2"]);
    let (code, line) = ended(&ran);
    assert_eq!(code, Some(2), "{ran:?}");
    assert!(line.contains("nosuch.invalid"), "{line}");
    let ran = check(&netns, &["-H", "::1", "-4"]);
    assert_eq!(ended(&ran), (Some(2), "PING CRITICAL - ::1 is no IPv4 address [name-not-found]"));
    let ran = check(&netns, &["-H", "localhost", "-4", "--output-format", "json"]);
    assert_eq!(facts(&ran)["hosts"][0]["address"], "127.0.0.1");
}

#[test]
fn some_hosts_may_be_dead() {
    let path = Path::new();
    path.here.ip("route add blackhole 10.66.0.0/24");
    let two = ["-H", "10.9.0.2", "-H", "10.66.0.1"];
    let with = |more: &[&str]| path.check(&[&two, more].concat());
    assert_eq!(with(&[]).code, Some(2));
    let ran = with(&["--min-alive", "1"]);
    let text =
        "PING OK - 1 of 2 hosts in order, 1 needed; 10.66.0.1: no way out (blackhole route?), says this host";
    assert_eq!(ended(&ran), (Some(0), text));
    let labels: Vec<String> = testkit::perfdata(&ran.stdout).into_iter().map(|(label, ..)| label).collect();
    let ours = ["rta", "loss", "rtmin", "rtmax", "jitter"];
    let expected: Vec<String> = ["10.9.0.2", "10.66.0.1"]
        .iter()
        .flat_map(|host| ours.iter().map(move |label| format!("{host}.{label}")))
        .collect();
    assert_eq!(labels, expected);
    assert_eq!(with(&["--min-alive", "2"]).code, Some(2));
    let ran = with(&["--min-alive", "3"]);
    assert_eq!(ended(&ran), (Some(3), "PING UNKNOWN - 3 hosts cannot be alive where 2 is given [usage]"));
    // A dead one that is waited for does not spoil the times of the other.
    let ran =
        path.check(&["-H", "10.9.0.9", "-H", "10.9.0.2", "-m", "1", "-t", "1", "--output-format", "json"]);
    let hosts = facts(&ran)["hosts"].clone();
    assert_eq!((&hosts[1]["answered"], &hosts[1]["loss"]), (&5.into(), &0.0.into()), "{ran:?}");
}

#[test]
fn many_hosts_of_both_families_at_once() {
    let path = Path::new();
    let mut args = Vec::new();
    for last in 1..=60 {
        path.here.ip(&format!("address add 10.5.0.{last}/32 dev lo"));
        args.extend(["-H".to_owned(), format!("10.5.0.{last}")]);
    }
    args.extend(["-H", "fd00:8::2", "-H", "::1", "--output-format", "json"].map(str::to_owned));
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = path.check(&words);
    assert_eq!(ran.code, Some(0), "{}", &ran.stdout[..200]);
    let hosts = facts(&ran)["hosts"].as_array().expect("a list").clone();
    assert_eq!(hosts.len(), 62);
    assert!(hosts.iter().all(|host| host["answered"] == 5), "{hosts:?}");
}

/// Two runs at once: raw sockets hear the answers of both.
#[test]
fn the_answers_of_others_do_not_count() {
    let path = Path::new();
    path.here.set("net/ipv4/ping_group_range", "1 0");
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| path.check(&["-H", "10.8.0.2", "-n", "20", "--output-format", "json"])))
            .collect();
        for run in runs {
            let ran = run.join().expect("no panic");
            assert_eq!(ran.code, Some(0), "{ran:?}");
            let host = facts(&ran)["hosts"][0].clone();
            assert_eq!((&host["answered"], &host["duplicates"]), (&20.into(), &0.into()), "{host}");
        }
    });
}

#[test]
fn a_source_of_choice() {
    let path = Path::new();
    path.here.ip("address add 10.9.0.77/24 dev net0");
    // The router knows nobody but this source.
    path.router.ip("route add prohibit 10.9.0.1/32");
    let from = |source: &str| path.check(&["-H", "10.8.0.2", "-S", source, "-t", "1"]).code;
    assert_eq!(from("10.9.0.77"), Some(0));
    assert_eq!(from("10.9.0.1"), Some(2));
    let ran = path.check(&["-H", "10.8.0.2", "-S", "10.1.2.3"]);
    assert_eq!(ended(&ran), (Some(3), "PING UNKNOWN - 10.1.2.3 is no address of this host [usage]"));
    let ran = path.check(&["-H", "10.9.0.2", "--interface", "net0", "-S", "10.9.0.77"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = path.check(&["-H", "10.9.0.2", "--interface", "lo", "-t", "1"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = path.check(&["-H", "10.9.0.2", "--interface", "net9"]);
    assert_eq!(ended(&ran), (Some(3), "PING UNKNOWN - no interface is named net9 [usage]"));
    let ran = path.check(&["-H", "10.9.0.2", "-S", "fd00:9::1"]);
    let text = "PING UNKNOWN - 10.9.0.2 cannot be asked from fd00:9::1: one is IPv4, one IPv6 [usage]";
    assert_eq!(ended(&ran), (Some(3), text));
}

/// check_ping keeps a second between packets, the suite's own line goes on as soon as the answer is in.
#[test]
fn the_pace_is_the_namesakes() {
    let netns = Netns::new();
    let link = alias("check-ping", "check_ping");
    let run = |program: &std::path::Path, args: &[&str]| -> Ran {
        let run: Run = netns.run(program).args(args);
        let ran = run.go();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    };
    let limits = ["-H", "127.0.0.1", "-w", "100,20%", "-c", "500,60%"];
    let ran = run(link.path(), &[&limits, &["-p", "2"][..]].concat());
    assert!(ran.took >= Duration::from_secs(1), "{ran:?}");
    let ran = run(link.path(), &[&limits, &["-p", "30", "-t", "3"][..]].concat());
    assert!(ran.took < Duration::from_secs(4), "more packets than seconds: {ran:?}");
    let own = plugin("check-ping");
    let ran = run(&own, &["-H", "127.0.0.1", "-i", "10s", "-n", "2", "-t", "30"]);
    assert!(ran.took < Duration::from_secs(9), "{ran:?}");
    let ran = run(&own, &["-H", "127.0.0.1", "-i", "200ms", "-n", "4", "--steady"]);
    assert!(ran.took >= Duration::from_millis(600), "{ran:?}");
}

/// The watchdog begins with the first wait, and no sooner.
#[test]
fn a_signal_while_it_waits_is_one_unknown_line() {
    let path = Path::new();
    // The watchdog's thread blocks the signal, to take it for itself.
    let watched = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or_default();
        u64::from_str_radix(blocked.trim(), 16)
            .is_ok_and(|mask| mask & (1 << (Signal::SIGTERM as i32 - 1)) != 0)
    };
    let run = path.here.run(plugin("check-ping")).args(["-H", "10.9.0.9", "-c", "9s,100%", "-t", "30"]);
    let ran = run.signal_when(Signal::SIGTERM, watched).limit(Duration::from_secs(20)).go();
    let (code, line) = ended(&ran);
    assert!(code == Some(3) && line.starts_with("PING UNKNOWN - ended by SIGTERM"), "{ran:?}");
}

/// How a host answers that is not honest, by the number of the request.
#[derive(Debug, Clone, Copy)]
enum Lie {
    /// Each answer twice.
    Double,
    /// The last byte is missing.
    Cut,
    /// The last byte is another.
    Changed,
    /// An identifier, a sequence number and a token of nobody.
    Foreign,
    /// Random bytes of any length instead of an answer.
    Garbage,
    /// Only the second and later ones, and each late by one request.
    Late,
}

/// The far host of [`lies`]: this test, started again in its network. Answers what it reads from a raw socket.
#[test]
fn a_host_that_lies() {
    let Ok(lie) = std::env::var("PING_LIE") else {
        // Not started by another test: the example of RFC 1071, which all of its answers rely on.
        assert_eq!(internet_checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        return;
    };
    let socket = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Icmp)
        .expect("open a raw socket");
    println!("ready");
    let mut buffer = [0; 4096];
    let mut before: Option<Vec<u8>> = None;
    loop {
        let (length, from) = recvfrom::<SockaddrIn>(socket.as_raw_fd(), &mut buffer).expect("receive");
        // No options in the IP header here; an echo request is what is answered.
        let Some(request) = buffer[..length].get(20..).filter(|icmp| icmp.first() == Some(&8)) else {
            continue;
        };
        let mut answer = request.to_vec();
        answer[0] = 0;
        let answers: Vec<Vec<u8>> = match lie.as_str() {
            "Double" => vec![answer.clone(), answer],
            "Cut" => vec![answer[..answer.len() - 1].to_vec()],
            "Changed" => {
                *answer.last_mut().expect("a payload") ^= 1;
                vec![answer]
            }
            "Foreign" => {
                let other = |at: usize| {
                    let mut other = answer.clone();
                    other[at] ^= 0x55;
                    other
                };
                vec![other(4), other(6), other(9)]
            }
            "Garbage" => {
                (0..60).map(|length| vec![0xff; length]).chain([vec![0; 8], vec![0; 2000]]).collect()
            }
            _ => before.replace(answer).into_iter().collect(),
        };
        for mut answer in answers {
            if answer.len() >= 4 {
                answer[2..4].fill(0);
                let sum = internet_checksum(&answer).to_be_bytes();
                answer[2..4].copy_from_slice(&sum);
            }
            let to = from.expect("who asked");
            sendto(socket.as_raw_fd(), &answer, &to, MsgFlags::empty()).expect("answer");
        }
    }
}

fn internet_checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    let sum: u64 = bytes.chunks(2).map(word).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("folded twice")
}

/// Pings a host that lies; both kinds of socket have to agree on what came back.
fn lies(lie: Lie, args: &[&str], judge: impl Fn(&Ran, &Value)) {
    for groups in ["1 0", "0 2147483647"] {
        let (here, far) = (Netns::new(), Netns::new());
        here.cable("net0", &far, "net0");
        here.ip("address add 10.9.0.1/24 dev net0");
        far.ip("address add 10.9.0.2/24 dev net0");
        far.set("net/ipv4/icmp_echo_ignore_all", "1");
        here.set("net/ipv4/ping_group_range", groups);
        let liar = Liar::start(&far, lie);
        let ran = check(&here, &[&["-H", "10.9.0.2", "--output-format", "json", "-t", "3"], args].concat());
        drop(liar);
        let host = facts(&ran)["hosts"][0].clone();
        judge(&ran, &host);
    }
}

/// The process of [`a_host_that_lies`], ended on drop.
struct Liar(Child);

impl Liar {
    fn start(netns: &Netns, lie: Lie) -> Liar {
        let test = std::env::current_exe().expect("this test");
        // `ip netns exec` becomes the program: its pid is the liar's.
        let mut child = Command::new("ip")
            .args(["netns", "exec", netns.name()])
            .arg(test)
            .args(["--exact", "a_host_that_lies", "--nocapture"])
            .env("PING_LIE", format!("{lie:?}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the liar");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = lines.map_while(Result::ok).any(|line| line.contains("ready"));
        let liar = Liar(child);
        assert!(ready, "the liar did not begin");
        liar
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.0.kill().expect("end the liar");
        self.0.wait().expect("wait for the liar");
    }
}

#[test]
fn doubles_count_once() {
    lies(Lie::Double, &["-n", "3"], |ran, host| {
        assert_eq!((ran.code, &host["answered"]), (Some(0), &3.into()), "{host}");
        // That of the last packet comes after the end.
        assert!(host["duplicates"].as_u64().is_some_and(|doubles| (1..=3).contains(&doubles)), "{host}");
    });
}

#[test]
fn damaged_answers_are_none() {
    for lie in [Lie::Cut, Lie::Changed] {
        lies(lie, &["-n", "2", "-c", "100ms,80%"], |ran, host| {
            assert_eq!(
                (ran.code, &host["answered"], &host["damaged"]),
                (Some(2), &0.into(), &2.into()),
                "{host}"
            );
            assert!(ran.stdout.contains("10.9.0.2 answers 2 packets with another payload"), "{}", ran.stdout);
            assert!(ran.stdout.contains("\"reason\":\"protocol\""), "{}", ran.stdout);
        });
    }
}

#[test]
fn what_was_not_asked_for_is_passed_over() {
    for lie in [Lie::Foreign, Lie::Garbage] {
        lies(lie, &["-n", "2", "-c", "100ms,80%"], |ran, host| {
            assert_eq!(
                (ran.code, &host["answered"], &host["damaged"]),
                (Some(2), &0.into(), &0.into()),
                "{host}"
            );
            assert!(ran.stdout.contains("\"reason\":\"timed-out\""), "{}", ran.stdout);
            assert!(ran.took < Duration::from_secs(4), "{ran:?}");
        });
    }
}

#[test]
fn a_late_answer_belongs_to_its_own_packet() {
    lies(Lie::Late, &["-n", "4", "-i", "100ms", "-c", "300ms,50%"], |ran, host| {
        assert_eq!((&host["sent"], &host["answered"]), (&4.into(), &3.into()), "{host}");
        let times = host["times"].as_array().expect("times");
        assert!(times.iter().all(|time| time.as_f64().is_some_and(|time| time >= 0.09)), "{host}");
        assert_eq!(ran.code, Some(0), "25% of 4 lost: {}", ran.stdout);
    });
}

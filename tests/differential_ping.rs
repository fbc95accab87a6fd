//! The same command lines through the C plugins and ours, called by their names: exit code, labels and units agree.
//!
//! Each pair runs in a network of its own: raw sockets hear the answers of all pings on the machine, and check_icmp counts
//! some of them.

use std::collections::HashMap;
use std::sync::Mutex;

use testkit::{Netns, Ran, TempAlias, alias, perfdata};

const C_PLUGINS: &str = "/usr/lib/nagios/plugins";

/// Names of ours, and of the C plugins.
const NAMES: [&str; 5] = ["check_icmp", "check_host", "check_rta_multi", "check_ping", "check_fping"];

/// 10.10.0.2 is a host that does not answer, 10.66.0.1 lies in a black hole, 10.67.0.1 is unreachable by a route, 10.68.0.1
/// prohibited by one, 10.99.0.1 has no route, 10.7.0.1 is behind a router that knows no way on, 10.8.0.2 a host behind it.
const ALIKE: &[&str] = &[
    "check_icmp -H 127.0.0.1",
    "check_icmp 127.0.0.1",
    "check_icmp 127.0.0.1 127.0.0.2",
    "check_icmp -H 127.0.0.1 -H 127.0.0.2 127.0.0.3",
    "check_icmp 127.0.0.1 127.0.0.1 127.0.0.2",
    "check_icmp -H ::1",
    "check_icmp -6 -H ::1",
    "check_icmp -4 -H ::1",
    "check_icmp -H ::1 -4",
    "check_icmp -6 -H 127.0.0.1",
    "check_icmp -H 127.0.0.1 -4",
    "check_icmp",
    "check_icmp --help",
    "check_icmp -V",
    "check_icmp -H nosuch.invalid",
    "check_icmp 127.0.0.1 nosuch.invalid -m 1",
    "check_icmp -H 127.0.0.1 -w 50,50% -c 80,80%",
    "check_icmp -H 127.0.0.1 -w 50 -c 80",
    "check_icmp -H 127.0.0.1 -w 1us,50%",
    "check_icmp -H 127.0.0.1 -w 10ms,50% -c 1s,60%",
    "check_icmp -H 127.0.0.1 -w 100,0%",
    "check_icmp -H 127.0.0.1 -c 100,0%",
    "check_icmp -H 127.0.0.1 -w 900s,20%",
    "check_icmp -H 127.0.0.1 -w 100,20 -c 200,30",
    "check_icmp -H 127.0.0.1 -n 1",
    "check_icmp -H 127.0.0.1 -p 3",
    "check_icmp -H 127.0.0.1 -n 20",
    "check_icmp -H 127.0.0.1 -n 21",
    "check_icmp -H 127.0.0.1 -b 52",
    "check_icmp -H 127.0.0.1 -b 64000",
    "check_icmp -H 127.0.0.1 -b 51",
    "check_icmp -H 127.0.0.1 -b 65508",
    "check_icmp -H 127.0.0.1 -i 10ms -I 5ms",
    "check_icmp -H 127.0.0.1 -l 5 -t 3",
    "check_icmp -H 127.0.0.1 -l 0",
    "check_icmp -H 127.0.0.1 -m 1",
    "check_icmp -H 127.0.0.1 -s 127.0.0.9",
    "check_icmp -H 127.0.0.1 -s nosuch0",
    "check_icmp -H 127.0.0.1 -s 192.0.2.7",
    "check_icmp -H 10.66.0.1",
    "check_icmp -H 10.67.0.1",
    "check_icmp -H 10.68.0.1",
    "check_icmp -H 10.99.0.1",
    "check_icmp -H 10.10.0.2 -n 1 -t 1",
    "check_icmp -H 10.10.0.2 -n 5 -c 50,80% -w 20,40%",
    "check_icmp -H 10.7.0.1",
    "check_icmp -H 10.8.0.2",
    "check_icmp -H 10.8.0.2 -l 1",
    "check_icmp -H 10.8.0.2 -b 4000",
    "check_icmp -H 2001:db8::1",
    "check_icmp 127.0.0.1 10.66.0.1",
    "check_icmp 127.0.0.1 10.66.0.1 -m 1",
    "check_icmp 127.0.0.1 10.66.0.1 -m 2",
    "check_icmp 10.66.0.1 10.67.0.1 -m 0",
    "check_icmp 127.0.0.1 127.0.0.2 10.8.0.2 10.10.0.2 -m 3 -n 2 -t 1",
    "check_host 127.0.0.1",
    "check_host -H 127.0.0.1 -n 2",
    "check_host 10.66.0.1",
    "check_host 10.10.0.2 -t 1",
    "check_host 10.66.0.1 127.0.0.1",
    "check_host",
    "check_rta_multi 127.0.0.1",
    "check_rta_multi -H 127.0.0.1 127.0.0.2",
    "check_rta_multi 127.0.0.1 10.66.0.1",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 1",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 2",
    "check_ping 127.0.0.1 -w 100,20% -c 200,40% -p 1",
    "check_ping 127.0.0.1 20 40 100 200 1",
    "check_ping -H 127.0.0.1 20 40 100 200 1",
    "check_ping -w 100,20% -p 1 127.0.0.1 40 200",
    "check_ping -H 127.0.0.1",
    "check_ping",
    "check_ping --help",
    "check_ping -H 127.0.0.1 -w 100 -c 200 -p 1",
    "check_ping -H 127.0.0.1 -w 20% -c 40% -p 1",
    "check_ping -H 127.0.0.1 -w 100,20 -c 200,40 -p 1",
    "check_ping -H 127.0.0.1 -w 100:20% -c 200:40% -p 1",
    "check_ping -H 127.0.0.1 -w 300,20% -c 200,40% -p 1",
    "check_ping -H 127.0.0.1 -w 100,60% -c 200,40% -p 1",
    "check_ping -H 127.0.0.1 -w 0.001,20% -c 200,40% -p 1",
    "check_ping -H 127.0.0.1 -w 0.001,20% -c 0.002,40% -p 1",
    "check_ping -H 127.0.0.1 -w 0,0% -c 200,40% -p 1",
    "check_ping -H 127.0.0.1 -w 100.5,20% -c 200,40% -p 1 -L",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 1 -n",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 1 -nohtml",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 0 -t 3",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p x",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p -1",
    "check_ping -H 127.0.0.1 -w x,20% -c 200,40% -p 1",
    "check_ping -H 127.0.0.1 -w -1,20% -c 200,40% -p 1",
    "check_ping -H 127.0.0.1 -w 100,120% -c 200,140% -p 1",
    "check_ping -H ::1 -w 100,20% -c 200,40% -p 1",
    "check_ping -H ::1 -w 100,20% -c 200,40% -p 1 -6",
    "check_ping -H ::1 -w 100,20% -c 200,40% -p 1 -4",
    "check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 1 -6",
    "check_ping -H nosuch.invalid -w 100,20% -c 200,40% -p 1",
    "check_ping -H 10.67.0.1 -w 100,20% -c 200,40% -p 1",
    "check_ping -H 10.99.0.1 -w 100,20% -c 200,40% -p 1",
    "check_ping -H 10.10.0.2 -w 100,20% -c 200,40% -p 1 -t 1",
    "check_ping -H 10.10.0.2 -w 100,120% -c 200,140% -p 1 -t 1",
    "check_ping -H 10.7.0.1 -w 100,20% -c 200,40% -p 1",
    "check_ping -H 10.8.0.2 -w 100,20% -c 200,40% -p 1",
    "check_ping -H 10.8.0.2,10.10.0.2 -w 100,20% -c 200,40% -p 1 -v --help",
    "check_fping",
    "check_fping 127.0.0.1",
    "check_fping -H 127.0.0.1",
    "check_fping --help",
    "check_fping -H 127.0.0.1 -w 100,20% -c 200,40%",
    "check_fping -H 127.0.0.1 -w 100 -c 200",
    "check_fping -H 127.0.0.1 -w 20% -c 40%",
    "check_fping -H 127.0.0.1 -w 20%,100 -c 40%,200",
    "check_fping -H 127.0.0.1 -w 100:20% -c 200:40%",
    "check_fping -H 127.0.0.1 -w 20%,30%",
    "check_fping -H 127.0.0.1 -w 20,30",
    "check_fping -H 127.0.0.1 -w 0.001,20%",
    "check_fping -H 127.0.0.1 -c 0.001,20%",
    "check_fping -H 127.0.0.1 -c 100,0%",
    "check_fping -H 127.0.0.1 -n 3 -i 50",
    "check_fping -H 127.0.0.1 -n 2",
    "check_fping -H 127.0.0.1 -n 0",
    "check_fping -H 127.0.0.1 -n x",
    "check_fping -H 127.0.0.1 -b 0",
    "check_fping -H 127.0.0.1 -b 1000",
    "check_fping -H 127.0.0.1 -T 100",
    "check_fping -H 127.0.0.1 -T 0",
    "check_fping -H 127.0.0.1 -i 0",
    "check_fping -H 127.0.0.1 -S 127.0.0.5",
    "check_fping -H 127.0.0.1 -S nosuch.invalid",
    "check_fping -H 127.0.0.1 -S 192.0.2.7",
    "check_fping -H 127.0.0.1 -I lo",
    "check_fping -H 127.0.0.1 -I nosuch0",
    "check_fping -H 127.0.0.1 -a",
    "check_fping -H 127.0.0.1 --alive --bytes=100 --number=2 --target-timeout=200 --interval=100 --sourceip=127.0.0.1",
    "check_fping -H ::1",
    "check_fping -H ::1 -6",
    "check_fping -H 127.0.0.1 -4",
    "check_fping -H nosuch.invalid",
    "check_fping -H 10.10.0.2 -T 300",
    "check_fping -H 10.10.0.2 -a -T 300",
    "check_fping -H 10.10.0.2 -c 100,140% -T 300",
    "check_fping -H 10.66.0.1",
    "check_fping -H 10.67.0.1",
    "check_fping -H 10.99.0.1",
    "check_fping -H 10.7.0.1",
    "check_fping -H 10.8.0.2",
];

/// Command lines that we read otherwise, with the C plugin's exit code and ours: docs/deviations.md says why.
const OTHERWISE: &[(&str, i32, i32)] = &[
    ("check_icmp 127.0.0.1 ::1", 3, 0),
    ("check_icmp -H 127.0.0.1 -s lo", 3, 0),
    ("check_icmp -H 127.0.0.1 -n 0", 2, 3),
    ("check_icmp -H 127.0.0.1 -n x", 2, 3),
    ("check_icmp -H 127.0.0.1 -b 70000", 0, 3),
    ("check_icmp -H 127.0.0.1 -l 300", 0, 3),
    ("check_icmp -H 127.0.0.1 -i x", 0, 3),
    ("check_icmp -H 127.0.0.1 -t 0", 0, 3),
    ("check_icmp -H 127.0.0.1 -m 2", 0, 3),
    ("check_icmp -H 127.0.0.1 -w x,50%", 1, 3),
    ("check_icmp -H 127.0.0.1 -w 0.001,50%", 0, 1),
    ("check_icmp -H 127.0.0.1 -c 0.001,50%", 0, 2),
    ("check_icmp -H 127.0.0.1 -Q", 0, 3),
    ("check_icmp -H 255.255.255.255", 3, 2),
    ("check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 1 extra", 0, 3),
    ("check_ping -H 127.0.0.1 -w 100ms,20% -c 200ms,40% -p 1", 3, 0),
    ("check_ping -H 127.0.0.1 -w 100,20%foo -c 200,40% -p 1", 0, 3),
    ("check_ping -H 10.66.0.1 -w 100,20% -c 200,40% -p 1", 3, 2),
    ("check_ping -H 10.66.0.1,127.0.0.1 -w 100,20% -c 200,40% -p 1", 3, 0),
    ("check_ping -H 10.10.0.2,10.10.0.3 -w 100,20% -c 200,40% -p 1 -t 1", 0, 2),
    ("check_ping -H 127.0.0.1 -w 100,20% -c 200,40% -p 1 -t 0", 0, 3),
    ("check_fping 127.0.0.1 127.0.0.2", 0, 3),
    ("check_fping -H 127.0.0.1 extra", 0, 3),
    ("check_fping -H 127.0.0.1 -w x", 1, 3),
    ("check_fping -H 127.0.0.1 -b 70000", 1, 3),
    ("check_fping -H 127.0.0.1 -6", 0, 3),
    ("check_fping -H 127.0.0.1 -t 3", 3, 0),
];

/// A network in which all that the lines name is, or is missing as they want it.
struct World {
    here: Netns,
    _others: [Netns; 3],
    links: HashMap<&'static str, TempAlias>,
}

impl World {
    fn new() -> World {
        let [here, router, far, silent] = std::array::from_fn(|_| Netns::new());
        here.cable("net0", &router, "net0");
        here.cable("net1", &silent, "net0");
        router.cable("net1", &far, "net0");
        here.ip("address add 10.9.0.1/24 dev net0");
        here.ip("address add 10.10.0.1/24 dev net1");
        silent.ip("address add 10.10.0.2/24 dev net0");
        silent.ip("address add 10.10.0.3/24 dev net0");
        silent.set("net/ipv4/icmp_echo_ignore_all", "1");
        router.ip("address add 10.9.0.2/24 dev net0");
        router.ip("address add 10.8.0.1/24 dev net1");
        far.ip("address add 10.8.0.2/24 dev net0");
        far.ip("route add default via 10.8.0.1");
        router.set("net/ipv4/ip_forward", "1");
        for way in ["10.7.0.0/24", "10.8.0.0/24"] {
            here.ip(&format!("route add {way} via 10.9.0.2"));
        }
        router.ip("route add unreachable 10.7.0.0/24");
        here.ip("route add blackhole 10.66.0.0/24");
        here.ip("route add unreachable 10.67.0.0/24");
        here.ip("route add prohibit 10.68.0.0/24");
        let links = NAMES.into_iter().map(|name| (name, alias("check-ping", name))).collect();
        World { here, _others: [router, far, silent], links }
    }

    /// How the C plugin and ours end, one after the other.
    fn both(&mut self, line: &str) -> (Ran, Ran) {
        // A router reports one error a second to each host, after a burst of five.
        if line.contains("10.7.0.1") || line.contains("-l 1") {
            *self = World::new();
        }
        let words: Vec<&str> = line.split(' ').collect();
        let (name, args) = words.split_first().expect("a name");
        let theirs = self.here.run(format!("{C_PLUGINS}/{name}")).args(args).go();
        let ours = self.here.run(&self.links[name]).args(args).go();
        (theirs, ours)
    }
}

fn labels(ran: &Ran) -> Vec<(String, String)> {
    perfdata(&ran.stdout).into_iter().map(|(label, _, unit)| (label, unit)).collect()
}

/// Asks `judge` about every line, several at once in networks apart, and returns its complaints.
fn complaints<T: Copy + Sync>(
    lines: &[T],
    judge: impl Fn(&mut World, T) -> Option<String> + Sync,
) -> Vec<String> {
    let next = Mutex::new(lines.iter());
    let complaints = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut world = World::new();
                loop {
                    let Some(line) = next.lock().expect("no panic").next() else { return };
                    let complaint = judge(&mut world, *line);
                    complaints.lock().expect("no panic").extend(complaint);
                }
            });
        }
    });
    complaints.into_inner().expect("no panic")
}

#[test]
fn command_lines_mean_the_same() {
    let wrong = complaints(ALIKE, |world, line| {
        let (theirs, ours) = world.both(line);
        let same = theirs.code == ours.code && labels(&theirs) == labels(&ours) && ours.stderr.is_empty();
        (!same).then(|| {
            format!(
                "{line}\n  C {:?}: {}\n  ours {:?}: {}{}",
                theirs.code,
                theirs.first_line(),
                ours.code,
                ours.first_line(),
                ours.stderr
            )
        })
    });
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), ALIKE.len(), wrong.join("\n"));
}

#[test]
fn differences_are_those_that_are_documented() {
    let wrong = complaints(OTHERWISE, |world, (line, c, own)| {
        let (theirs, ours) = world.both(line);
        let as_said = theirs.code == Some(c) && ours.code == Some(own);
        (!as_said).then(|| {
            format!(
                "{line}: C {:?}: {}\n  ours {:?}: {}",
                theirs.code,
                theirs.first_line(),
                ours.code,
                ours.first_line()
            )
        })
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! A network of the test's own: interfaces, routes and limits of which nothing else on the machine knows.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Run;

/// A network namespace with its loopback up. Gone on drop. Needs root and `ip` (iproute2).
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// An empty network.
    ///
    /// Panics where the kernel or the user does not allow it.
    #[allow(clippy::new_without_default, reason = "making one changes the machine")]
    pub fn new() -> Netns {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let netns = Netns { name: format!("verdigris-{}-{number}", std::process::id()) };
        ip(&["netns", "add", &netns.name]);
        netns.ip("link set lo up");
        // An address would not be used for seconds, until nobody else is found to have it.
        netns.set("net/ipv6/conf/default/accept_dad", "0");
        netns
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it with these words, parted by blanks.
    ///
    /// Panics when it fails.
    pub fn ip(&self, words: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        ip(&[&["-n", &self.name], &words[..]].concat());
    }

    /// A cable: `near` here, `far` in the other namespace, both up.
    pub fn cable(&self, near: &str, other: &Netns, far: &str) {
        self.ip(&format!("link add {near} type veth peer name {far} netns {}", other.name));
        self.ip(&format!("link set {near} up"));
        other.ip(&format!("link set {far} up"));
    }

    /// Sets a limit of its kernel: `set("net/ipv4/ip_forward", "1")`.
    ///
    /// Panics when it fails.
    pub fn set(&self, sysctl: &str, value: &str) {
        let ran = self.run("/bin/sh").args(["-c", "echo \"$1\" >\"/proc/sys/$0\"", sysctl, value]).go();
        assert_eq!(ran.code, Some(0), "set {sysctl} to {value}: {ran:?}");
    }

    /// A run of a program in it.
    pub fn run(&self, program: impl AsRef<std::ffi::OsStr>) -> Run {
        Run::new("ip").args(["netns", "exec", &self.name]).args([program])
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.name]);
    }
}

fn ip(args: &[&str]) {
    let ran = crate::run("ip", args);
    // A second panic while the test panics would hide the first.
    assert!(ran.code == Some(0) || std::thread::panicking(), "ip {}: {ran:?}", args.join(" "));
}

#[cfg(test)]
mod tests {
    use super::Netns;

    #[test]
    fn a_network_of_its_own() {
        let netns = Netns::new();
        netns.set("net/ipv4/ip_forward", "1");
        let ran = netns.run("/bin/cat").args(["/proc/sys/net/ipv4/ip_forward", "/proc/net/dev"]).go();
        assert!(ran.stdout.starts_with("1\n"), "{ran:?}");
        assert_eq!(ran.stdout.matches(':').count(), 1, "more than the loopback: {ran:?}");
    }
}

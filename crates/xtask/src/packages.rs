//! What a fresh machine lacks: the lists of packages, and their installation.

use crate::shell::{self, Result, cargo, command};
use std::os::unix::fs::MetadataExt as _;

/// Debian packages that the demo needs beside Rust and a C compiler: cargo needs the roots to fetch crates, the checks
/// that speak TLS need OpenSSL.
pub const DEMO: &[&str] = &["ca-certificates", "libssl-dev", "pkg-config"];

/// Debian packages that the tests need beside [`DEMO`]: the servers they talk to, and the C plugins they compare with.
pub const TEST: &[&str] = &[
    "ca-certificates",
    "libssl-dev",
    "pkg-config",
    // openssl rehash, and its server
    "openssl",
    // the namesakes: the same command line runs through both
    "monitoring-plugins-basic",
    "monitoring-plugins-standard",
    // real servers on loopback
    "chrony",
    "nginx-light",
    "openssh-server",
    "tinyproxy-bin",
    "unbound",
    // servers of STARTTLS, with OpenSSL and with GnuTLS
    "dovecot-imapd",
    "dovecot-lmtpd",
    "dovecot-managesieved",
    "dovecot-pop3d",
    "exim4-daemon-light",
    // dig and nslookup, which the C plugins start
    "bind9-dnsutils",
    // ps, which the C plugins start, and ip
    "iproute2",
    "procps",
    // what check_ping and check_fping start, and who runs checks without rights
    "iputils-ping",
    "fping",
    "util-linux",
    // readers of JUnit, TAP and Prometheus files that mdd writes; a real terminal
    "libxml2-utils",
    "perl",
    "prometheus",
    "tmux",
    // the agents that start checks, and what reads metrics from files
    "apache2-bin",
    "curl",
    "icinga2-bin",
    "icinga2-common",
    "nagios-nrpe-plugin",
    "nagios-nrpe-server",
    "nagios4-cgi",
    "nagios4-core",
    "prometheus-node-exporter",
    // programs into a package, and what it gives to check-ping
    "binutils",
    "dpkg-dev",
    "libcap2-bin",
    // the page, as a browser shows it
    "chromium",
    // the commit in a gate's record
    "git",
    // what check_curl is linked with, and its package only recommends
    "libcurl4",
    "liburiparser1",
    // peak memory, and system calls
    "strace",
    "time",
    // a locale that writes 0,5
    "locales",
    // file systems with reserved blocks, in namespaces of the tests' own
    "e2fsprogs",
    "mount",
];

/// Debian packages that static programs are built and packed with: OpenSSL is built from source.
pub const DIST_STATIC: &[&str] =
    &["binutils", "ca-certificates", "dpkg", "git", "make", "musl-tools", "perl"];

/// Debian packages that programs for this distribution's libraries are built and packed with.
pub const DIST_DYNAMIC: &[&str] =
    &["binutils", "ca-certificates", "dpkg", "dpkg-dev", "git", "libssl-dev", "pkg-config"];

/// Components of the Rust toolchain that the tests need, with the command that shows that one is there.
const COMPONENTS: &[(&str, &str)] = &[("rustfmt", "fmt"), ("clippy", "clippy")];

/// The version is part of what the tests mean, so it is said.
const CARGO_DENY: &str = "0.20.2";

/// Runs as root. Services are kept from starting: a file that was there before stays as it is.
const INSTALL: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get -q -o DPkg::Lock::Timeout=120 update
apt-get -q -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "$@"
"#;

/// Installs what of `packages` is missing, after saying so.
pub fn ensure(packages: &[&str]) -> Result<()> {
    let Some(missing) = missing(packages)? else {
        println!(
            "This is no Debian system; these packages, or their like, must be there: {}",
            packages.join(" ")
        );
        return Ok(());
    };
    if missing.is_empty() {
        println!("Nothing to install: every Debian package is there.");
        return Ok(());
    }
    println!("Installing Debian packages, services kept from starting: {}", missing.join(" "));
    let mut install = if is_root() {
        command("sh", &[])
    } else if shell::succeeds(&mut command("sudo", &["-V"])) {
        println!("Asking for root with sudo.");
        let mut sudo = command("sudo", &["sh"]);
        sudo.stdin(std::process::Stdio::inherit());
        sudo
    } else {
        return Err(format!("neither root nor sudo; as root: apt-get install {}", missing.join(" ")));
    };
    install.args(["-c", INSTALL, "sh"]).args(&missing);
    match install.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get install {}: {status}", missing.join(" "))),
        Err(error) => Err(format!("start apt-get: {error}")),
    }
}

/// Installs what of the Rust tools is missing, after saying so.
pub fn ensure_rust_tools() -> Result<()> {
    for (component, subcommand) in COMPONENTS {
        if !shell::succeeds(&mut cargo(&[subcommand, "--version"])) {
            println!("Installing the component {component} of the Rust toolchain.");
            shell::run(&mut command("rustup", &["component", "add", component]))?;
        }
    }
    if !shell::succeeds(&mut cargo(&["deny", "--version"])) {
        println!("Installing cargo-deny {CARGO_DENY}, which takes two to three minutes.");
        let package = format!("cargo-deny@{CARGO_DENY}");
        shell::run(&mut cargo(&["install", "--locked", "--quiet", &package]))?;
    }
    Ok(())
}

/// Which of `packages` are not installed; `None` where there is no dpkg to ask.
fn missing<'a>(packages: &[&'a str]) -> Result<Option<Vec<&'a str>>> {
    let mut query = command("dpkg-query", &["--show", "--showformat", "${Package} ${db:Status-Status}\n"]);
    if !shell::succeeds(&mut command("dpkg-query", &["--version"])) {
        return Ok(None);
    }
    let list = shell::output_of(query.args(packages))?;
    Ok(Some(packages.iter().copied().filter(|name| !is_installed(&list, name)).collect()))
}

fn is_installed(list: &str, package: &str) -> bool {
    list.lines().any(|line| line.split_once(' ') == Some((package, "installed")))
}

/// `/proc/self` belongs to the effective user.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_status_installed_counts() {
        let list = "procps installed\nunbound config-files\n";
        assert!(is_installed(list, "procps"));
        assert!(!is_installed(list, "unbound"));
        assert!(!is_installed(list, "proc"));
        assert!(!is_installed("", "procps"));
    }

    #[test]
    fn the_tests_need_what_the_demo_needs() {
        assert!(DEMO.iter().all(|package| TEST.contains(package)));
    }
}

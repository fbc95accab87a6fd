//! `cargo xtask bench`: each check beside its namesake in C, on the release profile, in turn.
//!
//! Ratios and instruction counts are what to read: wall times are one machine's, and a busy one's.

mod scene;

use crate::packages;
use crate::shell::{self, Result, cargo, command};
use scene::Scene;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Debian packages that the measurement needs beside those of the tests.
const PACKAGES: &[&str] = &["iputils-ping", "make", "musl-tools", "perl", "time", "util-linux", "valgrind"];

const MUSL: &str = "x86_64-unknown-linux-musl";
const C_PLUGINS: &str = "/usr/lib/nagios/plugins";
/// Whether the machine is set already, in a mount namespace of its own.
const SET: &str = "VERDIGRIS_BENCH_SET";

/// One line of the table: the same question to both.
struct Row {
    name: &'static str,
    ours: &'static str,
    our_args: &'static [&'static str],
    theirs: &'static str,
    their_args: &'static [&'static str],
    /// Most that our wall time may be of theirs.
    goal: f64,
}

impl Row {
    const fn same(
        name: &'static str,
        ours: &'static str,
        theirs: &'static str,
        args: &'static [&'static str],
        goal: f64,
    ) -> Row {
        Row { name, ours, our_args: args, theirs, their_args: args, goal }
    }
}

const ROWS: &[Row] = &[
    Row::same("dummy", "check-dummy", "check_dummy", &["0"], 0.5),
    Row::same("load", "check-load", "check_load", &["-w", "900", "-c", "999"], 0.25),
    Row::same("tcp", "check-tcp", "check_tcp", &["-H", "127.0.0.1", "-p", "{tcp}"], 0.35),
    Row::same("disk, 20 mounts", "check-disk", "check_disk", &["-w", "1%", "-c", "1%"], 0.55),
    Row::same("procs, count", "check-procs", "check_procs", &["-w", "90000", "-c", "99999"], 0.05),
    Row::same("procs, arguments", "check-procs", "check_procs", &["-a", "sleep", "-c", "1:"], 0.35),
    Row {
        name: "dns",
        ours: "check-dns",
        our_args: &["-s", "{dns}", "-H", "www.example"],
        theirs: "check_dns",
        their_args: &["-s", "{dns}", "-H", "www.example"],
        goal: 0.08,
    },
    Row::same("ping, 5 packets", "check-ping", "check_icmp", &["-H", "127.0.0.1", "-n", "5"], 0.5),
    Row::same("http", "check-http", "check_http", &["-H", "127.0.0.1", "-p", "{http}"], 0.5),
    Row {
        name: "https, verified",
        ours: "check-http",
        our_args: &["-S", "-H", "localhost", "-p", "{https}", "--ca-file", "{ca}"],
        theirs: "check_http",
        their_args: &["-S", "-H", "localhost", "-p", "{https}"],
        goal: 1.05,
    },
];

/// Measures the named rows, or all whose check exists; prints a table for `docs/benchmarks.md`.
pub fn bench(args: &[String]) -> Result<ExitCode> {
    let (rounds, names) = options(args)?;
    if std::env::var_os(SET).is_none() {
        packages::ensure(&[packages::TEST, PACKAGES].concat())?;
        let folder = build()?;
        // The mounts of the measurement are nobody else's.
        let own = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
        let mut again = command("unshare", &["--mount", "--propagation", "private"]);
        again.arg(own).arg("bench").args(args).env(SET, folder);
        return shell::run(&mut again).map(|()| ExitCode::SUCCESS);
    }
    let folder = PathBuf::from(std::env::var_os(SET).unwrap_or_default());
    let scene = Scene::set()?;
    println!("\n{}\n", about(&folder, rounds));
    println!(
        "| check | instructions, ours | C | ratio | wall, ratio | goal | peak memory, ours | C | size |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let chosen =
        |row: &&Row| names.is_empty() || names.iter().any(|name| row.name.starts_with(name.as_str()));
    for row in ROWS.iter().filter(chosen) {
        if !folder.join(row.ours).is_file() {
            println!("| {} | {} is not there yet | | | | | | | |", row.name, row.ours);
            continue;
        }
        println!("{}", measure(row, &folder, &scene, rounds)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &[String]) -> Result<(usize, Vec<String>)> {
    let (mut rounds, mut names) = (60, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--rounds" {
            let value = args.next().ok_or("--rounds needs a number")?;
            rounds = value.parse().map_err(|error| format!("--rounds {value}: {error}"))?;
        } else if arg.starts_with('-') {
            return Err(format!("bench has no option {arg}"));
        } else {
            names.push(arg.clone());
        }
    }
    Ok((rounds.max(1), names))
}

/// The folder of the release builds: static ones where the musl target can be had.
fn build() -> Result<PathBuf> {
    let checks: Vec<&str> =
        ROWS.iter().map(|row| row.ours).filter(|check| plugin_folder(check).is_dir()).collect();
    let mut build = cargo(&["build", "--release", "--locked", "--quiet", "--bins"]);
    for check in dedup(checks) {
        build.args(["--package", check]);
    }
    let is_static = shell::succeeds(&mut command("rustup", &["target", "add", MUSL]));
    let profile = if is_static {
        // The distribution has no OpenSSL for musl: it is built from source.
        build.args(["--target", MUSL, "--package", "verdigris-tls", "--features", "verdigris-tls/vendored"]);
        format!("{MUSL}/release")
    } else {
        println!("The target {MUSL} cannot be had: these are figures of dynamic glibc builds.");
        "release".to_owned()
    };
    shell::run(&mut build)?;
    Ok(target_folder().join(profile))
}

fn dedup(mut names: Vec<&str>) -> Vec<&str> {
    names.dedup();
    names
}

fn plugin_folder(check: &str) -> PathBuf {
    shell::root().join("plugins").join(check)
}

/// Where cargo puts what it builds: beside the profile that this program was built in.
fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from)
}

fn about(folder: &Path, rounds: usize) -> String {
    let kind = if folder.to_string_lossy().contains(MUSL) { "static musl" } else { "dynamic glibc" };
    format!(
        "Release builds, {kind}, beside monitoring-plugins in C: instructions in user space by callgrind, children included; wall \
         ratio, the median of {rounds} rounds, both in turn; peak resident memory of the largest process, KiB."
    )
}

fn measure(row: &Row, folder: &Path, scene: &Scene, rounds: usize) -> Result<String> {
    let ours = Line { program: folder.join(row.ours), args: scene.fill(row.our_args) };
    let theirs = Line { program: Path::new(C_PLUGINS).join(row.theirs), args: scene.fill(row.their_args) };
    for line in [&ours, &theirs] {
        line.must_be_ok()?;
    }
    let (our_count, their_count) = (ours.instructions()?, theirs.instructions()?);
    let mut ratios = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let (our_time, their_time) = (ours.wall()?, theirs.wall()?);
        ratios.push(our_time.as_secs_f64() / their_time.as_secs_f64());
    }
    let wall = median(&mut ratios);
    let size = std::fs::metadata(&ours.program).map_err(|error| format!("{}: {error}", row.ours))?.len();
    let missed = if wall > row.goal { " missed" } else { "" };
    Ok(format!(
        "| {} | {} | {} | {:.2} | {wall:.2} | ≤ {:.2}{missed} | {} | {} | {:.2} MB |",
        row.name,
        thousands(our_count),
        thousands(their_count),
        our_count as f64 / their_count as f64,
        row.goal,
        ours.peak()?,
        theirs.peak()?,
        size as f64 / 1e6
    ))
}

/// A command line to be measured.
struct Line {
    program: PathBuf,
    args: Vec<String>,
}

impl Line {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A check that fails at once would be a fast one.
    fn must_be_ok(&self) -> Result<()> {
        let output = self.command().stdout(Stdio::piped()).output().map_err(|error| self.failed(&error))?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.failed(&String::from_utf8_lossy(&output.stdout).trim()))
    }

    fn wall(&self) -> Result<Duration> {
        let mut command = self.command();
        let started = Instant::now();
        command.status().map_err(|error| self.failed(&error))?;
        Ok(started.elapsed())
    }

    fn instructions(&self) -> Result<u64> {
        // A file for each process: the children of the C plugins have their outputs taken.
        let logs = std::env::temp_dir().join(format!("verdigris-callgrind-{}", std::process::id()));
        std::fs::create_dir_all(&logs).map_err(|error| self.failed(&error))?;
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null"]);
        valgrind.arg(format!("--log-file={}/%p", logs.display()));
        // Valgrind runs no program that has capabilities, such as check_icmp; a copy has none, and root needs none.
        let copies = logs.with_extension("bin");
        std::fs::create_dir_all(&copies).map_err(|error| self.failed(&error))?;
        let copy = Line {
            program: copies.join(self.program.file_name().unwrap_or_default()),
            args: self.args.clone(),
        };
        std::fs::copy(&self.program, &copy.program).map_err(|error| self.failed(&error))?;
        copy.wrapped(valgrind)?;
        std::fs::remove_dir_all(&copies).map_err(|error| self.failed(&error))?;
        let mut sum = 0;
        for log in std::fs::read_dir(&logs).map_err(|error| self.failed(&error))?.flatten() {
            let text = std::fs::read_to_string(log.path()).map_err(|error| self.failed(&error))?;
            let counts = text.lines().filter_map(|line| line.split_once("Collected : "));
            sum += counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum::<u64>();
        }
        std::fs::remove_dir_all(&logs).map_err(|error| self.failed(&error))?;
        if sum == 0 { Err(self.failed(&"callgrind counted nothing")) } else { Ok(sum) }
    }

    fn peak(&self) -> Result<u64> {
        let mut time = Command::new("/usr/bin/time");
        time.args(["--format", "peak %M"]);
        let text = self.wrapped(time)?;
        let peak =
            text.lines().find_map(|line| line.strip_prefix("peak ")).and_then(|peak| peak.parse().ok());
        peak.ok_or_else(|| self.failed(&"time measured nothing"))
    }

    /// What a program that runs ours says on standard error.
    fn wrapped(&self, mut wrapper: Command) -> Result<String> {
        let wrapper = wrapper.arg(&self.program).args(&self.args).stdin(Stdio::null()).stdout(Stdio::null());
        let output = wrapper.stderr(Stdio::piped()).output().map_err(|error| self.failed(&error))?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn failed(&self, what: &dyn std::fmt::Display) -> String {
        format!("{} {}: {what}", self.program.display(), self.args.join(" "))
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// `1 234 567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_the_middle_is_found() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234_567), "1 234 567");
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn options_are_rounds_and_names() {
        assert_eq!(options(&["dns".into(), "--rounds".into(), "5".into()]), Ok((5, vec!["dns".to_owned()])));
        assert!(options(&["--fast".into()]).is_err());
    }

    #[test]
    fn every_row_has_a_namesake_to_be_measured_with() {
        assert!(ROWS.iter().all(|row| row.ours.starts_with("check-") && row.theirs.starts_with("check_")));
        assert!(ROWS.iter().all(|row| row.goal > 0.0));
    }
}

//! `cargo xtask test`: every step runs even when one before it failed; the end says which did.

use crate::packages;
use crate::shell::{self, Result, cargo};
use std::io::{BufRead as _, BufReader};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Counts) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step {
        name: "install",
        what: "what the others need: Debian packages, rustfmt, clippy, cargo-deny",
        run: install,
    },
    Step { name: "fmt", what: "rustfmt changes nothing", run: fmt },
    Step { name: "clippy", what: "no lint, in the code and in its tests", run: clippy },
    Step { name: "deny", what: "licences, sources and banned crates (deny.toml)", run: deny },
    Step { name: "links", what: "host checks link no async runtime, HTTP client or TLS", run: links },
    Step { name: "gen", what: "the generated files are fresh", run: gen_check },
    Step { name: "build", what: "every program, for the tests that start them", run: build },
    Step { name: "test", what: "unit, contract and black-box tests", run: cargo_test },
];

/// Plugins that only look at their own machine, and stay light.
const HOST_CHECKS: &[&str] = &["check-disk", "check-dummy", "check-load", "check-memory", "check-procs"];

/// What a host check must not depend on.
const HEAVY: &[&str] = &["tokio", "hyper", "reqwest", "native-tls", "openssl", "openssl-sys", "rustls"];

/// Sums over cargo test's result lines.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
}

struct Ended {
    name: &'static str,
    result: Result<()>,
    took: Duration,
}

/// The names of the steps, for the help text.
pub fn help() -> String {
    let lines: Vec<_> = STEPS.iter().map(|step| format!("  {:<8} {}\n", step.name, step.what)).collect();
    lines.concat()
}

/// Runs the named steps, or all; exit 1 when one failed.
pub fn test(names: &[String]) -> Result<ExitCode> {
    if let Some(name) = names.iter().find(|name| STEPS.iter().all(|step| step.name != name.as_str())) {
        return Err(format!("test has no step `{name}`; `cargo xtask help` lists them"));
    }
    let chosen = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    let mut counts = Counts::default();
    let mut ended = Vec::new();
    for step in STEPS.iter().filter(chosen) {
        println!("\n== {}: {}", step.name, step.what);
        let started = Instant::now();
        let result = (step.run)(&mut counts);
        if let Err(error) = &result {
            println!("{} failed: {error}", step.name);
        }
        ended.push(Ended { name: step.name, result, took: started.elapsed() });
    }
    print!("\n{}", summary(&ended));
    if ended.iter().any(|step| step.name == "test") {
        println!("{} passed, {} failed", counts.passed, counts.failed);
    }
    Ok(if ended.iter().all(|step| step.result.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `cargo xtask gen`: the generator of the catalogue does the work.
pub fn generate(args: &[String]) -> Result<ExitCode> {
    let mut generator = generator();
    generator.args(args);
    shell::run(&mut generator).map(|()| ExitCode::SUCCESS)
}

fn summary(ended: &[Ended]) -> String {
    let line = |step: &Ended| {
        let (word, why) = match &step.result {
            Ok(()) => ("ok", ""),
            Err(error) => ("FAILED", error.as_str()),
        };
        let seconds = step.took.as_secs();
        format!("{:<8} {word:<6} {seconds:>5} s  {why}", step.name).trim_end().to_owned() + "\n"
    };
    ended.iter().map(line).collect::<Vec<_>>().concat()
}

fn install(_: &mut Counts) -> Result<()> {
    // Both are tried: one of them missing must not hide the other.
    let debian = packages::ensure(packages::TEST);
    packages::ensure_rust_tools().and(debian)
}

fn fmt(_: &mut Counts) -> Result<()> {
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))
}

/// In the profile of the tests, so that build scripts and macros are built once.
fn clippy(_: &mut Counts) -> Result<()> {
    let options = ["clippy", "--workspace", "--all-targets", "--locked", "--profile", "quick"];
    shell::run(cargo(&options).args(["--", "--deny", "warnings"]))
}

/// Offline: there is no database of advisories to ask, and the crates are fetched first.
fn deny(_: &mut Counts) -> Result<()> {
    shell::run(&mut cargo(&["fetch", "--locked", "--quiet"]))?;
    shell::run(&mut cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))
}

fn links(_: &mut Counts) -> Result<()> {
    let mut found = Vec::new();
    for check in HOST_CHECKS {
        let mut tree =
            cargo(&["tree", "--locked", "--edges", "normal", "--prefix", "none", "--package", check]);
        shell::show(&tree);
        let tree = shell::output_of(&mut tree)?;
        if !tree.starts_with(check) {
            return Err(format!("cargo tree says nothing about {check}"));
        }
        found.extend(heavy_in(&tree).into_iter().map(|name| format!("{check} depends on {name}")));
    }
    if found.is_empty() { Ok(()) } else { Err(found.join(", ")) }
}

/// The banned crates in the output of `cargo tree --prefix none`, each once.
fn heavy_in(tree: &str) -> Vec<&'static str> {
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    HEAVY.iter().copied().filter(|heavy| names.contains(heavy)).collect()
}

fn gen_check(_: &mut Counts) -> Result<()> {
    shell::run(generator().arg("--check"))
}

fn generator() -> std::process::Command {
    let run = ["run", "--quiet", "--locked", "--profile", "quick", "--package", "verdigris-catalog"];
    let mut generator = cargo(&run);
    generator.args(["--bin", "gen", "--"]);
    generator
}

fn build(_: &mut Counts) -> Result<()> {
    shell::run(&mut cargo(&["build", "--workspace", "--bins", "--locked", "--profile", "quick"]))
}

fn cargo_test(counts: &mut Counts) -> Result<()> {
    let mut test = cargo(&["test", "--workspace", "--locked", "--profile", "quick", "--no-fail-fast"]);
    shell::show(&test);
    let started = |error| format!("start cargo test: {error}");
    let mut child = test.stdout(Stdio::piped()).spawn().map_err(started)?;
    let output = child.stdout.take().ok_or("cargo test has no output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| format!("read from cargo test: {error}"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.add(&line);
    }
    let status = child.wait().map_err(|error| format!("wait for cargo test: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo test: {status}")) }
}

impl Counts {
    /// Reads `test result: ok. 12 passed; 0 failed; …`; other lines change nothing.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        for part in rest.split(['.', ';']) {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_others_ignored() {
        let mut counts = Counts::default();
        counts.add(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        counts.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        counts.add("test state::tests::order ... ok");
        counts.add("7 passed by the river");
        assert_eq!(counts, Counts { passed: 15, failed: 2 });
    }

    #[test]
    fn the_summary_names_the_step_that_failed_and_why() {
        let ended = [
            Ended { name: "fmt", result: Ok(()), took: Duration::from_millis(1400) },
            Ended {
                name: "test",
                result: Err("cargo test: exit status: 101".into()),
                took: Duration::from_secs(73),
            },
        ];
        assert_eq!(
            summary(&ended),
            "fmt      ok         1 s\ntest     FAILED    73 s  cargo test: exit status: 101\n"
        );
    }

    #[test]
    fn a_heavy_crate_is_found_by_its_whole_name() {
        let tree = "check-load v0.1.0 (/src/plugins/check-load)\nclap v4.6.9\ntokio-util v0.7.1\nopenssl v0.10.1 (*)\n";
        assert_eq!(heavy_in(tree), ["openssl"]);
    }

    #[test]
    fn an_unknown_step_runs_nothing() {
        let error = test(&["fmt".into(), "lint".into()]).unwrap_err();
        assert_eq!(error, "test has no step `lint`; `cargo xtask help` lists them");
    }
}

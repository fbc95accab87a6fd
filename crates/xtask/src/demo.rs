//! `cargo xtask demo`: builds what the rehearsal needs, then hands over to it.

use crate::packages;
use crate::shell::{self, Result, cargo};
use std::process::{ExitCode, Stdio};

/// The rehearsal, the tool, and the checks that its points run.
const PROGRAMS: &[&str] = &["rehearsal", "mdd", "check-dns", "check-http", "check-ntp", "check-tcp"];

/// Builds and runs the rehearsal; its exit code is the gate's.
pub fn demo(args: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = args.iter().find(|arg| arg.as_str() != "--keep") {
        return Err(format!("demo knows --keep, not `{unknown}`"));
    }
    packages::ensure(packages::DEMO)?;
    println!("Building mdd and the checks: one to three minutes the first time.");
    let mut build = cargo(&["build", "--locked", "--profile", "quick", "--bins"]);
    for program in PROGRAMS {
        build.args(["--package", program]);
    }
    shell::run(&mut build)?;
    let mut rehearsal =
        cargo(&["run", "--quiet", "--locked", "--profile", "quick", "--package", "rehearsal", "--"]);
    rehearsal.args(["play", "examples/new-datacenter"]).args(args).stdin(Stdio::inherit());
    shell::show(&rehearsal);
    let status = rehearsal.status().map_err(|error| format!("start cargo run: {error}"))?;
    // A signal is no verdict: mdd calls that 130.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130);
    Ok(ExitCode::from(code))
}

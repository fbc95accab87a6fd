//! The project's commands. `cargo xtask help` lists them.
//!
//! Only the standard library is used, so that this program is built in seconds and can install what the others
//! need before they are built.

mod bench;
mod demo;
mod dist;
mod new;
mod packages;
mod shell;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask COMMAND

  demo [--keep]         build mdd and the checks, and watch a datacenter go from red to green;
                        --keep leaves its services up and says what to try on them
  test [STEP...]        everything that must pass before a change is accepted, or only these steps
  bench [NAME...]       each check beside its namesake in C: instructions, wall ratio, memory, size
  gen [--check]         write the generated files; --check fails when one is out of date
  dist [OPTION...]      tarball, Sensu asset and Debian package of static programs; dist --help lists the options
  new check-THING       make a new check: its crate, its line in the catalogue
  help                  this text

steps of test, in order:
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = args.split_first().map_or(("help", &[][..]), |(c, rest)| (c.as_str(), rest));
    let done = match command {
        "demo" => demo::demo(rest),
        "test" => test::test(rest),
        "bench" => bench::bench(rest),
        "gen" => test::generate(rest),
        "dist" => dist::dist(rest),
        "new" => new::new(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}{}", test::help());
            Ok(ExitCode::SUCCESS)
        }
        other => Err(format!("unknown command `{other}`; `cargo xtask help` lists them")),
    };
    done.unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::from(2)
    })
}

//! `cargo xtask dist`: a tarball, a Sensu asset and a Debian package of the programs, with what agents need to know of them.

mod asset;
mod deb;
mod programs;
mod stage;

use crate::shell::{self, Result, command};
use programs::{Linkage, Programs};
use stage::Stage;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub const HELP: &str = "\
usage: cargo xtask dist [OPTION...]

  --out FOLDER        where the archives go; dist/ by default
  --target TRIPLE     static x86_64-unknown-linux-musl by default where that target can be had, else this machine's
  --profile PROFILE   release (default), or quick: this machine's target, quick to build and to pack, for the tests
  --skip-build        pack what is built already
  --programs FOLDER   pack the programs of this folder; nothing is built
  --url-base URL      where the asset will be fetched from; the release page of this version by default
";

const VERSION: &str = env!("CARGO_PKG_VERSION");
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
/// What stands beside the programs in every archive.
const DOCUMENTS: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];
/// Folders of `packaging/` that are made of the options of the plugins, one for each kind of agent.
const AGENTS: [&str; 4] = ["icinga2", "nagios", "nrpe", "sensu"];

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Profile {
    Release,
    /// Of the tests: packed with the least effort.
    Quick,
}

#[derive(Debug, PartialEq)]
struct Options {
    out: PathBuf,
    target: Option<String>,
    profile: Profile,
    skip_build: bool,
    programs: Option<PathBuf>,
    url_base: String,
}

/// What the names and the contents of all archives depend on.
pub struct Release {
    /// As Debian and Go call it: `amd64`.
    pub arch: &'static str,
    /// Seconds since 1970, of every file in every archive.
    pub epoch: u64,
    pub profile: Profile,
    pub url_base: String,
}

/// Makes the archives, and says how large they are.
pub fn dist(args: &[String]) -> Result<ExitCode> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = options(args)?;
    let target = if options.programs.is_some() {
        options.target.clone()
    } else {
        programs::target(options.target.clone(), options.profile, options.skip_build)
    };
    let arch = arch(target.as_deref().unwrap_or(std::env::consts::ARCH))?;
    if !options.skip_build && options.programs.is_none() {
        programs::build(target.as_deref(), options.profile)?;
    }
    let folder = options.programs.unwrap_or_else(|| programs::folder(target.as_deref(), options.profile));
    let programs = Programs::find(&folder)?;
    let release = Release { arch, epoch: epoch()?, profile: options.profile, url_base: options.url_base };
    let out = std::path::absolute(&options.out).map_err(|error| format!("--out: {error}"))?;
    make_folder(&out)?;
    let staging = out.join(".stage");
    let archives = [
        tarball(&release, &programs, &staging, &out)?,
        asset::make(&release, &programs, &staging, &out)?,
        deb::make(&release, &programs, &staging, &out)?,
    ];
    std::fs::remove_dir_all(&staging).map_err(|error| format!("remove {}: {error}", staging.display()))?;
    println!();
    for archive in archives {
        let size = std::fs::metadata(&archive).map_err(|error| format!("{}: {error}", archive.display()))?;
        println!("{:>7.2} MB  {}", size.len() as f64 / 1e6, archive.display());
    }
    println!("{}", programs.linkage);
    Ok(ExitCode::SUCCESS)
}

fn options(args: &[String]) -> Result<Options> {
    let mut options = Options {
        out: shell::root().join("dist"),
        target: None,
        profile: Profile::Release,
        skip_build: false,
        programs: None,
        url_base: format!("{REPOSITORY}/releases/download/v{VERSION}"),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--out" => options.out = value()?.into(),
            "--target" => options.target = Some(value()?.clone()),
            "--profile" => {
                options.profile = match value()?.as_str() {
                    "release" => Profile::Release,
                    "quick" => Profile::Quick,
                    other => return Err(format!("--profile is release or quick, not `{other}`")),
                }
            }
            "--programs" => options.programs = Some(value()?.into()),
            "--skip-build" => options.skip_build = true,
            "--url-base" => options.url_base = asset::url_base(value()?)?,
            other => {
                return Err(format!("dist has no option `{other}`; `cargo xtask dist --help` lists them"));
            }
        }
    }
    Ok(options)
}

/// The architecture of a target triple, as Debian and Go call it.
fn arch(triple: &str) -> Result<&'static str> {
    match triple.split('-').next() {
        Some("x86_64") => Ok("amd64"),
        Some("aarch64") => Ok("arm64"),
        _ => Err(format!("no name is known for the architecture of {triple}")),
    }
}

/// The time of everything that is packed: told by `SOURCE_DATE_EPOCH`, or the time of the commit.
///
/// <https://reproducible-builds.org/specs/source-date-epoch/>
fn epoch() -> Result<u64> {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok();
    let text = match &told {
        Some(text) => text.clone(),
        None => shell::output_of(&mut command("git", &["log", "-1", "--format=%ct"]))?,
    };
    text.trim().parse().map_err(|_| match told {
        Some(text) => format!("SOURCE_DATE_EPOCH={text}: no seconds since 1970"),
        None => "no commit to take the time from: set SOURCE_DATE_EPOCH, seconds since 1970".into(),
    })
}

/// Everything in one folder, for hosts without packages.
fn tarball(release: &Release, programs: &Programs, staging: &Path, out: &Path) -> Result<PathBuf> {
    let name = format!("verdigris_{VERSION}_linux_{}", release.arch);
    let stage = Stage::new(&staging.join("tarball"), release)?;
    stage.programs(programs.all(), &format!("{name}/bin"))?;
    for document in DOCUMENTS {
        stage.file(&shell::root().join(document), &format!("{name}/{document}"))?;
    }
    agents(&stage, &format!("{name}/share/verdigris"))?;
    stage.tar(&out.join(format!("{name}.tar.gz")))
}

/// The definitions for agents, where they have been generated.
fn agents(stage: &Stage, to: &str) -> Result<()> {
    for agent in AGENTS {
        let folder = shell::root().join("packaging").join(agent);
        if folder.is_dir() {
            stage.folder(&folder, &format!("{to}/{agent}"))?;
        }
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| format!("create {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options_of(args: &[&str]) -> Result<Options> {
        options(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let all =
            ["--out", "o", "--target", "x86_64-unknown-linux-gnu", "--profile", "quick", "--skip-build"];
        let options = options_of(&all).unwrap();
        assert_eq!(
            (options.out.to_str(), options.profile, options.skip_build),
            (Some("o"), Profile::Quick, true)
        );
        assert_eq!(options.target.as_deref(), Some("x86_64-unknown-linux-gnu"));
        assert!(options_of(&[]).unwrap().url_base.starts_with("https://"));
        assert_eq!(options_of(&["--out"]).unwrap_err(), "--out needs a value");
        assert_eq!(
            options_of(&["--profile", "dev"]).unwrap_err(),
            "--profile is release or quick, not `dev`"
        );
        assert!(options_of(&["--url-base", "example.net"]).is_err());
        assert!(options_of(&["--fast"]).unwrap_err().contains("no option `--fast`"));
    }

    #[test]
    fn architectures_have_the_names_of_debian_and_go() {
        assert_eq!(arch("x86_64-unknown-linux-musl"), Ok("amd64"));
        assert_eq!(arch("aarch64"), Ok("arm64"));
        assert!(arch("riscv64gc-unknown-linux-gnu").is_err());
    }
}

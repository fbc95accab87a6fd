//! The rehearsal of a new datacenter: real listeners on loopback come up one by one, in dependency order, as if
//! teams deployed them, while `mdd` watches its integration points turn from red to green.
//!
//! `rehearsal play` is the director. Each service is a process of its own, `rehearsal serve`, so that ending one
//! is what losing it would be.

mod certificates;
mod dns;
mod ntp;
mod play;
mod proxy;
mod serve;
mod services;
mod talk;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
usage: rehearsal play MANIFEST [--keep] [--step SECONDS] [--out FOLDER]
       rehearsal serve SERVICE PORT [FOLDER]

play   runs the whole rehearsal and ends with the exit code of `mdd gate`
         --keep           leave the services up, and say what to try on them
         --step SECONDS   time between two deployments; default 2.5
         --out FOLDER     history, record, certificates and page; default rehearsal/ beside the folder of this program
serve  answers as one service on its own loopback address, until standard input ends
         FOLDER           where its certificate and key are, for a service that speaks TLS
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((command, rest)) if command == "play" => options(rest).and_then(|options| play::play(&options)),
        Some((command, [name, port])) if command == "serve" => serve_named(name, port, None),
        Some((command, [name, port, folder])) if command == "serve" => serve_named(name, port, Some(folder)),
        Some((flag, [])) if flag == "--help" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(format!("wrong usage\n{HELP}")),
    };
    done.unwrap_or_else(|error| {
        eprintln!("rehearsal: {error}");
        ExitCode::from(2)
    })
}

fn serve_named(name: &str, port: &str, folder: Option<&String>) -> Result<ExitCode, String> {
    let service = services::named(name).ok_or_else(|| format!("no service is called `{name}`"))?;
    let port = port.parse().map_err(|error| format!("port `{port}`: {error}"))?;
    serve::serve(service, port, folder.map(Path::new)).map(|()| ExitCode::SUCCESS)
}

fn options(args: &[String]) -> Result<play::Options, String> {
    let mut options = play::Options::new()?;
    let mut args = args.iter();
    let mut manifest = None;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--keep" => options.keep = true,
            "--out" => options.out = PathBuf::from(value()?),
            "--step" => {
                let text = value()?;
                let seconds = text.parse().map_err(|error| format!("--step {text}: {error}"))?;
                options.step = Duration::try_from_secs_f64(seconds)
                    .map_err(|error| format!("--step {text}: {error}"))?;
            }
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}\n{HELP}")),
            path => manifest = Some(PathBuf::from(path)),
        }
    }
    options.manifest = manifest.ok_or("play needs the folder of a manifest")?;
    Ok(options)
}

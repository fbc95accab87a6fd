//! `mdd exec`: one check of the manifest, run as an engine would run its plugin.
//!
//! For exports with `--style exec`: the engine names the point, the manifest on its machine holds the command.

use crate::cli::{Global, print_bytes};
use crate::engine::execute::Launcher;
use crate::engine::reading::Verdict;
use crate::engine::stop::{Stop, keep_children};
use crate::exit::{Error, Exit};
use crate::manifest::near;
use crate::plan::{Instance, Plan, Point};

/// Command line of `mdd exec`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which one: iad2/dns-external, or one instance of it: iad2/dns-internal/10.20.0.53
    #[arg(value_name = "DC/POINT[/KEY]")]
    pub point: String,
    /// Run it only if it is still this check; an export writes it
    #[arg(long, value_name = "HASH")]
    pub hash: Option<String>,
}

/// Does it: what the plugin writes goes out as it is, and its state is the exit code. Whatever is no plugin's answer is an
/// error, which the command line shows as one UNKNOWN line.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let mut names = args.point.splitn(3, '/');
    let (Some(dc), Some(id)) = (names.next(), names.next()) else {
        return Err(Error::usage(format!("`{}`: expected DC/POINT or DC/POINT/KEY", args.point)));
    };
    let plan = global.manifest()?.plan(dc)?;
    let point = point(&plan, id)?;
    let instance = instance(point, names.next(), &args.point)?;
    if let Some(asked) = args.hash.as_ref().filter(|asked| **asked != instance.hash) {
        return Err(Error::own(format!(
            "{} runs something else here: {asked} was asked for, the manifest has {}",
            args.point, instance.hash
        )));
    }
    let failed = |what: String| Error::own(format!("{}: {what}", args.point));
    keep_children().map_err(|error| failed(format!("listen for its end: {error}")))?;
    let stop = Stop::on_signals().map_err(|error| failed(format!("listen for signals: {error}")))?;
    let launcher = Launcher::new(global.programs(), &plan, stop);
    let Some((reading, written)) = launcher.run_whole(&instance.argv, &point.env, point.timeout) else {
        return Err(failed("interrupted".into()));
    };
    match reading.verdict {
        Verdict::Plugin(state) => {
            print_bytes(&written)?;
            Ok(Exit::Plugin(state))
        }
        Verdict::None | Verdict::Skipped => Err(failed(reading.summary().to_owned())),
    }
}

fn point<'p>(plan: &'p Plan, id: &str) -> Result<&'p Point, Error> {
    plan.points.iter().find(|point| point.id == id).ok_or_else(|| {
        let near = near::suggest(id, plan.points.iter().map(|point| point.id.as_str()));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Error::usage(format!("there is no point `{id}` in {}{near}", plan.dc))
    })
}

/// The instance that is named, or the only one.
fn instance<'p>(point: &'p Point, key: Option<&str>, given: &str) -> Result<&'p Instance, Error> {
    if !point.missing.is_empty() {
        return Err(Error::usage(format!("{given} waits for the value of {}", point.missing.join(", "))));
    }
    let keys = || point.instances.iter().map(|one| one.key.as_str()).collect::<Vec<_>>().join(", ");
    match (key, point.instances.as_slice()) {
        (None, [one]) => Ok(one),
        (None, _) => Err(Error::usage(format!("{given} is several: name one of {}", keys()))),
        (Some(key), all) => all.iter().find(|one| !key.is_empty() && one.key == key).ok_or_else(|| {
            let known = if all.iter().all(|one| one.key.is_empty()) { "it has none".into() } else { keys() };
            Error::usage(format!("{given}: there is no such instance; known: {known}"))
        }),
    }
}

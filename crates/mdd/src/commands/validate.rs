//! `mdd validate`: every mistake of a manifest, each with its place and its fix.

use clap::ValueEnum;
use serde_json::json;

use crate::cli::{Global, print};
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::exit::{Error, Exit};
use crate::manifest::{self, Manifest, check, resolve};
use crate::render::words::count;

/// Command line of `mdd validate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A point without `need` or `runbook` is an error
    #[arg(long)]
    pub strict: bool,
    /// Also: are the programs and secret files on this machine, and are the files safe?
    #[arg(long)]
    pub here: bool,
    /// With --here: only what this datacenter needs (repeatable; default all)
    #[arg(long, value_name = "DC", requires = "here")]
    pub dc: Vec<String>,
    /// With --here: only what is run from this vantage point (repeatable; default all)
    #[arg(long = "as", value_name = "VANTAGE", requires = "here")]
    pub vantage: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: Format,
}

/// How to print what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, with the lines it is about.
    Text,
    /// One object.
    Json,
    /// Annotations of GitHub Actions.
    Github,
}

/// How much there is.
struct Counts {
    points: usize,
    groups: usize,
    teams: usize,
    datacenters: usize,
    checks: usize,
}

/// Does it: exit 2 with an error, else 0.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let path = global.manifest_path();
    let (counts, problems) = match manifest::read(&path, &global.sets) {
        Err(problems) => (None, problems),
        Ok((manifest, mut problems)) => {
            let (counts, more) = examine(&manifest, args, global)?;
            problems.extend(more);
            (Some(counts), manifest::sorted(problems))
        }
    };
    let errors = problems.iter().filter(|problem| problem.level == Level::Error).count();
    let path = path.display().to_string();
    print(&match args.format {
        Format::Text => text(&path, counts.as_ref(), &problems, errors, global),
        Format::Json => json(&path, counts.as_ref(), &problems, errors),
        Format::Github => problems.iter().map(annotation).collect(),
    })?;
    Ok(if errors == 0 { Exit::Done } else { Exit::Usage })
}

/// Everything that can be said about a manifest that was read.
fn examine(manifest: &Manifest, args: &Args, global: &Global) -> Result<(Counts, Vec<Diagnostic>), Error> {
    let document = &manifest.document;
    let resolved: Vec<_> =
        document.datacenters.iter().map(|(id, dc)| resolve::resolve(manifest, id, dc)).collect();
    let mut problems = check::references(manifest);
    problems.extend(check::datacenters(manifest, &resolved));
    let manner = check::advice::Manner { strict: args.strict, all: global.verbose > 0 };
    problems.extend(check::advice::advice(manifest, global.now(), manner));
    let instances = resolved.iter().flat_map(|one| &one.plan.points).map(|point| point.instances.len());
    let counts = Counts {
        points: document.points.len(),
        groups: document.groups.len(),
        teams: document.teams.len(),
        datacenters: document.datacenters.len(),
        checks: instances.sum(),
    };
    if args.here {
        if let Some(unknown) = args.dc.iter().find(|dc| !document.datacenters.has(dc)) {
            return Err(Error::usage(format!("--dc {unknown}: there is no such datacenter")));
        }
        if let Some(unknown) = args.vantage.iter().find(|vantage| !document.vantages.has(vantage)) {
            return Err(Error::usage(format!("--as {unknown}: there is no such vantage point")));
        }
        let named = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        let mut resolved = resolved;
        resolved.retain(|one| named(&args.dc, &one.plan.dc));
        for one in &mut resolved {
            one.plan.points.retain(|point| named(&args.vantage, &point.vantage));
        }
        problems.extend(check::here::problems(manifest, &resolved, &global.programs()));
    }
    Ok((counts, problems))
}

fn text(
    path: &str,
    counts: Option<&Counts>,
    problems: &[Diagnostic],
    errors: usize,
    global: &Global,
) -> String {
    let mut lines = Vec::new();
    if let (Some(counts), 0, false) = (counts, errors, global.quiet) {
        let parts = [
            count(counts.points, "point"),
            count(counts.groups, "group"),
            count(counts.teams, "team"),
            count(counts.datacenters, "datacenter"),
        ];
        let arrow = if global.ascii { "->" } else { "→" };
        lines.push(format!("{path}: {} {arrow} {}", parts.join(", "), count(counts.checks, "check")));
    }
    for problem in problems.iter().filter(|problem| problem.level == Level::Error || !global.quiet) {
        let shown = problem.to_string();
        let shown = if global.ascii { shown.replace('…', "...").replace('→', "->") } else { shown };
        let word = problem.level.word();
        let rest = shown.strip_prefix(word).unwrap_or(&shown);
        lines.push(match (global.colored(), problem.level) {
            (false, _) => shown,
            (true, Level::Error) => format!("\x1b[1;31m{word}\x1b[0m{rest}"),
            (true, Level::Warning) => format!("\x1b[1;33m{word}\x1b[0m{rest}"),
        });
    }
    let warnings = problems.len() - errors;
    match (errors, warnings) {
        _ if global.quiet => {}
        (0, 0) => lines.push("ok".into()),
        (0, _) => lines.push(format!("ok ({})", count(warnings, "warning"))),
        (_, 0) => lines.push(count(errors, "error")),
        _ => lines.push(format!("{}, {}", count(errors, "error"), count(warnings, "warning"))),
    }
    lines.iter().map(|line| line.clone() + "\n").collect()
}

fn json(path: &str, counts: Option<&Counts>, problems: &[Diagnostic], errors: usize) -> String {
    let place = |place: &Place| json!({"file": place.file, "line": place.line, "column": place.column});
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| {
            json!({
                "level": problem.level.word(),
                "message": problem.message,
                "fix": problem.fix,
                "at": problem.place.as_ref().map(place),
                "against": problem.other.as_ref().map(place),
            })
        })
        .collect();
    let counts = counts.map(|counts| {
        json!({
            "points": counts.points,
            "groups": counts.groups,
            "teams": counts.teams,
            "datacenters": counts.datacenters,
            "checks": counts.checks,
        })
    });
    let all = json!({"manifest": path, "ok": errors == 0, "counts": counts, "problems": problems});
    format!("{all:#}\n")
}

/// `::error file=mdd.yaml,line=3,col=5::what`
fn annotation(problem: &Diagnostic) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    let at = problem.place.as_ref().map(|place| {
        let number =
            |name: &str, number: u32| if number > 0 { format!(",{name}={number}") } else { String::new() };
        let (line, column) = (number("line", place.line), number("col", place.column));
        format!(" file={}{line}{column}", property(&place.file))
    });
    let at = at.unwrap_or_default();
    let fix = problem.fix.as_ref().map(|fix| format!("\n{fix}")).unwrap_or_default();
    format!("::{}{at}::{}\n", problem.level.word(), escape(&format!("{}{fix}", problem.message)))
}

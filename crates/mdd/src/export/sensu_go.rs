//! Sensu Go: resources for `sensuctl create -f`.
//!
//! sensu-go 6, `api/core/v2` and `types`. What the format refuses or misreads is kept out by [`yaml`]: comments stand behind
//! the separator, no line is over 64 KiB, texts are quoted. Every string of a check or a hook is a Go template, so the
//! manifest's `{{` are escaped there; entities and silences are none.
//!
//! The environment of a check stands before its command, as in a shell, and not in `env_vars`: an empty value would be
//! refused there, and the line that `mdd pull` compares would no longer say what runs.

mod resources;
mod yaml;

pub(super) use resources::end;
use resources::{Kind, Resource};

use super::encode::sensu_go::command;
use super::{Draft, Item, Object, Refusal, Request, Style, sensu};
use crate::plan::{Plan, Stage};
use crate::quote;

/// Longest line that sensuctl reads: `bufio.Scanner` takes 64 KiB with the line's end.
const LONGEST_LINE: usize = 65_000;

/// The files of one datacenter.
pub fn draft(request: &Request<'_>) -> Draft {
    let plan = request.plan;
    let engine = &plan.engines.sensu_go;
    let handled = !engine.handlers.is_empty() || !engine.pipelines.is_empty();
    let unhandled = (!handled).then_some("they page nobody (pipelines or handlers of sensu-go)");
    let mut draft = Draft { notices: sensu::notices(request, "Sensu Go", unhandled), ..Draft::default() };
    if plan.stage == Stage::Retired || draft.accept("engines", namespace(plan)).is_none() {
        return draft;
    }
    let mut all = vec![resources::entity(plan)];
    for item in request.items() {
        let who = &item.point.id;
        all.extend(draft.accept(who, resources::check(request, &item)));
        if request.silences
            && let Some(waiver) = &item.point.waiver
        {
            all.extend(draft.accept(who, resources::silence(&item, waiver)));
        }
    }
    for point in plan.points.iter().filter(|point| resources::has_hook(point)) {
        all.extend(draft.accept(&point.id, resources::hook(request, point)));
    }
    for rollup in request.rollups() {
        all.extend(draft.accept(&rollup.name, resources::rollup(plan, &rollup)));
    }
    if plan.points.iter().any(|point| !point.depends_on.is_empty()) {
        draft.notices.push("Sensu Go has no dependencies: depends_on is an annotation".to_owned());
    }
    // As a team's name or a point's id, a name is unique among its kind; the order of a file is that of its names.
    all.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    for resource in &all {
        write(&mut draft, plan, resource);
    }
    draft.apply = apply(&draft);
    draft
}

/// Adds a resource to its file, unless sensuctl could not read it.
fn write(draft: &mut Draft, plan: &Plan, resource: &Resource) {
    let text = resource.document();
    if let Some(line) = text.lines().find(|line| line.len() > LONGEST_LINE) {
        let field = line.trim_start().split(':').next().unwrap_or_default();
        let what = format!("{field} takes a line of {} bytes; sensuctl reads 64 KiB", line.len());
        let refused: Result<(), Refusal> = Err(Refusal { what, way_out: "a shorter text" });
        draft.accept(&resource.who, refused);
        return;
    }
    draft.files.entry(resource.kind.file().to_owned()).or_default().push_str(&text);
    draft.holds(resource.kind.word(), format!("{}/{}", plan.engines.sensu_go.namespace, resource.name));
}

/// Hooks and the entity before the checks that name them.
fn apply(draft: &Draft) -> Vec<String> {
    let files = [Kind::Entity, Kind::Hook, Kind::Check, Kind::Silence].map(Kind::file);
    files
        .iter()
        .filter(|&&file| draft.files.contains_key(file))
        .map(|file| format!("sensuctl create -f {{}}/{file}"))
        .collect()
}

/// The one line of a check.
///
/// # Errors
/// It cannot be given.
pub fn line(item: &Item<'_>, style: Style) -> Result<String, Refusal> {
    let engine = &item.plan.engines.sensu_go;
    // An asset puts its programs on the path.
    let folder = engine.asset.is_none().then_some(engine.plugin_dir.as_str());
    let own = item.command(style, folder);
    command(&own.prefix, &own.env, &own.argv)
}

/// The commands that delete an object and the events of it. Its name is `NAMESPACE/NAME`.
pub fn delete(dc: &str, object: &Object) -> Vec<String> {
    let Some((namespace, name)) = object.name.split_once('/') else { return Vec::new() };
    let sensuctl = |words: &[&str]| {
        let all = [&["sensuctl"], words, &["--namespace", namespace, "--skip-confirm"]].concat();
        let all: Vec<String> = all.iter().map(|&word| word.to_owned()).collect();
        quote::line(&std::collections::BTreeMap::new(), &all).ok()
    };
    let commands = match Kind::of(&object.kind) {
        Some(Kind::Check) => {
            vec![sensuctl(&["check", "delete", name]), sensuctl(&["event", "delete", dc, name])]
        }
        Some(Kind::Entity) => vec![sensuctl(&["entity", "delete", name])],
        Some(Kind::Hook) => vec![sensuctl(&["hook", "delete", name])],
        Some(Kind::Silence) => vec![sensuctl(&["silenced", "delete", name])],
        None => Vec::new(),
    };
    commands.into_iter().flatten().collect()
}

/// The name of a check, a hook or a roll-up in the datacenter's namespace. A namespace of another name may hold several
/// datacenters, and there the names say which.
fn name(plan: &Plan, name: &str) -> String {
    if plan.engines.sensu_go.namespace == plan.dc { name.to_owned() } else { format!("{}_{name}", plan.dc) }
}

/// Everything from the manifest's `engines` that has to be a name.
fn namespace(plan: &Plan) -> Result<(), Refusal> {
    let engine = &plan.engines.sensu_go;
    let namespace = sensu::name("namespace", &engine.namespace)?;
    if namespace.chars().any(|c| c.is_ascii_uppercase()) {
        let what = format!("namespace `{namespace}` has capital letters");
        return Err(Refusal { what, way_out: "small letters" });
    }
    for (what, names) in [
        ("pipeline", &engine.pipelines),
        ("handler", &engine.handlers),
        ("metric handler", &engine.metric_handlers),
    ] {
        for one in names {
            sensu::name(what, one)?;
        }
    }
    // Names of assets may have a slash: `sensu/monitoring-plugins`.
    let mut asset = engine.asset.iter().flat_map(|asset| asset.split(['/', ':']));
    asset.try_for_each(|part| sensu::name("asset", part).map(drop))
}

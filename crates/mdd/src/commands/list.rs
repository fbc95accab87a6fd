//! `mdd list`: the points of the manifest, over all datacenters.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::cli::{Global, print};
use crate::exit::{Error, Exit};
use crate::manifest::Manifest;
use crate::manifest::scalar::format_duration;
use crate::plan::{Dependency, Plan, Point};
use crate::select::{Selector, severity_word};
use crate::table;

/// Command line of `mdd list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which points: group:dns owner:netops milestone:core severity:minor id:pg-*; !term negates, a,b is or
    #[arg(value_name = "SELECT")]
    pub select: Vec<String>,
    /// Only of this datacenter (repeatable; default all)
    #[arg(long, value_name = "DC")]
    pub dc: Vec<String>,
    /// Columns, comma-separated
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "COLUMNS",
        default_value = "point,group,owner,milestone,datacenters,checks,title"
    )]
    pub columns: Vec<Column>,
    /// As a tree: below each point what waits for it
    #[arg(long, conflicts_with_all = ["columns", "format"])]
    pub tree: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub format: Format,
}

/// How to print the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned, with a head.
    Table,
    /// An array of objects.
    Json,
    /// Comma-separated values, with a head.
    Csv,
}

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Column {
    /// Id
    Point,
    /// Group's id
    Group,
    /// Team's id
    Owner,
    /// Milestone's id
    Milestone,
    /// The green condition
    Title,
    /// What breaks without it
    Why,
    /// What is needed from the owner
    Need,
    /// Sentence for users
    ForUsers,
    /// Page to open when it is red
    Runbook,
    /// critical, major or minor
    Severity,
    /// required or advisory
    Gate,
    /// Where it is checked from
    Vantage,
    /// Time between runs
    Interval,
    /// After which a run is killed
    Timeout,
    /// Age at which a result is too old
    Ttl,
    /// How long it has to be OK
    Stable,
    /// Datacenters it is checked in
    Datacenters,
    /// Number of checks over these
    Checks,
    /// What the check starts
    Program,
    /// What it waits for
    DependsOn,
    /// Variables that are not known yet, per datacenter
    Missing,
}

/// One point over all datacenters.
struct Row<'a> {
    point: &'a Point,
    datacenters: Vec<&'a str>,
    checks: usize,
    program: Option<&'a str>,
    depends_on: BTreeSet<String>,
    missing: Vec<String>,
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let selector = Selector::parse(&args.select).map_err(Error::usage)?;
    if selector.has_state() {
        return Err(Error::usage("selector `state:…`: a list knows no states; see `mdd run DC`"));
    }
    let manifest = global.manifest()?;
    let plans = plans(&manifest, &args.dc)?;
    let rows = rows(&manifest, &plans, &selector);
    if rows.is_empty() {
        return Err(Error::usage(match args.select.join(" ").as_str() {
            "" => "the manifest has no points".to_owned(),
            select => format!("no point matches `{select}`"),
        }));
    }
    print(&match (args.tree, args.format) {
        (true, _) => tree(&rows, global.ascii),
        (false, Format::Table) => {
            // Quietly: without the head.
            let cells = cells(&rows, &args.columns, true);
            table::aligned(&cells[usize::from(global.quiet)..])
        }
        (false, Format::Csv) => table::csv(&cells(&rows, &args.columns, false)),
        (false, Format::Json) => json(&rows, &args.columns),
    })?;
    Ok(Exit::Done)
}

/// Plans of the named datacenters, or of all.
fn plans(manifest: &Manifest, named: &[String]) -> Result<Vec<Plan>, Error> {
    let all = manifest.datacenters();
    let wanted: Vec<&str> = if named.is_empty() { all } else { named.iter().map(String::as_str).collect() };
    Ok(wanted.into_iter().map(|dc| manifest.plan(dc)).collect::<Result<_, _>>()?)
}

/// Points in the order of their groups, each once.
fn rows<'a>(manifest: &'a Manifest, plans: &'a [Plan], selector: &Selector) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (id, _) in manifest.in_order() {
        let mut found =
            plans.iter().filter_map(|plan| Some((plan, plan.points.iter().find(|p| p.id == id)?)));
        let Some((first, point)) = found.next() else { continue };
        if !selector.takes(point) {
            continue;
        }
        let mut row = Row {
            point,
            datacenters: Vec::new(),
            checks: 0,
            program: None,
            depends_on: BTreeSet::new(),
            missing: Vec::new(),
        };
        for (plan, point) in [(first, point)].into_iter().chain(found) {
            row.datacenters.push(&plan.dc);
            row.checks += point.instances.len();
            row.program = row.program.or_else(|| Some(point.instances.first()?.argv.first()?.as_str()));
            row.depends_on.extend(point.depends_on.iter().map(dependency_word));
            row.missing.extend(point.missing.iter().map(|name| format!("{}/{name}", plan.dc)));
        }
        rows.push(row);
    }
    rows
}

/// As the manifest writes it.
pub fn dependency_word(dependency: &Dependency) -> String {
    match dependency {
        Dependency::Point(id) => id.clone(),
        Dependency::Group(id) => format!("group:{id}"),
        Dependency::Elsewhere(dc, id) => format!("{dc}/{id}"),
    }
}

impl Column {
    /// As on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().replace('-', "_")).unwrap_or_default()
    }

    fn value(self, row: &Row<'_>) -> Value {
        let Row { point, .. } = row;
        match self {
            Column::Point => json!(point.id),
            Column::Group => json!(point.group),
            Column::Owner => json!(point.owner),
            Column::Milestone => json!(point.milestone),
            Column::Title => json!(point.title),
            Column::Why => json!(point.why),
            Column::Need => json!(point.need),
            Column::ForUsers => json!(point.for_users),
            Column::Runbook => json!(point.runbook),
            Column::Severity => json!(severity_word(point.severity)),
            Column::Gate => json!(if point.required { "required" } else { "advisory" }),
            Column::Vantage => json!(point.vantage),
            Column::Interval => json!(format_duration(point.interval)),
            Column::Timeout => json!(format_duration(point.timeout)),
            Column::Ttl => json!(format_duration(point.ttl)),
            Column::Stable => json!(format_duration(point.stable)),
            Column::Datacenters => json!(row.datacenters),
            Column::Checks => json!(row.checks),
            Column::Program => json!(row.program),
            Column::DependsOn => json!(row.depends_on),
            Column::Missing => json!(row.missing),
        }
    }
}

/// Head and rows as text.
fn cells(rows: &[Row<'_>], columns: &[Column], upper: bool) -> Vec<Vec<String>> {
    let head = columns.iter().map(|column| if upper { column.name().to_uppercase() } else { column.name() });
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let of_row = |row: &Row<'_>| columns.iter().map(|column| text(column.value(row))).collect();
    [head.collect()].into_iter().chain(rows.iter().map(of_row)).collect()
}

fn json(rows: &[Row<'_>], columns: &[Column]) -> String {
    let of_row = |row: &Row<'_>| {
        let fields: Map<String, Value> =
            columns.iter().map(|column| (column.name(), column.value(row))).collect();
        Value::Object(fields)
    };
    format!("{:#}\n", Value::Array(rows.iter().map(of_row).collect()))
}

/// What waits for what: at the left what waits for nothing. A point is opened once; elsewhere it is named only.
fn tree(rows: &[Row<'_>], ascii: bool) -> String {
    let shown: BTreeSet<&str> = rows.iter().map(|row| row.point.id.as_str()).collect();
    let mut waiting: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut roots: Vec<String> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut targets: BTreeSet<String> = BTreeSet::new();
        for dependency in &row.depends_on {
            match dependency.strip_prefix("group:") {
                Some(group) => {
                    let members = rows.iter().filter(|other| other.point.group == group);
                    targets.extend(members.map(|member| member.point.id.clone()));
                }
                None if dependency.contains('/') || shown.contains(dependency.as_str()) => {
                    targets.insert(dependency.clone());
                }
                None => {}
            }
        }
        // A point of another datacenter stands at the left, above what waits for it.
        let elsewhere = targets.iter().filter(|target| target.contains('/') && !roots.contains(target));
        let elsewhere: Vec<String> = elsewhere.cloned().collect();
        roots.extend(elsewhere);
        if targets.is_empty() {
            roots.push(row.point.id.clone());
        }
        for target in targets {
            waiting.entry(target).or_default().push(index);
        }
    }
    let mut tree = Tree { rows, waiting, ascii, opened: BTreeSet::new(), lines: Vec::new() };
    // Last, what only waits in a circle when all datacenters are taken together.
    for root in roots.iter().map(String::as_str).chain(rows.iter().map(|row| row.point.id.as_str())) {
        if !tree.opened.contains(root) {
            tree.branch(root, "", "");
        }
    }
    table::aligned(&tree.lines)
}

struct Tree<'a> {
    rows: &'a [Row<'a>],
    waiting: BTreeMap<String, Vec<usize>>,
    ascii: bool,
    opened: BTreeSet<String>,
    lines: Vec<Vec<String>>,
}

impl Tree<'_> {
    fn branch(&mut self, id: &str, sign: &str, indent: &str) {
        let row = self.rows.iter().find(|row| row.point.id == id);
        let children = self.waiting.get(id).cloned().unwrap_or_default();
        let again = !self.opened.insert(id.to_owned()) && !children.is_empty();
        let above = if again { " (above)" } else { "" };
        let (owner, title) = row.map_or(("", ""), |row| (row.point.owner.as_str(), row.point.title.as_str()));
        self.lines.push(vec![format!("{sign}{id}{above}"), owner.to_owned(), title.to_owned()]);
        if again {
            return;
        }
        let (middle, last, bar) =
            if self.ascii { ("|- ", "`- ", "|  ") } else { ("├─ ", "└─ ", "│  ") };
        for (position, child) in children.iter().enumerate() {
            let is_last = position + 1 == children.len();
            let id = self.rows[*child].point.id.clone();
            let sign = format!("{indent}{}", if is_last { last } else { middle });
            let below = format!("{indent}{}", if is_last { "   " } else { bar });
            self.branch(&id, &sign, &below);
        }
    }
}

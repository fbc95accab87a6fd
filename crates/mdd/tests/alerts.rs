//! What may page somebody: a table of situations, each with the alerts that follow. Facts in, alerts out, no I/O.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mdd::engine::alerts::{Alert, Gate, Why, alerts};
use mdd::engine::facts::{Facts, Proven};
use mdd::engine::{Options, Reading, Status, Verdict, snapshot};
use mdd::plan::{Plan, Severity};
use mdd::select::Selector;

/// One datacenter of each stage; `names` holds up `bind` and `web`, which another datacenter holds up too.
const MANIFEST: &str = r"
mdd: 1
platform: {id: quay, title: Quay, owner: paas}
teams: {paas: {name: Platform}, corenet: {name: Names}, netops: {name: Network}}
milestones: {network: {title: Network}, core: {title: Core}, done: {title: Done}}
datacenters:
  ams1: {title: Amsterdam, stage: live, due: {network: 2026-01-01, core: 2026-02-01, done: 2099-01-01}}
  lon1: {title: London, stage: live, due: {network: 2026-01-01, core: 2026-02-01, done: 2099-01-01}}
  iad2: {title: Ashburn, stage: building, due: {network: 2026-01-01, core: 2026-02-01, done: 2099-01-01}}
  sin1: {title: Singapore, stage: planned, due: {network: 2026-01-01, core: 2026-02-01, done: 2099-01-01}}
  old1: {title: Old, stage: retired}
programs: [check-x]
vantages: {node: {owner: paas, milestone: network}, far: {owner: paas, milestone: network}}
defaults: {interval: 60s, stable: 0s, subscription: node}
groups: {dns: {title: Names, owner: corenet}, app: {title: Applications, owner: netops}}
points:
  names: {group: dns, milestone: network, title: t, why: w, check: [check-x]}
  bind: {group: app, milestone: core, title: t, why: w, check: [check-x], depends_on: [names], severity: major}
  web: {group: app, milestone: core, title: t, why: w, check: [check-x], depends_on: [names], severity: minor}
  mail: {group: app, milestone: core, title: t, why: w, check: [check-x], gate: advisory}
  far-end: {group: app, milestone: core, title: t, why: w, check: [check-x], subscription: far}
  new: {group: app, milestone: done, title: t, why: w, check: [check-x]}
  needs-new: {group: app, milestone: done, title: t, why: w, check: [check-x], depends_on: [new]}
  peer: {group: app, milestone: core, title: t, why: w, check: [check-x], only: [ams1], depends_on: [lon1/names]}
  peer-new: {group: app, milestone: core, title: t, why: w, check: [check-x], only: [ams1], depends_on: [sin1/names]}
waivers:
  - {point: names, dc: lon1, until: 2026-12-01, reason: r, by: b}
  - {point: mail, dc: lon1, until: 2026-11-01, reason: r, by: b}
";

const OK: Verdict = Verdict::Plugin(Status::Ok);
const WARNING: Verdict = Verdict::Plugin(Status::Warning);
const CRITICAL: Verdict = Verdict::Plugin(Status::Critical);
const UNKNOWN: Verdict = Verdict::Plugin(Status::Unknown);

fn ago(seconds: i64) -> Timestamp {
    "2026-11-22T21:40:00Z".parse::<Timestamp>().unwrap() - SignedDuration::from_secs(seconds)
}

struct World {
    plan: Plan,
    others: Vec<Plan>,
    facts: Facts,
    gates: Vec<Gate>,
    options: Options,
}

impl World {
    /// A datacenter where everything has been OK a few seconds ago.
    fn of(dc: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mdd.yaml");
        std::fs::write(&file, MANIFEST).unwrap();
        let manifest = mdd::manifest::load(&file, &[]).unwrap();
        let others = manifest.datacenters().into_iter().filter(|other| *other != dc);
        let others = others.map(|other| manifest.plan(other).unwrap()).collect();
        let plan = manifest.plan(dc).unwrap();
        let facts = Facts { kept: true, ..Facts::default() };
        let mut world = World { plan, others, facts, gates: Vec::new(), options: Options::at(ago(0)) };
        let ids: Vec<String> = world.plan.points.iter().map(|point| point.id.clone()).collect();
        for id in ids {
            world = world.result(&id, OK, 60);
        }
        world
    }

    fn result(mut self, id: &str, verdict: Verdict, seconds: i64) -> Self {
        let point = self.plan.points.iter().find(|point| point.id == id).unwrap().clone();
        let reading =
            Reading { verdict, ..Reading::none(format!("{id} says so"), ago(seconds), Duration::ZERO) };
        self.facts.apply(&point, &point.instances[0], reading);
        self
    }

    fn fails(self, id: &str) -> Self {
        self.result(id, CRITICAL, 5)
    }

    /// It was green until so many seconds ago.
    fn green_until(mut self, id: &str, seconds: i64) -> Self {
        let proven = Proven { from: ago(99_999), until: Some(ago(seconds)) };
        self.facts.points.get_mut(id).unwrap().proven = Some(proven);
        self
    }

    /// A gate's verdict, so many seconds ago.
    fn gate(mut self, milestone: Option<&str>, done: bool, seconds: i64) -> Self {
        self.gates.push(Gate { milestone: milestone.map(Into::into), done, at: ago(seconds) });
        self
    }

    /// Nothing has been heard for an hour.
    fn an_hour_later(mut self) -> Self {
        self.options.now = ago(-3600);
        self
    }

    fn nothing_kept(mut self) -> Self {
        self.facts = Facts::default();
        self
    }

    /// `CRITICAL names corenet root-cause`, one a line, for a selection.
    fn told(&self, select: &str) -> Vec<String> {
        let select = Selector::parse(&[select]).unwrap();
        let snapshot = snapshot(&self.plan, &self.facts, &self.options);
        alerts(&snapshot, &self.gates, &self.others, &select).iter().map(said).collect()
    }
}

fn said(alert: &Alert<'_>) -> String {
    let why = match &alert.why {
        Why::RootCause => "root cause".to_owned(),
        Why::AfterGate(gate) => format!("after {}", gate.milestone.as_deref().unwrap_or("all")),
        Why::Behind(root) => format!("behind {root}"),
        Why::Unknown => "unknown".to_owned(),
    };
    let words = [alert.level.word(), alert.id().unwrap_or("selection"), alert.owner, &why];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_live_datacenter_pages_for_root_causes() {
    let live = || World::of("ams1");
    let rows: &[(&str, World, &[&str])] = &[
        ("all is well", live(), &[]),
        ("one cause", live().fails("names"), &["CRITICAL names corenet root cause"]),
        (
            "the blocked ones wait",
            live().fails("names").fails("bind").fails("web").green_until("bind", 30),
            &["CRITICAL names corenet root cause"],
        ),
        ("major pages", live().fails("bind"), &["CRITICAL bind netops root cause"]),
        ("minor is a ticket", live().fails("web"), &["WARNING web netops root cause"]),
        ("advisory is a ticket", live().fails("mail"), &["WARNING mail netops root cause"]),
        ("warning is no failure", live().result("names", WARNING, 5), &[]),
        ("not due yet", live().fails("new"), &[]),
        ("nor what never worked behind it", live().fails("new").fails("needs-new"), &[]),
        (
            "but what worked, behind something not due",
            live().fails("new").fails("needs-new").green_until("needs-new", 30),
            &["CRITICAL needs-new netops behind new"],
        ),
        (
            "not due, but it had been green",
            live().fails("new").green_until("new", 9),
            &["CRITICAL new netops root cause"],
        ),
        (
            "nobody can tell: who runs the vantage point",
            live().result("names", UNKNOWN, 5),
            &["UNKNOWN names paas unknown"],
        ),
        ("made by an engine", live().result("names", Verdict::None, 5), &["UNKNOWN names paas unknown"]),
        (
            "the worst first",
            live().result("bind", UNKNOWN, 5).fails("web").fails("names"),
            &["CRITICAL names corenet root cause"],
        ),
        (
            "of one level by severity",
            live().result("far-end", UNKNOWN, 5).fails("web").fails("bind").fails("mail"),
            &[
                "CRITICAL bind netops root cause",
                "WARNING mail netops root cause",
                "WARNING web netops root cause",
                "UNKNOWN far-end paas unknown",
            ],
        ),
    ];
    for (name, world, expected) in rows {
        assert_eq!(world.told(""), *expected, "{name}");
    }
}

#[test]
fn waivers_hold_while_they_are_in_force_and_hide_no_outage() {
    let live = || World::of("lon1");
    assert!(live().fails("names").told("").is_empty());
    assert!(
        live().fails("names").fails("bind").told("").is_empty(),
        "it never worked without what is waived"
    );
    assert_eq!(
        live().fails("names").fails("bind").green_until("bind", 30).told(""),
        ["CRITICAL bind netops behind names"]
    );
    assert_eq!(live().fails("mail").told(""), ["WARNING mail netops root cause"], "expired");
}

#[test]
fn what_is_down_elsewhere_is_told_there_or_here() {
    for (id, dc, expected) in [
        // lon1/names is waived there: nobody is told.
        ("peer", "lon1", vec!["CRITICAL peer netops behind lon1/names"]),
        // sin1 is planned: nobody is told.
        ("peer-new", "sin1", vec!["CRITICAL peer-new netops behind sin1/names"]),
    ] {
        let mut world = World::of("ams1").fails(id).green_until(id, 30);
        world.facts.down_elsewhere.insert((dc.to_owned(), "names".to_owned()));
        assert_eq!(world.told(""), expected, "{id}");
        if dc == "lon1" {
            let london = world.others.iter_mut().find(|other| other.dc == "lon1").unwrap();
            london.points.iter_mut().for_each(|point| point.waiver = None);
            assert!(world.told("").is_empty(), "its own datacenter says so");
        }
    }
}

#[test]
fn datacenters_that_are_not_live_page_for_nothing_but_what_a_gate_has_passed() {
    for dc in ["iad2", "sin1"] {
        let world = || World::of(dc);
        let failed = || world().fails("names").green_until("names", 100);
        let rows: Vec<(&str, World, &[&str])> = vec![
            ("red", world().fails("names").fails("bind"), &[]),
            ("unknown", world().result("names", UNKNOWN, 5), &[]),
            ("nothing heard", world().an_hour_later(), &[]),
            ("no history", world().nothing_kept(), &[]),
            ("regressed without a gate", failed(), &[]),
            (
                "its milestone's gate",
                failed().gate(Some("network"), true, 200),
                &["CRITICAL names corenet after network"],
            ),
            ("a later gate", failed().gate(Some("core"), true, 200), &["CRITICAL names corenet after core"]),
            ("the whole gate", failed().gate(None, true, 200), &["CRITICAL names corenet after all"]),
            ("only after it had failed", failed().gate(Some("network"), true, 50), &[]),
            ("not done", failed().gate(Some("network"), false, 200), &[]),
            (
                "no longer done before it failed",
                failed().gate(Some("network"), true, 300).gate(Some("network"), false, 200),
                &[],
            ),
            (
                "judged again after it failed",
                failed().gate(Some("network"), true, 200).gate(Some("network"), false, 50),
                &["CRITICAL names corenet after network"],
            ),
            (
                "another gate is not done yet",
                failed().gate(Some("network"), true, 300).gate(None, false, 200),
                &["CRITICAL names corenet after network"],
            ),
            ("a gate that is gone", failed().gate(Some("gone"), true, 200), &[]),
            (
                "an earlier gate says nothing of a later milestone",
                world().fails("bind").green_until("bind", 100).gate(Some("network"), true, 200),
                &[],
            ),
            (
                "minor",
                world().fails("web").green_until("web", 100).gate(Some("core"), true, 200),
                &["WARNING web netops after core"],
            ),
            (
                "what waits for it is not told",
                failed().fails("bind").green_until("bind", 100).gate(None, true, 200),
                &["CRITICAL names corenet after all"],
            ),
            (
                "unless nobody is told of the cause",
                world().fails("names").fails("bind").green_until("bind", 100).gate(None, true, 200),
                &["CRITICAL bind netops after all"],
            ),
        ];
        for (name, world, expected) in rows {
            assert_eq!(world.told(""), expected, "{dc}: {name}");
        }
    }
    let old = World::of("old1").fails("names").green_until("names", 100).gate(None, true, 200);
    assert!(old.told("").is_empty() && old.an_hour_later().told("").is_empty());
}

#[test]
fn whose_turn_it_is_selects() {
    let world = World::of("ams1").fails("names").result("bind", UNKNOWN, 5).result("far-end", UNKNOWN, 5);
    // `bind` waits for `names`.
    assert_eq!(world.told("owner:corenet"), ["CRITICAL names corenet root cause"]);
    assert_eq!(world.told("owner:netops"), [""; 0]);
    assert_eq!(world.told("owner:paas"), ["UNKNOWN far-end paas unknown"]);
    assert_eq!(world.told("!owner:corenet"), ["UNKNOWN far-end paas unknown"]);
    assert_eq!(world.told("group:app"), ["UNKNOWN far-end paas unknown"]);
    assert_eq!(world.told("owner:paas severity:minor"), [""; 0]);
    assert_eq!(world.told("state:red"), ["CRITICAL names corenet root cause"]);
    // Its cause is another team's, who is told.
    let blocked = World::of("ams1").fails("names").fails("bind").green_until("bind", 9);
    assert_eq!(blocked.told("owner:netops"), [""; 0]);
    assert_eq!(blocked.told("id:bind"), [""; 0]);
}

#[test]
fn a_live_datacenter_that_nothing_is_heard_of_is_never_well() {
    let later = World::of("ams1").fails("names").an_hour_later();
    for select in ["", "owner:corenet", "owner:netops", "owner:paas", "group:dns"] {
        assert_eq!(later.told(select), ["UNKNOWN selection unknown"], "{select}");
    }
    let none = World::of("ams1").nothing_kept();
    for select in ["", "owner:corenet", "owner:paas"] {
        assert_eq!(none.told(select), ["UNKNOWN selection unknown"], "{select}");
    }
    // One vantage point is silent, the other reports: that one is the cause, and its owner is told.
    let mut half = World::of("ams1");
    half.facts.vantages.remove("far");
    half.facts.points.remove("far-end");
    assert_eq!(half.told("owner:paas"), ["UNKNOWN far paas unknown"]);
    assert_eq!(half.told("owner:netops"), [""; 0]);
    assert_eq!(half.told("id:far-end"), ["UNKNOWN far paas unknown"]);
    // Some results are old: whoever runs the vantage point is told of each, and the owner of the rest.
    let mut old = World::of("ams1").an_hour_later();
    old = old.result("names", CRITICAL, -3590);
    assert_eq!(old.told("owner:corenet"), ["CRITICAL names corenet root cause"]);
    assert_eq!(old.told("owner:netops"), ["UNKNOWN selection unknown"]);
    assert_eq!(old.told("owner:paas").len(), 8);
}

#[test]
fn strict_makes_a_ticket_of_a_warning() {
    let mut world = World::of("ams1").result("names", WARNING, 5);
    world.options.strict = true;
    assert_eq!(world.told(""), ["WARNING names corenet root cause"]);
}

#[test]
fn a_point_says_how_loud_it_is() {
    let plan = World::of("ams1").plan;
    let level = |id: &str| {
        let point = plan.points.iter().find(|point| point.id == id).unwrap();
        (point.severity, mdd::engine::alerts::level(point))
    };
    assert_eq!(level("names"), (Severity::Critical, Status::Critical));
    assert_eq!(level("bind"), (Severity::Major, Status::Critical));
    assert_eq!(level("web"), (Severity::Minor, Status::Warning));
    assert_eq!(level("mail"), (Severity::Critical, Status::Warning));
}

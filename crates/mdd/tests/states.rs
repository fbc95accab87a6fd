//! The table of states: one case per row, and one per sentence below it. Facts in, state out, no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use mdd::engine::facts::{Facts, Seen};
use mdd::engine::snapshot::{FailOn, Root, waiver_note};
use mdd::engine::state::WaiverState;
use mdd::engine::{Options, Reading, Rule, Snapshot, State, Status, Verdict, explain, snapshot};
use mdd::exit::Exit;
use mdd::plan::{
    Dependency, Group, Instance, Milestone, Named, Plan, Point, Require, Severity, Stage, Team, Vantage,
    Waiver, WhenBlocked,
};

const OK: Verdict = Verdict::Plugin(Status::Ok);
const WARNING: Verdict = Verdict::Plugin(Status::Warning);
const CRITICAL: Verdict = Verdict::Plugin(Status::Critical);
const UNKNOWN: Verdict = Verdict::Plugin(Status::Unknown);
const TODAY: Date = date(2026, 11, 22);

/// 22 November 2026, 21:40 UTC.
fn now() -> Timestamp {
    "2026-11-22T21:40:00Z".parse().unwrap()
}

/// So many seconds before [`now`].
fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn point(id: &str) -> Point {
    Point {
        id: id.into(),
        was: None,
        title: format!("{id} works"),
        why: "it has to".into(),
        need: None,
        for_users: None,
        runbook: None,
        runbook_command: Vec::new(),
        links: Vec::new(),
        group: "net".into(),
        owner: "netops".into(),
        milestone: None,
        due: None,
        depends_on: Vec::new(),
        when_blocked: WhenBlocked::Run,
        require: Require::All,
        interval: Duration::from_mins(1),
        timeout: Duration::from_secs(10),
        ttl: Duration::from_mins(3),
        stable: Duration::from_mins(15),
        severity: Severity::Critical,
        required: true,
        vantage: "node".into(),
        env: BTreeMap::new(),
        instances: vec![instance("")],
        missing: Vec::new(),
        waiver: None,
        extensions: BTreeMap::new(),
    }
}

fn instance(key: &str) -> Instance {
    Instance { key: key.into(), argv: vec!["check-x".into(), key.into()], hash: format!("hash{key}") }
}

fn waiver(until: Date) -> Waiver {
    Waiver { until, reason: "line cards".into(), by: "alex".into(), ticket: None }
}

fn after(ids: &[&str]) -> Vec<Dependency> {
    ids.iter()
        .map(|id| match id.strip_prefix("group:") {
            Some(group) => Dependency::Group(group.into()),
            None => Dependency::Point((*id).into()),
        })
        .collect()
}

/// A plan and what is known; every method adds to it.
struct World {
    plan: Plan,
    facts: Facts,
    options: Options,
}

impl World {
    fn new(points: impl IntoIterator<Item = Point>) -> Self {
        let team = |name: &str| Team { name: name.into(), ..Team::default() };
        let vantage = |id: &str, due| Vantage {
            id: id.into(),
            owner: "paas".into(),
            milestone: None,
            due,
            address: id.into(),
        };
        let group = |id: &str| Group { id: id.into(), title: id.into(), owner: None };
        let plan = Plan {
            platform: Named { id: "quay".into(), title: "Quay".into() },
            dc: "iad2".into(),
            title: "Ashburn 2".into(),
            stage: Stage::Building,
            milestones: vec![Milestone { id: "network".into(), title: "Network".into(), due: None }],
            teams: [("netops".into(), team("Network")), ("paas".into(), team("Platform"))].into(),
            groups: vec![group("net"), group("dns")],
            vantages: vec![vantage("node", None), vantage("builder", Some(date(2026, 12, 4)))],
            points: points.into_iter().collect(),
            programs: vec!["check-*".into()],
            secret_env: Vec::new(),
            engines: mdd::plan::engines::Engines::default(),
            hash: "cafe".into(),
        };
        let facts = Facts { vantages: ["node".into()].into(), kept: true, ..Facts::default() };
        World { plan, facts, options: Options::at(now()) }
    }

    fn one(change: impl FnOnce(&mut Point)) -> Self {
        let mut one = point("p");
        change(&mut one);
        World::new([one])
    }

    /// One result of an instance, so many seconds ago.
    fn result(mut self, id: &str, key: &str, verdict: Verdict, seconds: i64) -> Self {
        let point = self.plan.points.iter().find(|point| point.id == id).unwrap().clone();
        let one = point.instances.iter().find(|one| one.key == key).unwrap();
        let reading =
            Reading { verdict, ..Reading::none(format!("{id}{key} says so"), ago(seconds), Duration::ZERO) };
        self.facts.apply(&point, one, reading);
        self
    }

    /// Results of point `p`, one a minute, from so many seconds ago to so many.
    fn steady(mut self, verdict: Verdict, from: i64, to: i64) -> Self {
        let mut at = from;
        while at >= to {
            self = self.result("p", "", verdict, at);
            at -= 60;
        }
        self
    }

    /// Newest results of several points, 30 seconds old.
    fn newest(mut self, results: &[(&str, Verdict)]) -> Self {
        for (id, verdict) in results {
            self = self.result(id, "", *verdict, 30);
        }
        self
    }

    fn noted(mut self, id: &str, state: State, seconds: i64) -> Self {
        self.facts.note([(id.to_owned(), state)], ago(seconds));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    fn judge(&self) -> Snapshot<'_> {
        snapshot(&self.plan, &self.facts, &self.options)
    }

    /// State, rule and text of a point.
    fn of(&self, id: &str) -> (State, Rule, String) {
        let snapshot = self.judge();
        let entry = snapshot.entry(id).unwrap();
        (entry.judgement.state, entry.judgement.rule, entry.text.clone())
    }

    #[track_caller]
    fn expect(self, state: State, rule: Rule, text: &str) -> Self {
        assert_eq!(self.of("p"), (state, rule, text.to_owned()));
        self
    }

    #[track_caller]
    fn states(&self, expected: &[(&str, State)]) {
        let snapshot = self.judge();
        for (id, state) in expected {
            assert_eq!(snapshot.entry(id).unwrap().judgement.state, *state, "{id}");
        }
    }

    fn exit(&self) -> Exit {
        self.judge().exit(FailOn::NotDone, |_| true)
    }
}

// The rows of the table, in its order.

#[test]
fn row_1_not_due_while_a_value_is_missing() {
    World::one(|p| {
        p.missing = vec!["resolvers".into()];
        p.instances[0].argv.clear();
        p.due = Some(date(2026, 12, 1));
    })
    .expect(State::NotDue, Rule::MissingValue, "waits for the value `resolvers`");
    // It comes before everything else: the vantage point may be silent too.
    World::one(|p| {
        p.missing = vec!["a".into(), "b".into()];
        p.vantage = "builder".into();
    })
    .expect(State::NotDue, Rule::MissingValue, "waits for the values `a`, `b`");
}

#[test]
fn row_2_blocked_while_the_vantage_point_has_never_reported() {
    let world = World::one(|p| p.vantage = "builder".into()).expect(
        State::Blocked,
        Rule::SilentVantage,
        "waits for builder, which has never reported",
    );
    assert_eq!(world.judge().entry("p").unwrap().roots, [Root::Vantage("builder".into())]);
}

#[test]
fn row_3_unknown_without_a_usable_result() {
    let unusable = |world: World, text: &str| {
        let world = world.expect(State::Unknown, Rule::NoUsableResult, text);
        assert_eq!(world.exit(), Exit::Unknown);
    };
    unusable(World::one(|_| ()), "no result from node yet");
    unusable(World::one(|_| ()).result("p", "", OK, 181), "no result for 3 m 1 s, at most 3 m allowed");
    unusable(World::one(|_| ()).result("p", "", CRITICAL, 7200), "no result for 2 h, at most 3 m allowed");
    // mdd's own words are no result: killed, not started, no plugin's exit code.
    unusable(World::one(|_| ()).steady(OK, 3600, 60).result("p", "", Verdict::None, 10), "p says so");
    // Neither a waiver nor a dependency that is down changes that.
    let mut p = point("p");
    p.waiver = Some(waiver(date(2026, 12, 1)));
    p.depends_on = after(&["q"]);
    let world = World::new([p, point("q")]).newest(&[("p", Verdict::None), ("q", CRITICAL)]);
    assert_eq!(world.of("p").1, Rule::NoUsableResult);
}

#[test]
fn row_4_green_when_ok_for_long_enough() {
    let world = World::one(|_| ()).steady(OK, 900, 30).expect(State::Green, Rule::Stable, "p says so");
    let snapshot = world.judge();
    let judgement = &snapshot.entry("p").unwrap().judgement;
    assert!(judgement.done);
    assert_eq!(judgement.since, Some(ago(900)));
    assert_eq!(world.exit(), Exit::Done);
}

#[test]
fn row_5_settling_when_not_long_enough() {
    let settling = |verdict| {
        let world = World::one(|_| ()).steady(verdict, 899, 30).expect(
            State::Settling,
            Rule::NotYetStable,
            "p says so",
        );
        assert_eq!(world.judge().entry("p").unwrap().ready_in, Some(Duration::from_secs(1)));
        assert_eq!(world.exit(), Exit::NotDone);
    };
    settling(OK);
    settling(WARNING);
}

#[test]
fn row_5_settling_while_it_flaps() {
    // Three changes within four times `stable`, and WARNING for long enough since.
    let flapping = |oldest: i64| {
        World::one(|_| ())
            .result("p", "", CRITICAL, oldest + 60)
            .result("p", "", OK, oldest)
            .result("p", "", CRITICAL, 3400)
            .steady(WARNING, 3300, 0)
    };
    flapping(3500).expect(State::Settling, Rule::Flapping, "3 changes in 1 h");
    // The oldest change leaves the window: the same point is no longer flapping.
    flapping(3600).expect(State::Warning, Rule::StableWarning, "p says so");
}

#[test]
fn row_6_warning_when_long_enough() {
    let world =
        World::one(|_| ()).steady(WARNING, 960, 0).expect(State::Warning, Rule::StableWarning, "p says so");
    assert!(world.judge().entry("p").unwrap().judgement.done);
    assert_eq!(world.exit(), Exit::Done);
    // `--strict`: the state stays, it does not count.
    let world = world.with(|o| o.strict = true).expect(State::Warning, Rule::StableWarning, "p says so");
    assert!(!world.judge().entry("p").unwrap().judgement.done);
    assert_eq!(world.exit(), Exit::NotDone);
}

#[test]
fn row_7_waived_while_the_waiver_is_in_force() {
    let world = World::one(|p| p.waiver = Some(waiver(TODAY))).newest(&[("p", CRITICAL)]).expect(
        State::Waived,
        Rule::Waived,
        "p says so",
    );
    let snapshot = world.judge();
    assert_eq!(snapshot.entry("p").unwrap().judgement.waiver, WaiverState::InForce(0));
    assert_eq!(snapshot.exit(FailOn::NotDone, |_| true), Exit::Done);
    assert_eq!(snapshot.progress(|_| true).waived, 1);
    assert_eq!(snapshot.progress(|_| true).proven, 0);
}

#[test]
fn row_8_blocked_while_a_dependency_is_down() {
    for verdict in [CRITICAL, UNKNOWN] {
        let mut p = point("p");
        p.depends_on = after(&["q"]);
        let world = World::new([p, point("q")]).newest(&[("p", verdict), ("q", CRITICAL)]).expect(
            State::Blocked,
            Rule::DependencyDown,
            "waits for q",
        );
        assert_eq!(world.judge().entry("p").unwrap().roots, [Root::Point("q".into())]);
        assert_eq!(world.of("q").0, State::Red);
    }
}

#[test]
fn row_9_unknown_when_the_plugin_says_so() {
    let world = World::one(|p| p.due = Some(date(2026, 11, 1))).newest(&[("p", UNKNOWN)]).expect(
        State::Unknown,
        Rule::PluginUnknown,
        "p says so",
    );
    assert_eq!(world.exit(), Exit::Unknown);
}

#[test]
fn row_10_red_when_regressed_overdue_or_without_a_date() {
    let world = World::one(|_| ()).newest(&[("p", CRITICAL)]).expect(State::Red, Rule::NoDate, "p says so");
    assert_eq!(world.exit(), Exit::NotDone);

    let world = World::one(|p| p.due = Some(date(2026, 11, 20))).newest(&[("p", CRITICAL)]).expect(
        State::Red,
        Rule::Overdue,
        "p says so",
    );
    assert_eq!(world.judge().entry("p").unwrap().judgement.overdue, Some(2));

    // Green before, date not reached: regressed, and since when.
    let world = World::one(|p| p.due = Some(date(2026, 12, 1)))
        .newest(&[("p", CRITICAL)])
        .noted("p", State::Green, 90_000)
        .noted("p", State::Red, 7740)
        .expect(State::Red, Rule::Regressed, "p says so");
    assert_eq!(world.judge().entry("p").unwrap().judgement.regressed, Some(ago(7740)));
}

#[test]
fn row_11_not_due_before_its_date() {
    for due in [date(2026, 12, 1), TODAY] {
        let world = World::one(|p| p.due = Some(due)).newest(&[("p", CRITICAL)]).expect(
            State::NotDue,
            Rule::NotReachedYet,
            "p says so",
        );
        assert_eq!(world.exit(), Exit::NotDone);
    }
    // `due` is the end of that day, UTC.
    World::one(|p| p.due = Some(TODAY.yesterday().unwrap())).newest(&[("p", CRITICAL)]).expect(
        State::Red,
        Rule::Overdue,
        "p says so",
    );
}

// The sentences below the table.

#[test]
fn day_zero_is_all_red_with_one_root_cause() {
    let mut points: Vec<Point> = (0..26).map(|n| point(&format!("p{n}"))).collect();
    for point in &mut points[1..] {
        point.depends_on = after(&["p0"]);
        point.due = Some(date(2027, 1, 1));
    }
    let mut world = World::new(points);
    world.facts = Facts::none();
    let snapshot = world.judge();
    assert!(snapshot.entries.iter().all(|entry| entry.judgement.state == State::Blocked));
    let causes = snapshot.causes(|_| true);
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].root, Root::Vantage("node".into()));
    assert_eq!((causes[0].holds, causes[0].owner.as_str()), (26, "paas"));
    assert_eq!(snapshot.exit(FailOn::NotDone, |_| true), Exit::NotDone);
    assert_eq!(snapshot.progress(|_| true).proven, 0);
}

#[test]
fn a_changed_argv_starts_anew() {
    let mut world = World::one(|_| ()).steady(OK, 3600, 60);
    assert_eq!(world.of("p").0, State::Green);
    world.plan.points[0].instances[0].hash = "other".into();
    let world =
        world.expect(State::Unknown, Rule::NoUsableResult, "the check has changed and has not run since");
    let world = world.result("p", "", OK, 10).expect(State::Settling, Rule::NotYetStable, "p says so");
    assert_eq!(world.judge().entry("p").unwrap().judgement.since, Some(ago(10)));
}

#[test]
fn a_result_from_another_vantage_point_is_not_usable() {
    let mut world = World::one(|_| ()).steady(OK, 3600, 60);
    world.plan.points[0].vantage = "builder".into();
    world.facts.vantages.insert("builder".into());
    world.expect(State::Unknown, Rule::NoUsableResult, "no result from builder; the newest is from node");
}

#[test]
fn a_gap_longer_than_ttl_breaks_the_stretch() {
    World::one(|_| ()).steady(OK, 3600, 420).steady(OK, 240, 0).expect(
        State::Green,
        Rule::Stable,
        "p says so",
    );
    let world = World::one(|_| ()).steady(OK, 3600, 420).steady(OK, 239, 0).expect(
        State::Settling,
        Rule::NotYetStable,
        "p says so",
    );
    assert_eq!(world.judge().entry("p").unwrap().judgement.since, Some(ago(239)));
}

#[test]
fn anything_but_the_same_answer_breaks_the_stretch() {
    for between in [WARNING, CRITICAL, UNKNOWN, Verdict::None, Verdict::Skipped] {
        World::one(|_| ()).steady(OK, 3600, 120).result("p", "", between, 60).result("p", "", OK, 0).expect(
            State::Settling,
            Rule::NotYetStable,
            "p says so",
        );
    }
}

#[test]
fn stable_0s_is_green_at_once_and_never_flaps() {
    World::one(|p| p.stable = Duration::ZERO).newest(&[("p", OK)]).expect(
        State::Green,
        Rule::Stable,
        "p says so",
    );
    World::one(|p| p.stable = Duration::ZERO)
        .result("p", "", CRITICAL, 50)
        .result("p", "", WARNING, 40)
        .result("p", "", CRITICAL, 30)
        .result("p", "", WARNING, 0)
        .expect(State::Warning, Rule::StableWarning, "p says so");
    // With another `stable`, one result alone is not enough.
    World::one(|_| ()).result("p", "", OK, 0).expect(State::Settling, Rule::NotYetStable, "p says so");
}

#[test]
fn the_gate_may_ask_for_another_time_and_for_fresher_results() {
    World::one(|_| ()).steady(OK, 960, 60).with(|o| o.stable = Some(Duration::from_hours(1))).expect(
        State::Settling,
        Rule::NotYetStable,
        "p says so",
    );
    World::one(|_| ()).steady(OK, 960, 60).with(|o| o.max_age = Some(Duration::from_secs(59))).expect(
        State::Unknown,
        Rule::NoUsableResult,
        "no result for 1 m, at most 59 s allowed",
    );
    // It can only make it shorter.
    World::one(|_| ()).result("p", "", OK, 200).with(|o| o.max_age = Some(Duration::from_mins(10))).expect(
        State::Unknown,
        Rule::NoUsableResult,
        "no result for 3 m 20 s, at most 3 m allowed",
    );
}

#[test]
fn an_expired_waiver_says_so_and_accepts_nothing() {
    let world = World::one(|p| p.waiver = Some(waiver(date(2026, 11, 19))))
        .newest(&[("p", CRITICAL)])
        .expect(State::Red, Rule::NoDate, "p says so");
    let snapshot = world.judge();
    let entry = snapshot.entry("p").unwrap();
    assert_eq!(entry.judgement.waiver, WaiverState::Expired(3));
    assert_eq!(waiver_note(entry).unwrap(), "waiver expired 3 days ago");
}

#[test]
fn a_waiver_of_a_green_point_is_no_longer_needed() {
    let world = World::one(|p| p.waiver = Some(waiver(date(2026, 12, 1)))).steady(OK, 960, 0).expect(
        State::Green,
        Rule::Stable,
        "p says so",
    );
    let snapshot = world.judge();
    let entry = snapshot.entry("p").unwrap();
    assert_eq!(entry.judgement.waiver, WaiverState::NotNeeded);
    assert_eq!(waiver_note(entry).unwrap(), "waiver no longer needed");
}

#[test]
fn unknown_is_never_waived_and_never_green() {
    World::one(|p| p.waiver = Some(waiver(date(2026, 12, 1)))).newest(&[("p", UNKNOWN)]).expect(
        State::Unknown,
        Rule::PluginUnknown,
        "p says so",
    );
}

#[test]
fn without_waivers_the_failure_counts() {
    World::one(|p| p.waiver = Some(waiver(date(2026, 12, 1))))
        .newest(&[("p", CRITICAL)])
        .with(|o| o.waivers = false)
        .expect(State::Red, Rule::NoDate, "p says so");
}

#[test]
fn warning_is_waived_and_blocked_only_under_strict() {
    let waived = || World::one(|p| p.waiver = Some(waiver(date(2026, 12, 1)))).steady(WARNING, 960, 0);
    waived().expect(State::Warning, Rule::StableWarning, "p says so");
    waived().with(|o| o.strict = true).expect(State::Waived, Rule::Waived, "p says so");
    let mut p = point("p");
    p.depends_on = after(&["q"]);
    let blocked = || World::new([p.clone(), point("q")]).steady(WARNING, 960, 0).newest(&[("q", CRITICAL)]);
    blocked().expect(State::Warning, Rule::StableWarning, "p says so");
    blocked().with(|o| o.strict = true).expect(State::Blocked, Rule::DependencyDown, "waits for q");
}

#[test]
fn a_waiver_beats_blocked_and_blocked_beats_red_and_keeps_overdue() {
    let mut p = point("p");
    p.depends_on = after(&["q"]);
    p.due = Some(date(2026, 11, 20));
    let world = World::new([p.clone(), point("q")]).newest(&[("p", CRITICAL), ("q", CRITICAL)]).expect(
        State::Blocked,
        Rule::DependencyDown,
        "waits for q",
    );
    assert_eq!(world.judge().entry("p").unwrap().judgement.overdue, Some(2));
    p.waiver = Some(waiver(date(2026, 12, 1)));
    World::new([p, point("q")]).newest(&[("p", CRITICAL), ("q", CRITICAL)]).expect(
        State::Waived,
        Rule::Waived,
        "p says so",
    );
}

#[test]
fn down_means_every_instance_is_critical() {
    let mut dns = point("dns");
    dns.instances = vec![instance("a"), instance("b")];
    let mut p = point("p");
    p.depends_on = after(&["dns"]);
    let world = |b: Verdict| {
        World::new([p.clone(), dns.clone()])
            .newest(&[("p", CRITICAL)])
            .result("dns", "a", CRITICAL, 10)
            .result("dns", "b", b, 10)
    };
    world(CRITICAL).states(&[("p", State::Blocked), ("dns", State::Red)]);
    // One of two dead is red, but it blocks nobody; neither does one that nobody can tell about.
    world(OK).states(&[("p", State::Red), ("dns", State::Red)]);
    world(UNKNOWN).states(&[("p", State::Red), ("dns", State::Red)]);
    assert_eq!(world(OK).of("dns").2, "a: dnsa says so");
    assert_eq!(world(OK).judge().entry("dns").unwrap().rolled.passing, 1);
}

#[test]
fn unknown_does_not_count_as_down() {
    let mut p = point("p");
    p.depends_on = after(&["q"]);
    for verdict in [UNKNOWN, Verdict::None, OK, WARNING] {
        World::new([p.clone(), point("q")])
            .newest(&[("p", CRITICAL), ("q", verdict)])
            .states(&[("p", State::Red)]);
    }
    // Neither does a CRITICAL that is too old.
    World::new([p, point("q")])
        .newest(&[("p", CRITICAL)])
        .result("q", "", CRITICAL, 300)
        .states(&[("p", State::Red), ("q", State::Unknown)]);
}

#[test]
fn a_waived_or_blocked_dependency_still_counts() {
    let mut p = point("p");
    p.depends_on = after(&["q"]);
    let mut q = point("q");
    q.waiver = Some(waiver(date(2026, 12, 1)));
    let world = World::new([p.clone(), q]).newest(&[("p", CRITICAL), ("q", CRITICAL)]);
    world.states(&[("p", State::Blocked), ("q", State::Waived)]);
    // Somebody has to mend it although it is accepted by itself.
    assert_eq!(world.judge().causes(|_| true)[0].root, Root::Point("q".into()));

    let mut q = point("q");
    q.depends_on = after(&["r"]);
    let world = World::new([p, q, point("r")]).newest(&[("p", CRITICAL), ("q", CRITICAL), ("r", CRITICAL)]);
    world.states(&[("p", State::Blocked), ("q", State::Blocked), ("r", State::Red)]);
    // The root cause is the first one that is down and not itself blocked.
    assert_eq!(world.of("p").2, "waits for r");
}

#[test]
fn any_member_of_a_group_blocks() {
    let mut a = point("a");
    a.group = "dns".into();
    let mut b = point("b");
    b.group = "dns".into();
    // A point may depend on its own group: on the others of it.
    let mut p = point("p");
    p.group = "dns".into();
    p.depends_on = after(&["group:dns"]);
    let world = World::new([a, b, p]).newest(&[("a", OK), ("b", CRITICAL), ("p", CRITICAL)]);
    world.states(&[("p", State::Blocked), ("b", State::Red)]);
    assert_eq!(world.of("p").2, "waits for b");
}

#[test]
fn a_dependency_in_another_datacenter_counts_when_it_is_down_there() {
    let mut p = point("p");
    p.depends_on = vec![Dependency::Elsewhere("ams1".into(), "api".into())];
    let mut world = World::new([p]).newest(&[("p", CRITICAL)]);
    world.states(&[("p", State::Red)]);
    world.facts.down_elsewhere.insert(("ams1".into(), "api".into()));
    world.states(&[("p", State::Blocked)]);
    assert_eq!(world.of("p").2, "waits for ams1/api");
}

#[test]
fn instances_roll_up_by_all_any_or_a_number() {
    let rolled = |require: Require, verdicts: &[Verdict]| {
        let mut p = point("p");
        p.stable = Duration::ZERO;
        p.require = require;
        p.instances = (0..verdicts.len()).map(|n| instance(&n.to_string())).collect();
        let mut world = World::new([p]);
        for (n, verdict) in verdicts.iter().enumerate() {
            world = world.result("p", &n.to_string(), *verdict, 10);
        }
        world.of("p").0
    };
    for (require, verdicts, expected) in [
        (Require::All, &[OK, OK][..], State::Green),
        (Require::All, &[OK, WARNING], State::Warning),
        (Require::All, &[OK, CRITICAL], State::Red),
        (Require::Any, &[OK, CRITICAL], State::Green),
        (Require::Any, &[CRITICAL, CRITICAL], State::Red),
        (Require::AtLeast(2), &[OK, CRITICAL, WARNING], State::Warning),
        (Require::AtLeast(2), &[OK, CRITICAL, CRITICAL], State::Red),
        // More than there are: all of them.
        (Require::AtLeast(9), &[OK, OK], State::Green),
        // Unknown when the unknown ones could change the verdict, and only then.
        (Require::All, &[OK, UNKNOWN], State::Unknown),
        (Require::All, &[CRITICAL, UNKNOWN], State::Red),
        (Require::Any, &[OK, UNKNOWN], State::Green),
        (Require::Any, &[CRITICAL, UNKNOWN], State::Unknown),
        (Require::Any, &[WARNING, UNKNOWN], State::Unknown),
        (Require::AtLeast(2), &[OK, OK, UNKNOWN], State::Green),
        (Require::AtLeast(2), &[OK, CRITICAL, UNKNOWN], State::Unknown),
        (Require::AtLeast(2), &[CRITICAL, CRITICAL, UNKNOWN], State::Red),
        (Require::All, &[OK, Verdict::None], State::Unknown),
    ] {
        assert_eq!(rolled(require, verdicts), expected, "{require:?} {verdicts:?}");
    }
}

#[test]
fn one_instance_that_settles_holds_the_point() {
    let mut p = point("p");
    p.instances = vec![instance("a"), instance("b")];
    let mut world = World::new([p]);
    for seconds in (0..=1200).rev().step_by(60) {
        world = world.result("p", "a", OK, seconds);
        if seconds <= 600 {
            world = world.result("p", "b", OK, seconds);
        }
    }
    let world = world.expect(State::Settling, Rule::NotYetStable, "pb says so");
    assert_eq!(world.judge().entry("p").unwrap().judgement.since, Some(ago(600)));
}

#[test]
fn green_although_a_dependency_is_down_is_marked() {
    let mut p = point("p");
    p.depends_on = after(&["q"]);
    let world = World::new([p, point("q")]).steady(OK, 960, 0).newest(&[("q", CRITICAL)]);
    let world = world.expect(State::Green, Rule::Stable, "p says so");
    let snapshot = world.judge();
    assert_eq!(snapshot.entry("p").unwrap().despite, Some(Root::Point("q".into())));
    assert!(explain(&snapshot, "p").unwrap().contains("green although q is down: is the dependency right?"));
    // It is not held up, so that the cause holds nobody.
    assert_eq!(snapshot.causes(|_| true)[0].holds, 0);
}

#[test]
fn never_seen_red_is_marked_until_it_was_red_once() {
    let marked = |world: World| world.judge().entry("p").unwrap().judgement.never_red;
    assert!(marked(World::one(|_| ()).steady(OK, 960, 0)));
    assert!(!marked(World::one(|_| ()).result("p", "", CRITICAL, 9000).steady(OK, 960, 0)));
    // UNKNOWN has not shown that the check can fail.
    assert!(marked(World::one(|_| ()).result("p", "", UNKNOWN, 9000).steady(OK, 960, 0)));
    // Without a history nothing can be said.
    let mut world = World::one(|_| ()).steady(OK, 960, 0);
    world.facts.kept = false;
    assert!(!marked(world));
}

#[test]
fn what_was_skipped_for_a_dependency_is_blocked_while_that_is_down() {
    let mut p = point("p");
    p.when_blocked = WhenBlocked::Skip;
    p.depends_on = after(&["q"]);
    let mut r = point("r");
    r.depends_on = after(&["p"]);
    let world = |q| {
        World::new([p.clone(), point("q"), r.clone()]).newest(&[
            ("p", Verdict::Skipped),
            ("q", q),
            ("r", CRITICAL),
        ])
    };
    // It holds up others as if it were CRITICAL: nobody can say that it works.
    let down = world(CRITICAL);
    down.states(&[("p", State::Blocked), ("q", State::Red), ("r", State::Blocked)]);
    assert_eq!(down.of("r").2, "waits for q");
    let up = world(OK);
    assert_eq!(
        up.of("p"),
        (State::Unknown, Rule::NotRunAgain, "not run while what it waits for was down".into())
    );
    up.states(&[("r", State::Red)]);
}

#[test]
fn a_cycle_ends() {
    let mut p = point("p");
    p.depends_on = after(&["q"]);
    let mut q = point("q");
    q.depends_on = after(&["p"]);
    let world = World::new([p.clone(), q.clone()]).newest(&[("p", CRITICAL), ("q", CRITICAL)]);
    world.states(&[("p", State::Blocked), ("q", State::Blocked)]);
    let world = World::new([p, q]).newest(&[("p", Verdict::Skipped), ("q", Verdict::Skipped)]);
    world.states(&[("p", State::Unknown), ("q", State::Unknown)]);
}

#[test]
fn many_ways_to_one_root_cause_are_walked_once() {
    // Each waits for all before it: 2^79 ways.
    let ids: Vec<String> = (0..80).map(|n| format!("p{n}")).collect();
    let points = ids.iter().enumerate().map(|(n, id)| {
        let before: Vec<&str> = ids[..n].iter().map(String::as_str).collect();
        Point { depends_on: after(&before), ..point(id) }
    });
    let results: Vec<(&str, Verdict)> = ids.iter().map(|id| (id.as_str(), CRITICAL)).collect();
    let world = World::new(points).newest(&results);
    let causes = world.judge().causes(|_| true);
    assert_eq!(causes.len(), 1);
    assert_eq!((causes[0].root.clone(), causes[0].holds), (Root::Point("p0".into()), 79));
    // The same when none of them was run, and the cause is gone.
    let results: Vec<(&str, Verdict)> =
        ids.iter().map(|id| (id.as_str(), if id == "p0" { OK } else { Verdict::Skipped })).collect();
    let world = World::new(world.plan.points).newest(&results);
    assert_eq!(world.of("p79").1, Rule::NotRunAgain);
}

#[test]
fn do_next_is_ordered_by_urgency_then_by_what_it_holds_up_then_by_date() {
    let due = |id: &str, day: Date| Point { due: Some(day), ..point(id) };
    let waits = |id: &str, on: &[&str]| Point { depends_on: after(on), ..point(id) };
    let world = World::new([
        due("late", date(2026, 11, 20)),
        due("later", date(2026, 12, 4)),
        due("soon", date(2026, 11, 27)),
        due("holds-two", date(2026, 12, 4)),
        point("no-date"),
        point("nobody-knows"),
        due("came-back", date(2026, 12, 4)),
        waits("w1", &["holds-two", "came-back"]),
        waits("w2", &["holds-two"]),
    ])
    .newest(&[
        ("late", CRITICAL),
        ("later", CRITICAL),
        ("soon", CRITICAL),
        ("holds-two", CRITICAL),
        ("no-date", CRITICAL),
        ("nobody-knows", UNKNOWN),
        ("came-back", CRITICAL),
        ("w1", CRITICAL),
        ("w2", CRITICAL),
    ])
    .noted("came-back", State::Green, 9000)
    .noted("came-back", State::Red, 600);
    let snapshot = world.judge();
    let causes = snapshot.causes(|_| true);
    let order: Vec<(String, usize)> =
        causes.iter().map(|cause| (cause.root.to_string(), cause.holds)).collect();
    let expected = [
        ("came-back", 1),
        ("late", 0),
        ("holds-two", 2),
        ("soon", 0),
        ("later", 0),
        ("no-date", 0),
        ("nobody-knows", 0),
    ];
    assert_eq!(order, expected.map(|(id, holds)| (id.to_owned(), holds)));
    assert_eq!(world.of("w1").2, "waits for holds-two and came-back");
    // What nobody can tell is the platform team's to mend, not the owner's.
    assert_eq!(causes.last().unwrap().owner, "paas");
    // A selection shows what holds its points up, chosen or not.
    let only: Vec<String> =
        snapshot.causes(|point| point.id == "w2").iter().map(|cause| cause.root.to_string()).collect();
    assert_eq!(only, ["holds-two"]);
}

#[test]
fn exit_codes_wrong_beats_unknown_and_advisory_never_counts() {
    let world = |p: Verdict, q: Verdict, required: bool| {
        let quick = |id: &str| Point { stable: Duration::ZERO, ..point(id) };
        let q_point = Point { required, ..quick("q") };
        World::new([quick("p"), q_point]).newest(&[("p", p), ("q", q)]).exit()
    };
    assert_eq!(world(OK, OK, true), Exit::Done);
    assert_eq!(world(OK, WARNING, true), Exit::Done);
    assert_eq!(world(OK, CRITICAL, true), Exit::NotDone);
    assert_eq!(world(OK, UNKNOWN, true), Exit::Unknown);
    assert_eq!(world(UNKNOWN, CRITICAL, true), Exit::NotDone);
    assert_eq!(world(OK, CRITICAL, false), Exit::Done);
    assert_eq!(world(OK, UNKNOWN, false), Exit::Done);
}

#[test]
fn fail_on_less_than_not_done() {
    let exit = |world: &World, fail_on| world.judge().exit(fail_on, |_| true);
    let early = World::one(|p| p.due = Some(date(2026, 12, 1))).newest(&[("p", CRITICAL)]);
    assert_eq!(exit(&early, FailOn::NotDone), Exit::NotDone);
    assert_eq!(exit(&early, FailOn::Overdue), Exit::Done);
    let late = World::one(|p| p.due = Some(date(2026, 11, 1))).newest(&[("p", CRITICAL)]);
    assert_eq!(exit(&late, FailOn::Overdue), Exit::NotDone);
    assert_eq!(exit(&late, FailOn::Regressed), Exit::Done);
    let back = early.noted("p", State::Green, 900).noted("p", State::Red, 60);
    assert_eq!(exit(&back, FailOn::Overdue), Exit::NotDone);
    assert_eq!(exit(&back, FailOn::Regressed), Exit::NotDone);
    // Unknown is never a success.
    let unknown = World::one(|_| ()).newest(&[("p", UNKNOWN)]);
    assert_eq!(exit(&unknown, FailOn::Regressed), Exit::Unknown);
}

#[test]
fn explain_names_the_rule_and_the_facts() {
    let mut p = point("p");
    p.depends_on = after(&["q"]);
    p.due = Some(date(2026, 11, 20));
    let world = World::new([p, point("q")]).newest(&[("p", CRITICAL), ("q", CRITICAL)]);
    let text = explain(&world.judge(), "p").unwrap();
    assert_eq!(
        text,
        "\
blocked: failing, and something that it depends on is entirely down
  says          waits for q
  result        CRITICAL 30 s ago from node (local), since 2026-11-22 21:39:30 UTC (30 s); usable
  from          node
  stable        15 m
  ttl           3 m
  due           2026-11-20, 2 days ago
  waits for     q
"
    );
    assert_eq!(explain(&world.judge(), "nobody"), None);
}

#[test]
fn a_stretch_goes_on_only_with_the_same_answer_argv_and_place_within_ttl() {
    let ttl = Duration::from_mins(3);
    let reading = |verdict, seconds| Reading { verdict, ..Reading::none("", ago(seconds), Duration::ZERO) };
    let first = Seen::after(None, reading(OK, 600), "h".into(), "node".into(), ttl);
    let next = |verdict, seconds, hash: &str, vantage: &str| {
        Seen::after(Some(&first), reading(verdict, seconds), hash.into(), vantage.into(), ttl).since
    };
    assert_eq!(next(OK, 420, "h", "node"), ago(600));
    assert_eq!(next(OK, 419, "h", "node"), ago(419));
    assert_eq!(next(WARNING, 500, "h", "node"), ago(500));
    assert_eq!(next(OK, 500, "other", "node"), ago(500));
    assert_eq!(next(OK, 500, "h", "builder"), ago(500));
}

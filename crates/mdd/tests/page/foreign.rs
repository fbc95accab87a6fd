//! Text of others on the page: whatever it is, the page has the same elements as with harmless text, and stays small.

use std::sync::LazyLock;

use jiff::Timestamp;
use mdd::engine::{Facts, Options, Reading, Status, Verdict, snapshot};
use mdd::history::provenance::Provenance;
use mdd::manifest;
use mdd::page::Page;
use mdd::page::past::Past;
use mdd::plan::Plan;
use proptest::prelude::*;

use super::past::{NOW, Platform};

/// A start of an element, as a tokenizer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name, with `/` for an end.
    pub name: String,
    /// Names and values, as they are written.
    pub attributes: Vec<(String, String)>,
}

/// Every tag of a page. Stops the test at anything that a browser would have to guess about.
pub fn tags(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, tag)) = rest.split_once('<') {
        let end = tag.find(|c: char| c.is_whitespace() || c == '>').expect("a tag has an end");
        let name = tag[..end].trim_end_matches('/').to_owned();
        rest = &tag[end..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start().trim_start_matches('/');
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            if name.eq_ignore_ascii_case("!doctype") {
                rest = rest.split_once('>').unwrap().1;
                break;
            }
            let (key, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("<{name} {rest:.80}"));
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "<{name} {key}");
            let (value, after) = value.split_once('"').expect("a value has an end");
            assert!(!value.contains(['<', '>']), "{value}");
            attributes.push((key.to_owned(), value.to_owned()));
            rest = after;
        }
        if name == "style" {
            rest = rest.split_once("</style>").unwrap().1;
        }
        let text = rest.split('<').next().unwrap();
        assert!(!text.contains(['>', '"', '\'']), "{text}");
        tags.push(Tag { name, attributes });
    }
    tags
}

fn plan() -> Plan {
    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        let platform = Platform::without_history();
        manifest::load(&platform.path("mdd.yaml"), &[]).unwrap().plan("iad2").unwrap()
    });
    PLAN.clone()
}

/// A page on which every text that can come from somebody else is this one.
fn page(text: &str) -> String {
    let mut plan = plan();
    let line = text.replace(['\n', '\0'], " ");
    (plan.title, plan.platform.title) = (text.to_owned(), text.to_owned());
    for milestone in &mut plan.milestones {
        text.clone_into(&mut milestone.title);
    }
    for group in &mut plan.groups {
        text.clone_into(&mut group.title);
    }
    for team in plan.teams.values_mut() {
        text.clone_into(&mut team.name);
        for contact in [&mut team.chat, &mut team.email, &mut team.oncall] {
            *contact = Some(text.to_owned());
        }
        team.tickets = Some(format!("https://tickets.example.net/{text}"));
    }
    for point in &mut plan.points {
        (point.title, point.why) = (text.to_owned(), text.to_owned());
        (point.need, point.for_users) = (Some(text.to_owned()), Some(text.to_owned()));
        point.runbook = Some(text.to_owned());
        point.links = vec![format!("https://wiki.example.net/{text}")];
        point.env.insert("TEXT".to_owned(), line.clone());
        for instance in &mut point.instances {
            instance.argv.push(line.clone());
        }
        if let Some(waiver) = &mut point.waiver {
            (waiver.reason, waiver.by, waiver.ticket) =
                (text.to_owned(), text.to_owned(), Some(text.to_owned()));
        }
    }
    let at: Timestamp = NOW.parse().unwrap();
    let mut facts = Facts::none();
    for point in &plan.points {
        for instance in &point.instances {
            let verdict = Verdict::Plugin(Status::Critical);
            let output = text.to_owned();
            let reading = Reading { verdict, output, ..Reading::none("", at, std::time::Duration::ZERO) };
            facts.apply(point, instance, reading);
        }
    }
    let snapshots = [snapshot(&plan, &facts, &Options::at(at))];
    let provenance = Provenance { hash: plan.hash.clone(), git: Some(text.to_owned()), dirty: Some(false) };
    let past = Past::default();
    Page { snapshot: &snapshots[0], grid: &snapshots, past: &past, provenance: &provenance, beside: &[] }
        .html()
}

/// Names of elements and of their attributes, in order.
fn structure(page: &str) -> Vec<(String, Vec<String>)> {
    let names = |tag: Tag| (tag.name, tag.attributes.into_iter().map(|(name, _)| name).collect());
    tags(page).into_iter().map(names).collect()
}

/// The page of harmless text.
static HARMLESS: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| structure(&page("xa")));

#[test]
fn known_tricks_stay_text() {
    for trick in [
        "x<script>alert(1)</script>",
        "x\" onmouseover=\"alert(1)",
        "x' onfocus='alert(1)' autofocus='",
        "x</title></style></pre></code><h1>owned</h1>",
        "x<!-- ",
        "x]]><svg/onload=alert(1)>",
        "x&lt;b&gt;&#60;b&#62;",
        "x\u{202e}txt.exe\u{2028}\u{0}\u{1b}[2J",
        "x\\u003cscript\\u003e",
    ] {
        let page = page(trick);
        assert_eq!(structure(&page), *HARMLESS, "{trick}");
        assert!(!page.contains("<script") && !page.contains("<h1>owned"), "{trick}");
        assert!(!page.contains(['\u{202e}', '\u{1b}', '\0']), "{trick}");
    }
    // An address that is none is no link.
    assert!(!page("javascript:alert(1)").contains("href=\"javascript:"));
}

#[test]
fn thirty_points_that_say_much_stay_small() {
    // What plugins say is cut; what the manifest says is its author's.
    let mut plan = plan();
    plan.points.truncate(30);
    let at: Timestamp = NOW.parse().unwrap();
    let mut facts = Facts::none();
    for point in &plan.points {
        for instance in &point.instances {
            let reading = Reading {
                verdict: Verdict::Plugin(Status::Critical),
                output: "says a lot, and all of it matters ".repeat(120),
                ..Reading::none("", at, std::time::Duration::ZERO)
            };
            facts.apply(point, instance, reading);
        }
    }
    let one = || snapshot(&plan, &facts, &Options::at(at));
    let grid = [one(), one(), one()];
    let provenance = Provenance { hash: plan.hash.clone(), git: None, dirty: None };
    let past = Past::default();
    let page =
        Page { snapshot: &grid[0], grid: &grid, past: &past, provenance: &provenance, beside: &[] }.html();
    assert!(page.len() < 300_000, "{} bytes", page.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_leaves_the_elements_as_they_are(
        any in any::<String>(),
        nasty in "[<>\"'&=/!a-z \n\u{0}-\u{1f}\u{202a}-\u{202e}-]{1,60}",
    ) {
        for text in [any, nasty] {
            prop_assert_eq!(&structure(&page(&format!("x{text}a"))), &*HARMLESS);
        }
    }
}

//! The page in headless Chromium: what a person sees there is what `mdd status` says, at the width of a phone too.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::past::Platform;

/// What the browser shows of a page: both files are of one folder, so that one may look into the other.
fn seen(folder: &Path, page: &str) -> Value {
    let harness = include_str!("harness.html").replace("PAGE", page);
    std::fs::write(folder.join("harness.html"), harness).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--allow-file-access-from-files",
        ])
        .args(["--window-size=1700,1000", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}/harness.html", folder.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("start chromium, which Debian has as a package: {error}"));
    let dom = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let found = dom.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let text = found.unwrap_or_else(|| panic!("nothing was seen in:\n{dom}\n{errors}")).0;
    let text =
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in: {text}\n{errors}"))
}

/// `3 red`, for each state that is there.
fn counts(counts: &Value) -> Vec<String> {
    let mut counts: Vec<String> = counts
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, count)| **count != 0)
        .map(|(state, count)| format!("{count} {}", state.replace("not-due", "not due")))
        .collect();
    counts.sort_unstable();
    counts
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn compare(page: &Value, status: &Value, dc: &str) {
    let all = status["datacenters"].as_array().unwrap();
    let own = all.iter().find(|one| one["dc"] == dc).unwrap();
    let (verdict, progress) = (own["verdict"].as_str().unwrap(), &own["progress"]);
    assert_eq!(page["verdict"], verdict.to_uppercase());
    let title = format!("{}/{} {dc} {verdict}", progress["proven"], progress["required"]);
    assert!(page["title"].as_str().unwrap().ends_with(&title), "{}", page["title"]);
    let waived = match &progress["waived"] {
        none if *none == 0 => String::new(),
        some => format!(" · {some} waived"),
    };
    assert_eq!(page["proven"], format!("{} of {} proven{waived}", progress["proven"], progress["required"]));
    let mut shown = strings(&page["counts"]);
    shown.sort_unstable();
    assert_eq!(shown, counts(&own["counts"]), "{dc}");

    let points = own["points"].as_array().unwrap();
    let expected: Vec<Value> = points
        .iter()
        .map(|point| json!({"id": point["id"], "state": point["state"].as_str().unwrap().replace('-', " ")}))
        .collect();
    assert_eq!(page["points"], Value::from(expected), "{dc}");
    let causes: Vec<Value> =
        own["do_next"].as_array().unwrap().iter().map(|cause| cause["id"].clone()).collect();
    assert_eq!(page["next"], Value::from(causes), "{dc}");

    for other in all {
        let grid = &page["grid"][other["dc"].as_str().unwrap()];
        let groups = other["groups"].as_array().unwrap();
        let shown = grid.as_object().unwrap().values().filter(|cell| !cell["fraction"].is_null()).count();
        assert_eq!(shown, groups.len(), "groups of {} on the page of {dc}", other["dc"]);
        for group in groups {
            let cell = &grid[group["id"].as_str().unwrap()];
            let progress = &group["progress"];
            let what = format!("{} of {} on the page of {dc}", group["id"], other["dc"]);
            match progress["required"].as_u64().unwrap() {
                0 => assert!(cell["fraction"].as_str().unwrap().contains("none required"), "{what}: {cell}"),
                required => {
                    assert_eq!(cell["fraction"], format!("{}/{required}", progress["proven"]), "{what}");
                }
            }
            let mut shown = strings(&cell["counts"]);
            shown.retain(|count| !count.ends_with("advisory"));
            shown.sort_unstable();
            assert_eq!(shown, counts(&group["counts"]), "{what}");
        }
    }
}

#[test]
fn a_browser_shows_the_numbers_of_the_status_and_nothing_is_cut_off() {
    let platform = Platform::shared();
    let status = platform.mdd(&["status", "--format", "json"]).exits(1).json();
    let folder = tempfile::tempdir().unwrap();
    platform.report(folder.path(), &[]);
    for dc in ["ams1", "iad2", "sin1"] {
        let page = seen(folder.path(), &format!("{dc}.html"));
        compare(&page, &status, dc);
        // The policy lets its own style sheet in, and there is nothing else to load or to run.
        assert_eq!(page["styled"], "6px", "{dc}");
        let pattern = page["pattern"].as_str().unwrap();
        assert!(pattern.contains("#t-blocked"), "{pattern}");
        assert_eq!(page["scripts"], 0);
        assert_eq!(page["loaded"], json!([]));
        for (width, closed_and_open) in [(390, &page["phone"]), (1280, &page["desk"])] {
            for measured in closed_and_open.as_array().unwrap() {
                assert!(measured["client"].as_u64().unwrap() > width - 20, "{measured}");
                assert_eq!(measured["scroll"], measured["client"], "{dc} at {width} px: {measured:#}");
                assert_eq!(measured["outside"], json!([]), "{dc} at {width} px");
            }
        }
    }
}

#[test]
fn a_browser_shows_the_past_as_it_was() {
    let platform = Platform::shared();
    let then = ["--at", "2026-11-12T12:00:00Z"];
    let status = platform.mdd(&[&["status", "--format", "json"][..], &then].concat()).exits(1).json();
    let folder = tempfile::tempdir().unwrap();
    platform.report(folder.path(), &[&["iad2"][..], &then].concat());
    let page = seen(folder.path(), "iad2.html");
    compare(&page, &status, "iad2");
    assert_eq!(page["timeline"].as_array().unwrap().len(), 27);
    assert_ne!(page["proven"], "8 of 26 proven · 1 waived");
}

//! The page as a file: complete in itself, small, the same every time, and what it says of each point.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::foreign::{Tag, tags};
use super::past::Platform;

/// Most bytes that a page may have with three datacenters of thirty points.
const LIMIT: usize = 300_000;

fn page(dc: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    Platform::shared().report(folder.path(), &[]);
    std::fs::read_to_string(folder.path().join(format!("{dc}.html"))).unwrap()
}

/// As it stands in a page.
fn escaped(text: &str) -> String {
    let entities = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    entities.iter().fold(text.to_owned(), |text, (c, entity)| text.replace(c, entity))
}

fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    tag.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

#[test]
fn it_is_complete_in_itself_and_locked() {
    for dc in ["ams1", "iad2", "sin1"] {
        let page = page(dc);
        assert!(page.len() < LIMIT, "{dc}: {} bytes", page.len());
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = BASE64_STANDARD.encode(Sha256::digest(style));
        let tags = tags(&page);
        let policy = tags.iter().find(|tag| attribute(tag, "http-equiv").is_some()).unwrap();
        assert_eq!(
            attribute(policy, "content").unwrap(),
            format!(
                "default-src &#39;none&#39;; style-src &#39;sha256-{hash}&#39;; img-src data:; \
                 base-uri &#39;none&#39;; form-action &#39;none&#39;"
            )
        );
        for tag in &tags {
            assert!(
                !["script", "img", "iframe", "object", "form", "base"].contains(&tag.name.as_str()),
                "{tag:?}"
            );
            for (name, value) in &tag.attributes {
                assert!(!name.starts_with("on") && name != "style" && name != "src", "{tag:?}");
                if name == "href" {
                    let kinds = ["#", "https://", "mailto:", "data:image/svg+xml;base64,"];
                    let beside = ["ams1.html", "iad2.html", "sin1.html"];
                    let known =
                        kinds.iter().any(|kind| value.starts_with(kind)) || beside.contains(&value.as_str());
                    assert!(known, "{tag:?}");
                }
            }
        }
        let ids: Vec<&str> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{id} is there twice");
        }
        for address in tags.iter().filter_map(|tag| attribute(tag, "href")?.strip_prefix('#')) {
            assert!(ids.contains(&address), "#{address} leads nowhere on the page of {dc}");
        }
    }
}

#[test]
fn it_is_the_same_every_time_for_the_same_moment() {
    assert_eq!(page("iad2"), page("iad2"));
}

#[test]
fn what_to_do_comes_with_why_need_and_the_exact_command() {
    let platform = Platform::shared();
    let status = platform.mdd(&["status", "iad2", "--format", "json"]).exits(1).json();
    let page = page("iad2");
    let (_, now) = page.split_once("<ol class=\"next\">").unwrap();
    let (now, rest) = now.split_once("</ol>").unwrap();
    let mut from = 0;
    for cause in status["datacenters"][0]["do_next"].as_array().unwrap() {
        let id = cause["id"].as_str().unwrap();
        from +=
            now[from..].find(&format!("<span class=\"id\">{id}</span>")).unwrap_or_else(|| panic!("{id}"));
        if cause["kind"] != "point" {
            continue;
        }
        let inside = &now[from..now[from..].find("</details>").unwrap() + from];
        for line in platform.mdd(&["show", &format!("iad2/{id}"), "--as", "sh"]).exits(0).stdout.lines() {
            let command = format!("<pre class=\"command\"><code>{}</code></pre>", escaped(line));
            assert!(inside.contains(&command), "{id}: no {command} in {inside}");
        }
        assert!(inside.contains("<dt>Why</dt>") && inside.contains("<dt>Last output</dt>"), "{inside}");
        assert!(inside.contains("/quay/rb/"), "the runbook: {inside}");
        assert!(inside.contains(">tickets</a>"), "{inside}");
    }
    assert!(
        now.contains("<dt>What we need from Storage</dt><dd>Bucket quay-probe with write access"),
        "{now}"
    );
    assert!(now.contains("mdd run iad2 --as build-node"), "a vantage point's way out");
    // Every point once more, with the output as text.
    assert_eq!(rest.matches("class=\"point\"").count(), 27);
    assert!(rest.contains("10.20.0.53 &lt;agrees&gt; &amp; is &quot;fine&quot;"));
    assert!(rest.contains("<p class=\"small\">2 days overdue · waived to 1 Dec, NET-4411</p>"));
    assert!(rest.contains("19 h old"), "what is too old is shown with its age");
}

#[test]
fn the_timeline_is_blank_where_nothing_was_measured() {
    let page = page("iad2");
    let (_, row) = page.split_once("<title>net-mtu: waived now</title>").unwrap();
    let bands: Vec<&str> = row.split_once("<line").unwrap().0.matches("class=\"t-waived\"").collect();
    assert_eq!(bands.len(), 2, "waived before and after the day and a half without results");
    assert!(page.contains("<title>id-oidc: red now</title>"));
    let numbers = page.split_once("Progress in numbers").unwrap().1;
    let newest = numbers.split_once("<tbody><tr>").unwrap().1.split_once("</tr>").unwrap().0;
    assert!(newest.ends_with("<td>8</td><td>26</td><td>6</td>"), "proven, required, planned: {newest}");
}

#[test]
fn files_are_named_and_only_pages_written_together_are_linked() {
    let platform = Platform::without_history();
    let written = platform.mdd(&["report"]).exits(0).stdout;
    assert_eq!(written, ".mdd/report/ams1.html\n.mdd/report/iad2.html\n.mdd/report/sin1.html\n");
    let read = |name: &str| std::fs::read_to_string(platform.path(name)).unwrap();
    let page = read(".mdd/report/iad2.html");
    assert!(page.contains("href=\"ams1.html\"") && !page.contains("href=\"iad2.html\""));
    assert!(page.contains("no results yet") && page.contains("Nothing has been recorded yet."));
    assert!(!platform.path(".mdd/history.db").exists(), "a report makes no history");

    assert_eq!(platform.mdd(&["report", "iad2", "--out", "one", "-q"]).exits(0).stdout, "");
    assert!(!read("one/iad2.html").contains("href=\"ams1.html\""));
    assert!(!platform.path("one/ams1.html").exists());

    let wrong = platform.mdd(&["report", "iad3", "--out", "two"]).exits(2);
    assert!(wrong.stderr.contains("iad3"), "{}", wrong.stderr);
    assert!(!platform.path("two").exists());
    std::fs::write(platform.path("file"), "").unwrap();
    let refused = platform.mdd(&["report", "iad2", "--out", "file"]).exits(5);
    assert!(refused.stderr.contains("write file/iad2.html"), "{}", refused.stderr);
}

#[test]
fn json_has_what_the_page_has() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::shared();
    platform.report(folder.path(), &["iad2", "--format", "json"]);
    let text = std::fs::read_to_string(folder.path().join("iad2.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let status = platform.mdd(&["status", "iad2", "--format", "json"]).exits(1).json();
    for key in ["verdict", "counts", "progress", "groups", "do_next", "milestones", "results"] {
        assert_eq!(json[key], status["datacenters"][0][key], "{key}");
    }
    let points = json["points"].as_array().unwrap();
    let point = points.iter().find(|point| point["id"] == "s3-roundtrip").unwrap();
    assert_eq!(point["need"], "Bucket quay-probe with write access for the key in our vault path.");
    let shown = platform.mdd(&["show", "iad2/s3-roundtrip", "--as", "sh"]).exits(0).stdout;
    assert_eq!(point["commands"][0].as_str().unwrap(), shown.trim_end());
    assert_eq!(json["changes"].as_array().unwrap().len(), 90);
}

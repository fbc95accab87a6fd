//! `mdd status`: the table, the numbers, the exit codes.

use serde_json::Value;

use super::past::Platform;

/// Lines with blanks squeezed.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn json(arguments: &[&str], code: i32) -> Value {
    let all = [&["status"], arguments, &["--format", "json"]].concat();
    Platform::shared().mdd(&all).exits(code).json()
}

#[test]
fn owners_are_listed_by_what_they_can_do() {
    let text = Platform::shared().mdd(&["status", "--by", "owner", "iad2", "--since", "1d"]).exits(1).stdout;
    assert_eq!(
        lines(&text),
        [
            "iad2 Ashburn 2 · building · not done: 8 of 26 required points proven (+1 waived)",
            "results 39 s to 19 h old from local runs, 1 point without a result",
            "",
            "owner own blocked green longest own wait next date",
            "DNS and time 4 0 1 20 d 20 Nov 2 days overdue",
            "Platform 2 3 0 – 27 Nov build-node has never reported",
            "Data services 2 1 0 12 d 4 Dec",
            "Storage 1 1 0 12 d 27 Nov",
            "Identity 1 0 1 2 h 8 m (regressed) 27 Nov",
            "Observability 1 0 2 5 d 19 h 4 Dec",
            "Network 0 1 2 +1◐ +1⊘ – 27 Nov",
            "Messaging 0 1 0 – 11 Dec",
            "PKI 0 0 1 +1▲ – –",
            "",
            "7 green · 1 warning · 1 settling · 4 red · 7 blocked · 5 not due · 1 unknown · 1 waived of 27",
            "",
            "CHANGED",
            "2026-11-22 14:00:20 UTC metrics-query green → unknown",
            "2026-11-22 19:31:20 UTC id-oidc green → red",
            "2026-11-22 21:34:20 UTC lb-api not due → settling",
        ]
    );
}

#[test]
fn every_kind_of_row_adds_up_to_all_points() {
    for by in ["group", "owner", "milestone", "subscription"] {
        let status = json(&["--by", by], 1);
        assert_eq!((&status["verdict"], &status["exit"]), (&"not done".into(), &1.into()));
        for dc in status["datacenters"].as_array().unwrap() {
            let sum = |rows: &Value, path: &str| -> u64 {
                rows.as_array().unwrap().iter().map(|row| row.pointer(path).unwrap().as_u64().unwrap()).sum()
            };
            let points = dc["points"].as_array().unwrap();
            assert_eq!(dc["by"], by);
            assert_eq!(sum(&dc["rows"], "/points"), points.len() as u64, "{by}");
            assert_eq!(sum(&dc["groups"], "/points"), points.len() as u64);
            for (state, count) in dc["counts"].as_object().unwrap() {
                let path = format!("/counts/{state}");
                let of_state = points.iter().filter(|point| point["state"] == *state).count();
                assert_eq!(count, of_state, "{state}");
                assert_eq!(sum(&dc["rows"], &path), of_state as u64, "{by}, {state}");
            }
            for key in ["required", "proven", "waived"] {
                let all = dc["progress"][key].as_u64().unwrap();
                assert_eq!(sum(&dc["rows"], &format!("/progress/{key}")), all, "{by}, {key}");
            }
        }
    }
}

#[test]
fn a_point_has_state_rule_since_text_owner_due_and_age() {
    let status = json(&["iad2", "id-oidc"], 1);
    let point = &status["datacenters"][0]["points"][0];
    for (key, expected) in [
        ("id", "id-oidc"),
        ("state", "red"),
        ("rule", "regressed"),
        ("since", "2026-11-22T19:31:00Z"),
        ("green_until", "2026-11-22T19:31:20Z"),
        ("text", "503 from sso.iad2.example.net after 0.04 s [status]"),
        ("owner", "identity"),
        ("due", "2026-11-27"),
    ] {
        assert_eq!(point[key], expected, "{key}");
    }
    assert_eq!(point["age_s"], 40.0);
    assert_eq!(status["datacenters"][0]["points"].as_array().unwrap().len(), 1);
    let row = &status["datacenters"][0]["rows"][0];
    assert_eq!((&row["longest_own_wait_s"], &row["regressed"]), (&7720.0.into(), &true.into()));
}

#[test]
fn exit_codes_are_those_of_every_command() {
    let platform = Platform::shared();
    let exits = |arguments: &[&str], code: i32| platform.mdd(&[&["status"], arguments].concat()).exits(code);
    exits(&["ams1"], 0);
    exits(&["ams1", "iad2"], 1);
    exits(&["iad2", "metrics-query"], 3);
    exits(&["iad2", "metrics-query", "--by", "owner", "-q"], 3);
    exits(&["iad2", "id:metrics-query,id-oidc"], 1);
    // Advisory, and waived.
    exits(&["iad2", "mail-relay"], 0);
    exits(&["iad2", "net-mtu"], 0);
    exits(&["iad2", "pki-chain"], 0);
    exits(&["iad2", "pki-chain", "--strict"], 1);
    exits(&["iad2", "group:dns", "state:green"], 2);
    exits(&["iad2", "grp:dns"], 2);
    let wrong = exits(&["iad3"], 2);
    assert_eq!(wrong.stderr, "error: `iad3` is neither a datacenter nor a point; did you mean `iad2`?\n");
    // A datacenter without such a point is left out, as long as another has one.
    let status = json(&["net-interdc"], 0);
    let dcs: Vec<&str> =
        status["datacenters"].as_array().unwrap().iter().map(|dc| dc["dc"].as_str().unwrap()).collect();
    assert_eq!(dcs, ["ams1", "iad2"]);
}

#[test]
fn any_past_moment_can_be_asked_for() {
    let then = json(&["iad2", "--at", "2026-11-12T12:00:00Z"], 1);
    let dc = &then["datacenters"][0];
    assert_eq!(dc["at"], "2026-11-12T12:00:00Z");
    assert_eq!(dc["counts"]["green"], 4, "{:#}", dc["counts"]);
    let none = Platform::without_history();
    let text = none.mdd(&["status", "iad2", "--since", "1d"]).exits(1).stdout;
    assert!(text.contains("no results yet") && text.contains("nothing has changed since then"), "{text}");
}

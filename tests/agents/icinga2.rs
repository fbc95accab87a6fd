//! Icinga 2 reads an export without a warning and runs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::agents::{Icinga2, icinga2, icinga2_check, open_folder};
use testkit::{Ran, Run, plugin, poll_until};

use crate::nagios::{day, manifest, mdd, reference, reference_on_loopback};
use crate::package;
use crate::rehearsed::{Rehearsed, states};

/// Longest wait for what Icinga does in a few seconds.
const WAIT: Duration = Duration::from_mins(1);
const DCS: [&str; 3] = ["ams1", "iad2", "sin1"];
/// The folder that exported commands name.
const PLUGINS: &str = "/usr/lib/nagios/plugins/";

/// Exports into a folder that everybody may read, with the plugins of the package that is tested.
fn exported(manifest: &Path, dcs: &[&str], options: &[&str]) -> TempDir {
    let folder = open_folder();
    export(manifest, folder.path(), dcs, options);
    folder
}

fn export(manifest: &Path, out: &Path, dcs: &[&str], options: &[&str]) {
    let out_text = out.to_string_lossy().into_owned();
    let ran = mdd(manifest, &[&["export", "icinga2"], dcs, &["--out", &out_text], options].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    for dc in dcs {
        use_package(&out.join(dc));
    }
}

/// Lets the exported commands start what the package has, and often.
fn use_package(folder: &Path) {
    for (file, from, to) in [
        ("commands.conf", PLUGINS, format!("{}/", package::plugin_dir().display())),
        ("commands.conf", "/usr/bin/mdd", package::installed().join("usr/bin/mdd").display().to_string()),
        ("objects.conf", "_interval = 20s", "_interval = 1s".to_owned()),
    ] {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).expect("read the export");
        fs::write(&path, text.replace(from, &to)).expect("change the export");
    }
}

fn assert_loads(ran: &Ran, what: &str) {
    let fine = ran.code == Some(0) && !ran.stdout.contains("warning/") && !ran.stdout.contains("critical/");
    assert!(fine, "{what}: {}{}", ran.stdout, ran.stderr);
}

/// Asks the API; a body makes it a POST.
fn api(icinga: &Icinga2, path: &str, body: Option<&Value>) -> Value {
    try_api(icinga, path, body).unwrap_or_else(|said| panic!("{path}: {said}\n{}", icinga.server.log()))
}

/// The same where it may be just starting again; else what came instead of an answer.
fn try_api(icinga: &Icinga2, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let method = if body.is_empty() { "GET" } else { "POST" };
    // testkit:secret
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Length: {}\r\n\
         Authorization: Basic dGVzdGtpdDpzZWNyZXQ=\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let (address, ca) = (icinga.server.address().to_string(), icinga.ca_file.display().to_string());
    let args = ["s_client", "-quiet", "-verify_return_error", "-CAfile", &ca, "-connect", &address];
    let said = Run::new("openssl").args(args).input(request).go().stdout;
    let (_head, body) = said.split_once("\r\n\r\n").ok_or("no answer")?;
    // The body may come in chunks, whose lengths stand on lines of their own.
    let text: String = body.lines().filter(|line| line.contains(['{', '}', '"'])).collect();
    serde_json::from_str(&text).map_err(|error| format!("{error}: {said}"))
}

/// Attributes of each service that the export has made, by its name.
fn services(icinga: &Icinga2) -> BTreeMap<String, Value> {
    try_services(icinga).unwrap_or_else(|said| panic!("{said}\n{}", icinga.server.log()))
}

fn try_services(icinga: &Icinga2) -> Result<BTreeMap<String, Value>, String> {
    let answer = try_api(icinga, "/v1/objects/services?filter=service.vars.mdd_point", None)?;
    let results = answer["results"].as_array().ok_or_else(|| format!("no results: {answer}"))?;
    let named =
        |one: &Value| (one["attrs"]["name"].as_str().unwrap_or_default().to_owned(), one["attrs"].clone());
    Ok(results.iter().map(named).collect())
}

/// Waits until every service has been run, but for `waiting`, which waits for another.
fn wait_for_results(icinga: &Icinga2, waiting: &str) {
    let run = poll_until(WAIT * 2, || {
        let mut services = services(icinga);
        services.remove(waiting);
        !services.is_empty() && services.values().all(|service| service["last_check_result"].is_object())
    });
    assert!(run, "{}", icinga.server.log());
}

/// How `mdd pull` reads from a running one.
fn source(icinga: &Icinga2, folder: &Path) -> Vec<String> {
    let password = folder.join("password");
    fs::write(&password, &icinga.password).expect("write the password");
    let url = format!("https://127.0.0.1:{}", icinga.api_port);
    let [password, ca] = [&password, &icinga.ca_file].map(|path| path.display().to_string());
    ["pull", "icinga2", &url, "--user", &icinga.user, "--password-file", &password, "--ca-file", &ca]
        .map(str::to_owned)
        .to_vec()
}

/// The same with a manifest and a history beside it.
fn pull(icinga: &Icinga2, manifest: &Path) -> Ran {
    let folder = manifest.parent().expect("a manifest is in a folder");
    let source = source(icinga, folder);
    let state = folder.join("history.db").display().to_string();
    let args: Vec<&str> = ["--state", &state].into_iter().chain(source.iter().map(String::as_str)).collect();
    mdd(manifest, &args)
}

fn point(id: &str, rest: &str) -> String {
    format!("  {id}: {{group: g, milestone: core, title: T, why: W, interval: 20s, {rest}}}\n")
}

/// The reference manifest with vantage points as zones.
fn with_zones(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(reference()).expect("read the manifest");
    let zones = "engines:\n  history: control-node\n  icinga2: {parent_zone: master}\n";
    let file = folder.join("mdd.yaml");
    fs::write(&file, text.replace("engines:\n", zones)).expect("write a manifest");
    file
}

#[test]
fn the_reference_manifest_loads_without_a_warning_alone_together_and_beside_the_stock_configuration() {
    let folder = open_folder();
    let (plain, zones) = (reference(), with_zones(folder.path()));
    let master = "object Endpoint \"m\" { }\nobject Zone \"master\" { endpoints = [ \"m\" ] }\n";
    for (manifest, options) in [
        (&plain, &["--style", "direct", "--alerts", "owners"][..]),
        (&plain, &["--style", "exec", "--alerts", "points", "--with-silences"]),
        (&zones, &["--style", "direct", "--alerts", "points"]),
        (&zones, &["--style", "exec", "--alerts", "owners", "--with-silences"]),
    ] {
        let out = exported(manifest, &DCS, options);
        let has_zones = out.path().join("iad2/zones.conf").exists();
        assert_eq!(has_zones, manifest == &zones);
        for dc in DCS {
            let alone = out.path().join(dc);
            if has_zones {
                fs::write(alone.join("master.conf"), master).expect("write the masters' zone");
            }
            assert_loads(&icinga2_check(&alone), &format!("{options:?} {dc}"));
            if has_zones {
                fs::remove_file(alone.join("master.conf")).expect("remove it");
            }
        }
        let stock = fs::read_to_string("/etc/icinga2/icinga2.conf").expect("read Debian's icinga2.conf");
        let stock = stock.replace("include \"", "include \"/etc/icinga2/");
        let stock = stock.replace("include_recursive \"", "include_recursive \"/etc/icinga2/");
        let master = if has_zones { master } else { "" };
        let all = format!("{stock}\n{master}include_recursive \"{}\"\n", out.path().display());
        let main = out.path().join("main");
        fs::write(&main, all).expect("write a main file");
        let args = ["daemon", "-C", "-c", &main.display().to_string()].map(str::to_owned);
        let ran = Run::new("/usr/sbin/icinga2").args(args).go();
        assert_loads(&ran, &format!("{options:?} beside the stock configuration"));
        let counted = if has_zones { "Instantiated 9 Endpoints" } else { "Instantiated 4 Hosts" };
        assert!(
            ran.stdout.contains("Hosts") && (has_zones || ran.stdout.contains(counted)),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn texts_arrive_whole_whatever_they_hold() {
    let folder = open_folder();
    let points = r#"  nasty:
    group: g
    milestone: core
    title: "T; $$x$$ `a` 'b' \"c\" <d> \\ é"
    why: "W; $$5 $$$$ $$host.name$$ & | ! \\"
    runbook: "https://x/a;b'c#d"
    links: ["https://x/?a=1&b=$$2"]
    env: {LC_TEST: "$$host.name$$ \"q\" \\"}
    check: [check-dummy, "0", "a;b $$ARG1$$ $$host.name$$ ! \\ \"q\" {{ 0.5", ""]
"#;
    let file = manifest(folder.path(), points, "");
    let export = exported(&file, &["iad2"], &[]);
    let icinga = icinga2("testkit", export.path(), "");
    wait_for_results(&icinga, "");
    let nasty = &services(&icinga)["nasty"];
    assert_eq!(nasty["display_name"], "T; $x$ `a` 'b' \"c\" <d> \\ é");
    assert_eq!(nasty["notes"], "W; $$5 $$$$ $$host.name$$ & | ! \\", "a dollar sign is no macro");
    assert_eq!(nasty["notes_url"], "https://x/a;b'c#d");
    assert_eq!(nasty["action_url"], "https://x/?a=1&b=$$2");
    let result = &nasty["last_check_result"];
    let arguments: Vec<&Value> = result["command"].as_array().expect("a command").iter().skip(1).collect();
    assert_eq!(arguments, ["0", "a;b $ARG1$ $host.name$ ! \\ \"q\" {{ 0.5", ""]);
    let command = api(&icinga, "/v1/objects/checkcommands/mdd_iad2_nasty", None);
    assert_eq!(command["results"][0]["attrs"]["env"]["LC_TEST"], "$$host.name$$ \"q\" \\");
    let shown = mdd(&file, &["show", "iad2/nasty", "--as", "icinga2"]).stdout;
    let (env, line) = shown.trim_end().split_once("; command = ").expect("env, then command");
    let commands = fs::read_to_string(export.path().join("iad2/commands.conf")).expect("read the export");
    let line = line.replace(PLUGINS, &format!("{}/", package::plugin_dir().display()));
    assert!(
        commands.contains(&format!("  {env}\n")) && commands.contains(&format!("  command = {line}\n")),
        "{shown}"
    );
}

/// What a run of mdd's own says at this moment, and what Icinga does: waits until they agree.
fn assert_agree(rehearsed: &Rehearsed, icinga: &Icinga2, what: &str) -> BTreeMap<String, (String, String)> {
    let folder = open_folder();
    let source = source(icinga, folder.path());
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    let agree = poll_until(WAIT * 2, || {
        ours = states(&rehearsed.ask("run.db", &["run", "iad2", "--as", "paas-node"]));
        let pulled = rehearsed.mdd("pull.db", &source);
        assert_eq!(pulled.code, Some(0), "{}{}", pulled.stdout, pulled.stderr);
        theirs = states(&rehearsed.ask("pull.db", &["status", "iad2"]));
        let settled = ours.values().all(|(state, _)| state != "settling");
        settled && ours == theirs
    });
    assert!(agree, "{what}: mdd run says\n{ours:#?}\nand mdd pull\n{theirs:#?}\n{}", icinga.server.log());
    ours
}

#[test]
fn the_rehearsals_points_are_in_the_state_that_mdd_run_sees() {
    let rehearsed = Rehearsed::new();
    let folder = open_folder();
    use_package(&rehearsed.export("icinga2", folder.path()));
    assert_loads(&icinga2_check(folder.path()), "the rehearsal");
    let icinga = icinga2("testkit", folder.path(), "");
    wait_for_results(&icinga, "");
    let green = assert_agree(&rehearsed, &icinga, "all up");
    assert!(green.len() == 16 && green.values().all(|(state, status)| state == "green" && status == "OK"));
    rehearsed.end("s3");
    let red = assert_agree(&rehearsed, &icinga, "without object storage");
    let count = |wanted: &str| red.values().filter(|(state, _)| state == wanted).count();
    assert!(count("red") > 0 && count("blocked") > 0 && count("green") > 0, "{red:#?}");
    // What the API answers may as well be saved first.
    let saved = folder.path().join("services.json");
    fs::write(&saved, api(&icinga, "/v1/objects/services", None).to_string()).expect("save the answer");
    let pulled = rehearsed.mdd("saved.db", &["pull", "icinga2", &saved.to_string_lossy()]);
    assert_eq!(pulled.code, Some(0), "{}{}", pulled.stdout, pulled.stderr);
    let statuses = |states: &BTreeMap<String, (String, String)>| -> BTreeMap<String, String> {
        states.iter().map(|(path, (_, status))| (path.clone(), status.clone())).collect()
    };
    let saved = states(&rehearsed.ask("saved.db", &["status", "iad2"]));
    assert_eq!(statuses(&saved), statuses(&red));
}

/// The reference manifest's checks, most of whose programs or targets are not there.
#[test]
fn the_reference_manifests_points_are_in_the_state_that_mdd_run_sees() {
    let folder = open_folder();
    let file = folder.path().join("mdd.yaml");
    fs::write(&file, reference_on_loopback()).expect("write a manifest");
    let export = exported(&file, &["iad2"], &[]);
    let objects = export.path().join("iad2/objects.conf");
    // One cycle is enough, and soon.
    let soon = fs::read_to_string(&objects).expect("read the export");
    let soon = soon.lines().map(|line| {
        let often = line.starts_with("  check_interval");
        if often { "  check_interval = 20s" } else { line }
    });
    let soon = soon.collect::<Vec<_>>().join("\n");
    fs::write(&objects, soon).expect("change the export");
    let icinga = icinga2("testkit", export.path(), "");
    wait_for_results(&icinga, "");
    let plugins = package::plugin_dir();
    let ask = |name: &str, args: &[&str]| -> Value {
        let ran = Run::new(plugin("mdd"))
            .args([Path::new("--file"), &file, Path::new("--state"), &folder.path().join(name)])
            .args(args)
            .args(["--format", "json"])
            .env("MDD_PLUGIN_PATH", &plugins)
            .go();
        serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}{}", ran.stdout, ran.stderr))
    };
    let ours = ask("run.db", &["run", "iad2", "--as", "paas-node"]);
    let source = source(&icinga, folder.path());
    ask("pull.db", &source.iter().map(String::as_str).collect::<Vec<_>>());
    let theirs = ask("pull.db", &["status", "iad2"]);
    assert_eq!(ours["verdict"], theirs["verdict"]);
    let (mut ours, mut theirs) = (states(&ours), states(&theirs));
    assert_eq!(ours.len(), 30);
    // It does harm when it fails: mdd has not run it, Icinga perhaps before it knew that the others are down.
    let careful = [&mut ours, &mut theirs].map(|states| states.remove("id-ldap/"));
    assert_eq!(careful[0], Some(("blocked".to_owned(), "skipped".to_owned())));
    assert!(careful[1].as_ref().is_some_and(|(_, status)| status == "none"), "{careful:?}");
    assert_eq!(ours, theirs, "{}", icinga.server.log());
}

/// `mdd exec`, and roll-ups that read the history.
#[test]
fn the_other_style_gives_the_same_results() {
    let folder = open_folder();
    let points = point("good", r#"check: [check-dummy, "0", "fine"]"#)
        + &point("bad", r#"check: [check-dummy, "2", "no"]"#);
    let places = format!("engines: {{manifest: \"{}\"}}\n", folder.path().join("mdd.yaml").display());
    let file = manifest(folder.path(), &points, &places);
    let export = exported(&file, &["iad2"], &["--style", "exec"]);
    let icinga = icinga2("testkit", export.path(), "");
    wait_for_results(&icinga, "");
    let pulled = pull(&icinga, &file);
    assert!(pulled.stdout.contains("2 new results"), "{}{}", pulled.stdout, pulled.stderr);
    // Another check under the same name: neither runs nor counts.
    let changed = fs::read_to_string(&file).expect("read the manifest").replace("fine", "finer");
    fs::write(&file, changed).expect("write the manifest");
    let pulled = pull(&icinga, &file);
    assert!(pulled.stdout.contains("export is out of date"), "{}{}", pulled.stdout, pulled.stderr);
    assert!(!pulled.stdout.contains("1 of 2 proven"), "{}", pulled.stdout);
}

/// A machine that is not there gives no results, and says so.
#[test]
fn a_vantage_point_that_is_not_connected_gives_no_result() {
    let folder = open_folder();
    let points = point("one", r#"check: [check-dummy, "0", "fine"]"#);
    let file = manifest(folder.path(), &points, "engines: {icinga2: {parent_zone: master}}\n");
    let export = exported(&file, &["iad2"], &[]);
    let master = "object Endpoint \"testkit\" { }\nobject Zone \"testkit\" { }\n\
        object Zone \"master\" { endpoints = [ \"testkit\" ] }\n";
    let icinga = icinga2("testkit", export.path(), master);
    let force = json!({"type": "Service", "filter": "true", "force": true});
    let forced = api(&icinga, "/v1/actions/reschedule-check", Some(&force));
    assert_eq!(forced["results"][0]["code"], 200, "{forced}");
    // Only minutes after its start does Icinga say that the endpoint is not connected.
    let pulled = pull(&icinga, &file);
    assert!(pulled.stdout.contains("not run yet: iad2/one"), "{}{}", pulled.stdout, pulled.stderr);
    // The master itself is no vantage point, whatever ran there.
    let text = fs::read_to_string(export.path().join("iad2/objects.conf")).expect("read the export");
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("command_endpoint")).collect();
    fs::write(export.path().join("iad2/objects.conf"), without.join("\n")).expect("change the export");
    drop(icinga);
    let icinga = icinga2("testkit", export.path(), master);
    wait_for_results(&icinga, "");
    let pulled = pull(&icinga, &file);
    let said = "icinga2 runs it from testkit, not from iad2-node";
    assert!(pulled.stdout.contains(said) && pulled.stdout.contains("0 of 1 proven"), "{}", pulled.stdout);
}

/// A password that is wrong, and a client certificate in its place.
#[test]
fn whoever_may_not_read_is_told_so() {
    let folder = open_folder();
    let file = manifest(folder.path(), &point("one", r#"check: [check-dummy, "0", "fine"]"#), "");
    let export = exported(&file, &["iad2"], &[]);
    let certified = "object ApiUser \"certified\" {\n  client_cn = \"testkit\"\n  permissions = [ \"objects/query/Service\" ]\n}\n";
    let icinga = icinga2("testkit", export.path(), certified);
    wait_for_results(&icinga, "");
    let (url, ca) = (format!("https://127.0.0.1:{}", icinga.api_port), icinga.ca_file.display().to_string());
    let state = folder.path().join("history.db").display().to_string();
    let pull = |login: &[&str]| {
        mdd(&file, &[&["--state", &state, "pull", "icinga2", &url, "--ca-file", &ca], login].concat())
    };
    let password = folder.path().join("password");
    fs::write(&password, "wrong").expect("write a password");
    let refused = pull(&["--user", &icinga.user, "--password-file", &password.to_string_lossy()]);
    assert_eq!(refused.code, Some(5), "{}", refused.stdout);
    assert!(refused.stderr.contains("401") && !refused.stderr.contains("wrong"), "{}", refused.stderr);
    assert_eq!(pull(&[]).code, Some(5));
    let certs = icinga.ca_file.parent().expect("it is in a folder");
    let [cert, key] = ["testkit.crt", "testkit.key"].map(|name| certs.join(name).display().to_string());
    let pulled = pull(&["--tls-cert", &cert, "--tls-key", &key]);
    assert!(pulled.stdout.contains("1 new result"), "{}{}", pulled.stdout, pulled.stderr);
}

#[test]
fn what_somebody_sends_by_hand_is_no_result() {
    let folder = open_folder();
    let points = point("bad", r#"interval: 1h, ttl: 3h, check: [check-dummy, "2", "no"]"#)
        .replace("interval: 20s, ", "");
    let file = manifest(folder.path(), &points, "");
    let export = exported(&file, &["iad2"], &[]);
    let icinga = icinga2("testkit", export.path(), "");
    wait_for_results(&icinga, "");
    let result = json!({"type": "Service", "filter": "service.name==\"bad\"", "exit_status": 0, "plugin_output": "DUMMY OK - fine",
        "check_command": [package::plugin_dir().join("check-dummy"), "2", "no"], "check_source": "iad2-node"});
    let sent = api(&icinga, "/v1/actions/process-check-result", Some(&result));
    assert_eq!(sent["results"][0]["code"], 200, "{sent}");
    let pulled = pull(&icinga, &file);
    let said = "a passive result, which somebody has sent to Icinga; it said: DUMMY OK - fine";
    assert!(pulled.stdout.contains(said) && !pulled.stdout.contains("1 of 1 proven"), "{}", pulled.stdout);
}

#[test]
fn a_downtime_of_a_waiver_begins_and_is_shown() {
    let folder = open_folder();
    let until = day(7);
    let waiver = format!(
        "waivers: [{{point: bad, dc: iad2, until: {until}, reason: 'parts; by \"mail\"', by: alex}}]\n"
    );
    let file = manifest(folder.path(), &point("bad", r#"check: [check-dummy, "2", "no"]"#), &waiver);
    let export = exported(&file, &["iad2"], &["--with-silences"]);
    let icinga = icinga2("testkit", export.path(), "");
    wait_for_results(&icinga, "");
    let shown = poll_until(WAIT, || pull(&icinga, &file).stdout.contains("in a downtime in Icinga 2"));
    assert!(shown, "{}{}", pull(&icinga, &file).stdout, icinga.server.log());
    let downtimes = api(&icinga, "/v1/objects/downtimes", None);
    assert_eq!(downtimes["results"][0]["attrs"]["comment"], "parts; by \"mail\"");
}

/// Whoever waits for what is down is unreachable; who would do harm is not run.
#[test]
fn what_waits_is_unreachable_and_is_not_run_where_it_would_do_harm() {
    let folder = open_folder();
    let points = point("down", r#"check: [check-dummy, "2", "no"]"#)
        + &point("waits", r#"depends_on: [down], check: [check-dummy, "2", "no"]"#)
        + &point("careful", r#"depends_on: [down], when_blocked: skip, check: [check-dummy, "0", "login"]"#);
    let file = manifest(folder.path(), &points, "");
    let export = exported(&file, &["iad2"], &[]);
    let icinga = icinga2("testkit", export.path(), "");
    wait_for_results(&icinga, "careful");
    let mut last = Value::Null;
    let unreachable = poll_until(WAIT, || {
        last = services(&icinga)["waits"].clone();
        last["last_reachable"] == false
    });
    assert!(unreachable, "{last}");
    let runs = || services(&icinga)["careful"]["last_check_result"]["execution_end"].clone();
    // It may have been first, before the other was known to be down.
    let (before, others) = (runs(), services(&icinga)["waits"]["last_check"].as_f64().expect("a time"));
    let later = poll_until(WAIT, || {
        services(&icinga)["waits"]["last_check"].as_f64().expect("a time") > others + 3.0
    });
    assert!(later, "{}", icinga.server.log());
    assert_eq!(runs(), before, "{}", icinga.server.log());
}

/// What a later export no longer holds goes with a reload; what hangs on it goes with the commands of PRUNE.
#[test]
fn what_has_gone_is_deleted_with_the_commands_of_the_list() {
    let folder = open_folder();
    let gone = point("gone", r#"check: [check-dummy, "2", "no"]"#);
    let file = manifest(folder.path(), &(point("stays", r#"check: [check-dummy, "0", "fine"]"#) + &gone), "");
    let out = exported(&file, &["iad2"], &[]);
    let icinga = icinga2("testkit", out.path(), "");
    wait_for_results(&icinga, "");
    let comment =
        json!({"type": "Service", "filter": "service.name==\"gone\"", "author": "alex", "comment": "look"});
    let made = api(&icinga, "/v1/actions/add-comment", Some(&comment));
    assert_eq!(made["results"][0]["code"], 200, "{made}");
    let without = fs::read_to_string(&file).expect("read the manifest").replace(&gone, "");
    fs::write(&file, without).expect("write the manifest");
    export(&file, out.path(), &["iad2"], &[]);
    let prune = fs::read_to_string(out.path().join("iad2/PRUNE")).expect("read what has gone");
    let command =
        prune.lines().find(|line| line.contains("remove-comment")).expect("a command that deletes it");
    let command = command
        .replace("--netrc", &format!("--user {}:{}", icinga.user, icinga.password))
        .replace("/var/lib/icinga2/certs/ca.crt", &icinga.ca_file.to_string_lossy())
        .replace("localhost:5665", &format!("localhost:{}", icinga.api_port));
    let ran = testkit::run("/bin/sh", ["-c", &command]);
    assert!(
        ran.stdout.contains("Successfully removed all comments"),
        "{command}\n{}{}",
        ran.stdout,
        ran.stderr
    );
    assert!(prune.contains("# gone: CheckCommand mdd_iad2_gone\n# goes with its file: icinga2 daemon -C && systemctl reload icinga2\n"));
    let pid = i32::try_from(icinga.server.pid()).expect("a pid");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGHUP)
        .expect("reload");
    let vanished = poll_until(WAIT, || try_services(&icinga).is_ok_and(|known| known.keys().eq(["stays"])));
    assert!(vanished, "{}", icinga.server.log());
}

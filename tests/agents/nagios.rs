//! Nagios Core reads an export without a warning and runs it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::agents::{Nagios, nagios, nagios_cgi, nagios_check, open_folder};
use testkit::{Ran, Run, plugin, poll_until};

use crate::package;
use crate::rehearsed::{Rehearsed, states};

/// Longest wait for what Nagios does in a few seconds.
const WAIT: Duration = Duration::from_mins(1);
/// What a stock configuration has and an export refers to.
const STOCK: &str = "define command {\n  command_name notify-host-by-email\n  command_line /bin/true\n}\n\
    define command {\n  command_name notify-service-by-email\n  command_line /bin/true\n}\n";
const DCS: [&str; 3] = ["ams1", "iad2", "sin1"];

/// The manifest of the documentation.
pub fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/mdd/tests/fixtures/reference.yaml")
}

/// The manifest of the documentation with every address and name on loopback, where hardly anybody answers, and with one
/// vantage point.
pub fn reference_on_loopback() -> String {
    let text = fs::read_to_string(reference()).expect("read the manifest");
    text.replace(".example.net", ".localhost")
        .replace(", example.com,", ", example.localhost,")
        .replace("https://example.com/", "https://example.localhost/")
        .replace("[check-dns, --name,", "[check-dns, --server, 127.20.0.53, --name,")
        .replace("[10.", "[127.")
        .replace(" 10.", " 127.")
        .replace("subscription: control-node", "subscription: paas-node")
        .replace("subscription: build-node", "subscription: paas-node")
}

/// The day so many days from now, UTC: `2026-12-24`.
pub fn day(from_now: u32) -> String {
    let day = testkit::run("date", ["--utc", "+%F", "--date", &format!("+{from_now} days")]);
    day.stdout.trim().to_owned()
}

/// Runs `mdd` with a manifest.
pub fn mdd(manifest: &Path, args: &[&str]) -> Ran {
    Run::new(plugin("mdd")).args([Path::new("--file"), manifest]).args(args).go()
}

/// Exports into a folder that everybody may read, with what a stock configuration has beside it.
pub fn exported(manifest: &Path, target: &str, dcs: &[&str], options: &[&str]) -> TempDir {
    let folder = open_folder();
    let out = folder.path().to_string_lossy().into_owned();
    let ran = mdd(manifest, &[&["export", target], dcs, &["--out", &out], options].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    fs::write(folder.path().join("stock.cfg"), STOCK).expect("write the stock commands");
    folder
}

/// Where the files that a server reads are in a datacenter's folder.
fn server_side(target: &str) -> &'static str {
    if target == "nrpe" { "server" } else { "" }
}

fn assert_loads(ran: &Ran, what: &str) {
    let said = &ran.stdout;
    assert!(
        ran.code == Some(0) && said.contains("Total Warnings: 0\n") && said.contains("Total Errors:   0\n"),
        "{what}: {said}"
    );
}

/// A manifest of one datacenter whose points run a program of the test's own.
pub fn manifest(folder: &Path, points: &str, more: &str) -> PathBuf {
    let file = folder.join("mdd.yaml");
    let text = format!(
        "mdd: 1\nplatform: {{id: quay, title: Quay, owner: paas}}\n\
         teams: {{paas: {{name: Platform, email: paas@example.net}}}}\nmilestones: {{core: {{title: Core}}}}\n\
         datacenters: {{iad2: {{title: Ashburn 2, stage: building, due: {{core: 2099-12-01}}}}}}\n\
         programs: [check-*]\nvantages: {{node: {{owner: paas, milestone: core, address: 127.0.0.1}}}}\n\
         defaults: {{interval: 2s, timeout: 2s, ttl: 1h, stable: 0s, subscription: node}}\n\
         groups: {{g: {{title: G, owner: paas}}}}\n{more}points:\n{points}"
    );
    fs::write(&file, text).expect("write a manifest");
    file
}

fn point(text: &mut String, id: &str, rest: &str) {
    writeln!(text, "  {id}: {{group: g, milestone: core, title: T, why: W, {rest}}}")
        .expect("write to a text");
}

/// Waits until every service of a host has been run since Nagios started, but for roll-ups, of which mdd has no result, and
/// for `waiting`, which waits for another.
pub fn wait_for_results(nagios: &Nagios, host: &str, waiting: &str) {
    let value = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix('='));
        line.map(str::to_owned).unwrap_or_default()
    };
    let seconds = |block: &str, name: &str| value(block, name).parse::<u64>().unwrap_or(0);
    let run = poll_until(WAIT * 2, || {
        run_now(nagios, host);
        let text = fs::read_to_string(&nagios.status).unwrap_or_default();
        let started = seconds(&text, "program_start");
        let blocks = text.split("servicestatus {").skip(1).filter(|block| block.contains("_MDD_POINT="));
        let mut points = blocks.filter(|block| value(block, "service_description") != waiting).peekable();
        points.peek().is_some() && points.all(|block| seconds(block, "last_check") > started)
    });
    assert!(run, "{}", nagios.server.log());
}

/// Lets every service of a host run now, unless it waits for another.
fn run_now(nagios: &Nagios, host: &str) {
    let command = format!("[1] SCHEDULE_HOST_SVC_CHECKS;{host};1\n");
    fs::write(&nagios.command_file, command).expect("write an external command");
}

#[test]
fn the_reference_manifest_loads_without_a_warning_alone_together_and_beside_the_stock_configuration() {
    for (target, options) in [
        ("nagios", &[][..]),
        ("nagios", &["--alerts", "points"]),
        ("nrpe", &[]),
        ("nrpe", &["--style", "exec"]),
    ] {
        let folder = exported(&reference(), target, &DCS, options);
        let side = |dc: &str| folder.path().join(dc).join(server_side(target));
        for dc in DCS {
            let alone = open_folder();
            fs::write(alone.path().join("stock.cfg"), STOCK).expect("write the stock commands");
            for entry in fs::read_dir(side(dc)).expect("read the export") {
                let from = entry.expect("read the export").path();
                if from.is_file() {
                    fs::copy(&from, alone.path().join(from.file_name().expect("a name")))
                        .expect("copy a file");
                }
            }
            assert_loads(&nagios_check(alone.path()), &format!("{target} {options:?} {dc}"));
        }
        let stock = fs::read_to_string("/etc/nagios4/nagios.cfg").expect("read Debian's nagios.cfg");
        let ours = DCS.map(|dc| format!("cfg_dir={}\n", side(dc).display())).concat();
        let main = folder.path().join("main");
        fs::write(&main, stock + &ours).expect("write a main file");
        let ran = Run::new("/usr/sbin/nagios4").args(["-v".as_ref(), main.as_os_str()]).go();
        assert_loads(&ran, &format!("{target} {options:?} beside the stock configuration"));
    }
}

#[test]
fn texts_arrive_whole_whatever_they_hold() {
    let folder = open_folder();
    let points = r#"  nasty:
    group: g
    milestone: core
    title: "T; $$x$$ `a` 'b' \"c\" <d> \\"
    why: "W; $$5 $$$$ $$HOSTNAME$$ & | ! \\"
    runbook: "https://x/a;b'c#d"
    links: ["https://x/?a=1&b=$$2"]
    check: [check-dummy, "0", "a;b $$ARG1$$ !"]
"#;
    let file = manifest(folder.path(), points, "engines: {nagios: {min_version: '4.4.4'}}\n");
    let export = exported(&file, "nagios", &["iad2"], &[]);
    let nagios = nagios(export.path(), &package::plugin_dir(), "");
    wait_for_results(&nagios, "iad2", "");
    let cache = fs::read_to_string(&nagios.objects_cache).expect("read objects.cache");
    for line in [
        "\tcommand_line\t$USER1$/check-dummy 0 'a;b $$ARG1$$ !'\n",
        "\tdisplay_name\tT; $x$ `a` 'b' \"c\" <d> \\\n",
        "\tnotes\tW; $$5 $$$$ $$HOSTNAME$$ & | ! \\\n",
        "\tnotes_url\thttps://x/a%3Bb%27c#d\n",
        "\taction_url\thttps://x/?a=1&b=%242\n",
    ] {
        assert!(cache.contains(line), "{line} is not in\n{cache}");
    }
    // Nagios itself changes `;` in what a plugin said, so that the text is not compared.
    let status = fs::read_to_string(&nagios.status).expect("read status.dat");
    assert!(status.contains("plugin_output=DUMMY OK - a:b $ARG1$ !\n"), "{status}");
    let pulled =
        mdd(&file, &["--state", &state(&folder), "pull", "nagios", &nagios.status.to_string_lossy()]);
    assert!(pulled.stdout.contains("1 new result"), "{}{}", pulled.stdout, pulled.stderr);
}

fn state(folder: &TempDir) -> String {
    folder.path().join("history.db").to_string_lossy().into_owned()
}

/// What a run of mdd's own says at this moment, and what Nagios does: waits until they agree on `what`.
fn assert_agree(
    rehearsed: &Rehearsed,
    nagios: &Nagios,
    what: &str,
    is_so: impl Fn(&BTreeMap<String, (String, String)>) -> bool,
) {
    let status = nagios.status.to_string_lossy();
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    let agree = poll_until(WAIT * 2, || {
        run_now(nagios, "iad2");
        ours = states(&rehearsed.ask("run.db", &["run", "iad2", "--as", "paas-node"]));
        let pulled = rehearsed.mdd("pull.db", &["pull", "nagios", &status]);
        assert_eq!(pulled.code, Some(0), "{}{}", pulled.stdout, pulled.stderr);
        theirs = states(&rehearsed.ask("pull.db", &["status", "iad2"]));
        let settled = ours.values().all(|(state, _)| state != "settling");
        settled && ours == theirs && is_so(&ours)
    });
    assert!(agree, "{what}: mdd run says\n{ours:#?}\nand mdd pull\n{theirs:#?}");
}

/// The same through the CGIs, of which only who knows the password is told.
fn assert_cgi_agrees(rehearsed: &Rehearsed, nagios: &Nagios) {
    let server = nagios_cgi(nagios);
    let url = format!("http://127.0.0.1:{}/cgi", server.port());
    let folder = open_folder();
    let ask = |password: &str| {
        let file = folder.path().join("password");
        fs::write(&file, format!("{password}\n")).expect("write the password");
        let args = ["pull", "nagios", &url, "--user", "reader", "--password-file", &file.to_string_lossy()];
        rehearsed.mdd("cgi.db", &args)
    };
    let pulled = ask("s3cret pass");
    assert_eq!(pulled.code, Some(0), "{}{}", pulled.stdout, pulled.stderr);
    let theirs = states(&rehearsed.ask("cgi.db", &["status", "iad2"]));
    let said = format!("{}\n{theirs:#?}", pulled.stdout);
    assert!(theirs.len() == 16 && theirs.values().all(|(_, status)| status == "OK"), "{said}");
    let refused = ask("another");
    assert_eq!(refused.code, Some(5), "{}", refused.stdout);
    assert!(refused.stderr.contains("401") && !refused.stderr.contains("another"), "{}", refused.stderr);
}

#[test]
fn the_rehearsals_points_are_in_the_state_that_mdd_run_sees() {
    let rehearsed = Rehearsed::new();
    let folder = open_folder();
    fs::write(folder.path().join("stock.cfg"), STOCK).expect("write the stock commands");
    rehearsed.export("nagios", folder.path());
    assert_loads(&nagios_check(folder.path()), "the rehearsal");
    let nagios = nagios(folder.path(), &package::plugin_dir(), "");
    wait_for_results(&nagios, "iad2", "");
    assert_agree(&rehearsed, &nagios, "all up", |states| {
        states.len() == 16 && states.values().all(|(state, _)| state == "green")
    });
    assert_cgi_agrees(&rehearsed, &nagios);
    rehearsed.end("s3");
    assert_agree(&rehearsed, &nagios, "without object storage", |states| {
        ["red", "blocked", "green"].iter().all(|wanted| states.values().any(|(state, _)| state == wanted))
    });
}

/// The reference manifest's checks, most of whose programs or targets are not there.
#[test]
fn the_reference_manifests_points_are_in_the_state_that_mdd_run_sees() {
    let folder = open_folder();
    let file = folder.path().join("mdd.yaml");
    fs::write(&file, reference_on_loopback()).expect("write a manifest");
    let export = exported(&file, "nagios", &["iad2"], &[]);
    let plugins = package::plugin_dir();
    let nagios = nagios(export.path(), &plugins, "service_check_timeout=50");
    // It does harm when it fails.
    wait_for_results(&nagios, "iad2", "id-ldap");
    let state = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let ask = |name: &str, args: &[&str]| -> Value {
        let ran = Run::new(plugin("mdd"))
            .args([Path::new("--file"), &file, Path::new("--state"), Path::new(&state(name))])
            .args(args)
            .args(["--format", "json"])
            .env("MDD_PLUGIN_PATH", &plugins)
            .go();
        serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}{}", ran.stdout, ran.stderr))
    };
    let ours = ask("run.db", &["run", "iad2", "--as", "paas-node"]);
    ask("pull.db", &["pull", "nagios", &nagios.status.to_string_lossy()]);
    let theirs = ask("pull.db", &["status", "iad2"]);
    assert_eq!(ours["verdict"], theirs["datacenters"][0]["verdict"]);
    let (mut ours, mut theirs) = (states(&ours), states(&theirs));
    assert_eq!(ours.len(), 30);
    // Neither runs what does harm while it is blocked. mdd knows that it has left it out; of Nagios it has heard nothing.
    assert_eq!(ours.remove("id-ldap/"), Some(("blocked".into(), "skipped".into())));
    assert_eq!(theirs.remove("id-ldap/"), Some(("unknown".into(), String::new())));
    let text = fs::read_to_string(&nagios.status).expect("read status.dat");
    let block = text.split("servicestatus {").find(|block| block.contains("service_description=id-ldap\n"));
    assert!(block.is_some_and(|block| block.contains("has_been_checked=0\n")), "{block:?}");
    assert_eq!(ours, theirs);
}

#[test]
fn a_downtime_of_a_waiver_begins_and_is_shown() {
    let folder = open_folder();
    let mut points = String::new();
    point(&mut points, "bad", r#"check: [check-dummy, "2", "no"]"#);
    let (until, after) = (day(30), day(31));
    let waiver =
        format!("waivers: [{{point: bad, dc: iad2, until: {until}, reason: 'parts; by mail', by: alex}}]\n");
    let file = manifest(folder.path(), &points, &waiver);
    let export = exported(&file, "nagios", &["iad2"], &["--with-silences"]);
    let nagios = nagios(export.path(), &package::plugin_dir(), "");
    let silences = fs::read(export.path().join("iad2/silences.cmd")).expect("read the downtimes");
    wait_for_results(&nagios, "iad2", "");
    fs::write(&nagios.command_file, silences).expect("send them");
    let status = || fs::read_to_string(&nagios.status).unwrap_or_default();
    let shown = poll_until(WAIT, || status().contains("scheduled_downtime_depth=1"));
    assert!(shown, "{}{}", status(), nagios.server.log());
    let pulled =
        mdd(&file, &["--state", &state(&folder), "pull", "nagios", &nagios.status.to_string_lossy()]);
    let said = format!("in a downtime of Nagios by alex until {after}T00:00:00Z: parts, by mail");
    assert!(pulled.stdout.contains(&said), "{}{}", pulled.stdout, pulled.stderr);
    // What a later export no longer holds is deleted with the command that it gives.
    let plain = fs::read_to_string(&file).expect("read the manifest").replace(&waiver, "");
    fs::write(&file, plain).expect("write the manifest");
    let out = export.path().to_string_lossy().into_owned();
    let ran = mdd(&file, &["export", "nagios", "iad2", "--out", &out, "--with-silences"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let prune = fs::read_to_string(export.path().join("iad2/PRUNE")).expect("read what has gone");
    let delete = prune.lines().find(|line| line.contains("DEL_DOWNTIME")).expect("a command that deletes it");
    let delete = delete.replace("/var/lib/nagios4/rw/nagios.cmd", &nagios.command_file.to_string_lossy());
    assert_eq!(testkit::run("/bin/sh", ["-c", &delete]).code, Some(0));
    assert!(poll_until(WAIT, || !status().contains("scheduled_downtime_depth=1")), "{}", status());
}

/// After a reload Nagios remembers what it was told, though the command may be another by then.
#[test]
fn a_result_from_before_a_reload_is_not_the_new_checks() {
    let folder = open_folder();
    let mut points = String::new();
    point(&mut points, "one", r#"interval: 1h, ttl: 3h, check: [check-dummy, "0", "old"]"#);
    let file = manifest(folder.path(), &points, "");
    let export = exported(&file, "nagios", &["iad2"], &[]);
    let nagios = nagios(export.path(), &package::plugin_dir(), "retain_state_information=1");
    wait_for_results(&nagios, "iad2", "");
    let changed = fs::read_to_string(&file).expect("read the manifest").replace("old", "new");
    fs::write(&file, changed).expect("write the manifest");
    let out = export.path().to_string_lossy().into_owned();
    assert_eq!(mdd(&file, &["export", "nagios", "iad2", "--out", &out]).code, Some(0));
    let pull =
        || mdd(&file, &["--state", &state(&folder), "pull", "nagios", &nagios.status.to_string_lossy()]);
    let before = pull();
    assert!(before.stdout.contains("export is out of date"), "{}", before.stdout);
    let pid = i32::try_from(nagios.server.pid()).expect("a pid");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGHUP)
        .expect("reload");
    let waits = poll_until(WAIT, || {
        let after = pull();
        assert!(!after.stdout.contains("1 of 1 proven"), "{}", after.stdout);
        after.stdout.contains("not run yet: iad2/one")
    });
    assert!(waits, "{}{}", pull().stdout, nagios.server.log());
    wait_for_results(&nagios, "iad2", "");
    assert!(pull().stdout.contains("1 of 1 proven"), "{}", pull().stdout);
}

#[test]
fn an_export_that_nagios_cannot_be_given_is_refused() {
    let folder = open_folder();
    let mut points = String::new();
    point(&mut points, "semicolon", r#"check: [check-dummy, "0", "a;b"]"#);
    point(&mut points, "newline", r#"check: [check-dummy, "0", "a\nb"]"#);
    let file = manifest(folder.path(), &points, "");
    let out = folder.path().join("out");
    let args = ["export", "nagios", "iad2", "--out", &out.to_string_lossy()];
    let ran = mdd(&file, &args);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    for line in ["semicolon: argument 2 holds `;`", "newline: argument 2 holds a newline", "--style exec"] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
    assert!(!out.exists());
    let ran = mdd(&file, &[&args[..], &["--style", "exec"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(nagios_check(&out).code != Some(0), "the stock commands are missing");
    fs::write(out.join("stock.cfg"), STOCK).expect("write the stock commands");
    assert_loads(&nagios_check(&out), "exec");
}

/// One definition of a file, without the blanks that align it.
fn definition(text: &str, wanted: &[&str]) -> Option<String> {
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let blocks =
        text.split("\ndefine ").map(|block| block.lines().map(squeeze).collect::<Vec<_>>().join("\n"));
    blocks.into_iter().find(|block| wanted.iter().all(|line| block.lines().any(|one| one == *line)))
}

/// Two vantage points, one of which is the server; points that wait for every kind of thing.
const TANGLED: &str = "mdd: 1\nplatform: {id: quay, title: Quay, owner: paas}\n\
        teams: {paas: {name: Platform, email: paas@example.net}, netops: {name: Network, oncall: https://pager.example.net/n}}\n\
        milestones: {core: {title: Core}}\n\
        datacenters:\n  iad2: {title: Ashburn 2, stage: live}\n  ams1: {title: Amsterdam 1, stage: live}\n  old1: {title: Old, stage: retired}\n\
        programs: [check-*]\nvantages: {node: {owner: paas, milestone: core}, builder: {owner: netops, milestone: core}}\n\
        engines: {nagios: {vantage: node}, history: builder}\n\
        defaults: {interval: 90s, timeout: 70s, stable: 0s, subscription: node}\n\
        groups: {g: {title: G, owner: paas}, n: {title: N, owner: netops}}\npoints:\n\
        \x20 a: {group: g, milestone: core, title: T, why: W, check: [check-dummy, '0']}\n\
        \x20 b: {group: g, milestone: core, title: T, why: W, for_each: {k: [x, y]}, require: any, check: [check-dummy, '0', '${k}']}\n\
        \x20 c: {group: n, milestone: core, title: T, why: W, depends_on: [a, ams1/a], check: [check-dummy, '0']}\n\
        \x20 d: {group: n, milestone: core, title: T, why: W, depends_on: [a, b], when_blocked: skip, check: [check-dummy, '0']}\n\
        \x20 e: {group: g, milestone: core, title: T, why: W, depends_on: ['group:n', away], check: [check-dummy, '0']}\n\
        \x20 away: {group: n, milestone: core, title: T, why: W, subscription: builder, check: [check-dummy, '0']}\n";

#[test]
fn dependencies_owners_and_vantage_points_are_told_as_far_as_nagios_can_be() {
    let folder = open_folder();
    let file = folder.path().join("mdd.yaml");
    fs::write(&file, TANGLED).expect("write a manifest");
    let out = folder.path().join("out").to_string_lossy().into_owned();
    let ran = mdd(&file, &["export", "nagios", "iad2", "--out", &out]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for note in [
        "c: Nagios is not told that it waits for ams1/a",
        "d: Nagios is not told that it waits for b, of which not every instance has to be OK",
        "e: Nagios is not told that it waits for away, which this server does not run",
        "left out, because this server is node and they are from elsewhere: 1; `mdd export nrpe iad2`",
        "service_check_timeout=75 or more",
        "without an email, which notify-service-by-email uses: netops",
    ] {
        assert!(ran.stdout.contains(note), "`{note}` is not in\n{}", ran.stdout);
    }
    let services =
        fs::read_to_string(folder.path().join("out/iad2/services.cfg")).expect("read the services");
    let contacts =
        fs::read_to_string(folder.path().join("out/iad2/contacts.cfg")).expect("read the contacts");
    for (text, wanted) in [
        (
            &services,
            &[
                "service_description a",
                "dependent_service_description c",
                "execution_failure_criteria n",
                "notification_failure_criteria u,c",
            ][..],
        ),
        (
            &services,
            &["service_description a", "dependent_service_description d", "execution_failure_criteria u,c"],
        ),
        (&services, &["service_description c,d", "dependent_service_description e"]),
        (
            &services,
            &[
                "service_description a",
                "check_interval 1.5",
                "retry_interval 1.5",
                "notifications_enabled 0",
                "contact_groups mdd_iad2_paas",
            ],
        ),
        (&services, &["service_description b_x", "_MDD_INSTANCE x", "_MDD_POINT b"]),
        (
            &services,
            &[
                "service_description mdd_alerts_netops",
                "contact_groups mdd_iad2_netops",
                "notifications_enabled 1",
            ],
        ),
        (
            &services,
            &[
                "command_name mdd_iad2_mdd_alerts_netops",
                "command_line /usr/bin/mdd status iad2 owner:netops --alerts --format nagios --file /etc/mdd/mdd.yaml --state /var/lib/mdd/history.db",
            ],
        ),
        (
            &contacts,
            &[
                "contact_name mdd_iad2_netops",
                "pager https://pager.example.net/n",
                "service_notification_commands notify-service-by-email",
            ],
        ),
        (&contacts, &["contact_name mdd_iad2_paas", "email paas@example.net"]),
    ] {
        assert!(definition(text, wanted).is_some(), "{wanted:?} is not in\n{text}");
    }
    for unwanted in [&["service_description away"], &["dependent_service_description a"]] {
        assert!(definition(&services, unwanted).is_none(), "{unwanted:?}");
    }
    let loud = mdd(&file, &["export", "nagios", "iad2", "--out", &out, "--alerts", "points"]);
    assert_eq!(loud.code, Some(0), "{}", loud.stderr);
    let services =
        fs::read_to_string(folder.path().join("out/iad2/services.cfg")).expect("read the services");
    assert!(definition(&services, &["service_description a", "notifications_enabled 1"]).is_some());
    assert!(!services.contains("mdd_alerts_"));
}

#[test]
fn a_server_that_is_a_vantage_point_asks_the_others_through_nrpe() {
    let folder = open_folder();
    let file = folder.path().join("mdd.yaml");
    fs::write(&file, TANGLED).expect("write a manifest");
    let out = folder.path().join("out-nrpe").to_string_lossy().into_owned();
    let ran = mdd(&file, &["export", "nrpe", "iad2", "old1", "--out", &out]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("old1 is retired: nothing is exported"), "{}", ran.stdout);
    let services = fs::read_to_string(folder.path().join("out-nrpe/iad2/server/services.cfg"))
        .expect("read the services");
    let roll_up = "command_line $USER1$/check_nrpe -H builder -t 25:UNKNOWN -c mdd_iad2_mdd_alerts_netops";
    for wanted in [
        &["host_name iad2", "service_description a"][..],
        &["host_name iad2_builder", "service_description away"],
        &["host_name iad2_builder", "address builder", "check_command mdd-alive_iad2_builder"],
        &["host_name iad2", "service_description mdd_alerts_netops"],
        &["command_name mdd_iad2_mdd_alerts_netops", roll_up],
    ] {
        assert!(definition(&services, wanted).is_some(), "{wanted:?} is not in\n{services}");
    }
    let files = fs::read_dir(folder.path().join("out-nrpe/iad2/agents")).expect("read the agents' files");
    let names: Vec<_> = files.map(|file| file.expect("read the folder").file_name()).collect();
    assert_eq!(names, ["builder.cfg"]);
    assert!(!folder.path().join("out-nrpe/old1/server").exists());
}

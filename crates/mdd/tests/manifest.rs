//! The commands around the manifest, run as a user runs them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// A time at which the waiver of the reference is in force.
const THEN: &str = "2026-11-22T21:40:00Z";

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reference.yaml")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdd"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Exit code, standard output, standard error.
fn outcome(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn mdd(arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(command(arguments).output().unwrap())
}

/// `mdd` on the reference.
fn on_reference(arguments: &[&str]) -> (Option<i32>, String, String) {
    let path = reference();
    mdd(&[arguments, &["--at", THEN, "--file", path.to_str().unwrap()]].concat())
}

/// The reference with replacements, in a folder of its own.
fn changed(replacements: &[(&str, &str)]) -> (tempfile::TempDir, String) {
    let mut text = fs::read_to_string(reference()).unwrap();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mdd.yaml"), text).unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn the_reference_is_valid_and_counted() {
    let path = reference().display().to_string();
    let (code, stdout, stderr) = on_reference(&["validate"]);
    let expected = format!(
        "{path}: 27 points, 14 groups, 9 teams, 3 datacenters → 86 checks\n\
         warning: 23 of 27 points have no `need` (dns-external, dns-apps-wildcard, dns-reverse, …)\n      \
         = `mdd validate -v` names them all\n\
         warning: 26 of 27 points have no `prove`: nothing shows yet that they can go red\n\
         ok (2 warnings)\n"
    );
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), expected.as_str(), ""));
    assert_eq!(on_reference(&["validate", "-q"]), (Some(0), String::new(), String::new()));
    let (_, all, _) = on_reference(&["validate", "-v"]);
    assert!(all.ends_with("\nok (24 warnings)\n"), "{all}");
    let (_, ascii, _) = on_reference(&["validate", "--ascii"]);
    assert!(ascii.is_ascii(), "{ascii}");
    let (code, strict, _) = on_reference(&["validate", "--strict"]);
    assert_eq!(code, Some(2));
    assert!(strict.contains("nfs-home has no `need`; the ticket to Storage will have no text\n"), "{strict}");
    assert!(strict.ends_with("\n23 errors, 1 warning\n"), "{strict}");
}

#[test]
fn contradictions_of_dates_are_found_in_the_reference_too() {
    let (_folder, path) = changed(&[(
        "  s3-roundtrip:\n    group: storage\n    milestone: core",
        "  s3-roundtrip:\n    group: storage\n    milestone: data",
    )]);
    let (code, stdout, stderr) = mdd(&["validate", "-f", &path, "--at", THEN]);
    assert_eq!((code, stderr.as_str()), (Some(2), ""));
    let wanted = "iad2: registry-api is due at core (2026-11-27) but depends on s3-roundtrip, due at data \
                  (2026-12-04) (also in sin1)\n";
    assert!(stdout.starts_with(&format!("error: {path}/mdd.yaml:260:43  {wanted}")), "{stdout}");
}

#[test]
fn every_format_says_the_same() {
    let (_folder, path) = changed(&[("  proxy: http://egress.${domain}:3128\n", "")]);
    let file = format!("{path}/mdd.yaml");
    let message = "`proxy` is not set in any datacenter (used by net-egress, argument 4: --proxy \"${proxy}\"; and 1 other)";
    let (code, stdout, _) = mdd(&["validate", "-f", &path, "--at", THEN, "--format", "json"]);
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &found["ok"], &found["manifest"]), (Some(2), &json!(false), &json!(file)));
    assert_eq!(
        found["counts"],
        json!({"points": 27, "groups": 14, "teams": 9, "datacenters": 3, "checks": 86})
    );
    let first = json!({
        "level": "error",
        "message": message,
        "fix": "add it to vars, or to the vars of every datacenter",
        "at": {"file": file, "line": 166, "column": 65},
        "against": null,
    });
    assert_eq!(found["problems"][0], first);
    let (code, stdout, _) = mdd(&["validate", "-f", &path, "--at", THEN, "--format", "github"]);
    let line = format!(
        "::error file={file},line=166,col=65::{message}%0Aadd it to vars, or to the vars of every datacenter"
    );
    assert_eq!((code, stdout.lines().next()), (Some(2), Some(line.as_str())));
}

#[test]
fn waivers_and_secrets_are_watched() {
    let at = |time: &str| {
        let path = reference();
        mdd(&["validate", "--at", time, "-f", path.to_str().unwrap()])
    };
    let (code, stdout, _) = at("2026-12-03");
    assert_eq!(code, Some(0));
    assert!(stdout.contains("the waiver of net-mtu in iad2 ended 2 days ago"), "{stdout}");
    let (code, stdout, _) = at("2026-08-01");
    assert_eq!(code, Some(2));
    assert!(stdout.contains("net-mtu in iad2 is waived for 122 days, the longest is 90"), "{stdout}");

    let (_folder, path) = changed(&[("--starttls, --from", "--password, hunter2, --from")]);
    let (code, stdout, _) = mdd(&["validate", "-f", &path, "--at", THEN]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("`--password` puts a secret on the command line"), "{stdout}");
}

#[test]
fn this_machine_lacks_programs_and_secrets_until_it_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(folder.path().join("mdd.yaml"), format!(
        "mdd: 1\nplatform: {{id: p, title: P, owner: t}}\nteams: {{t: {{name: T}}}}\nmilestones: {{m: {{title: M}}}}\n\
         datacenters: {{d: {{title: D}}}}\nvantages: {{here: {{}}, there: {{}}}}\ndefaults: {{subscription: here}}\n\
         groups: {{g: {{title: G, owner: t}}}}\nsecrets: {{s: {{file: {}}}}}\npoints:\n  x:\n    group: g\n\
         \x20   milestone: m\n    title: T\n    why: W\n    check: [check-is-there, --password-file, '${{secret.s}}']\n",
        secret.display()
    )).unwrap();
    let path = folder.path().to_str().unwrap();
    let here = |more: &[&str]| {
        let (code, stdout, _) =
            mdd(&[&["validate", "--here", "-q", "-f", path, "--plugin-dir", path], more].concat());
        let heads: Vec<String> = stdout
            .lines()
            .filter(|line| line.starts_with("error"))
            .filter_map(|line| Some(line.split_once("  ")?.1.replace(path, "DIR")))
            .collect();
        (code, heads)
    };
    let lacking = "`check-is-there` is not installed here (used by x)".to_owned();
    let missing = "secret `s`: DIR/secret: no such file".to_owned();
    assert_eq!(here(&[]), (Some(2), vec![missing, lacking.clone()]));
    assert_eq!(here(&["--as", "there"]), (Some(0), vec![]));
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    let open = "secret `s`: DIR/secret has mode 0644, others can use it".to_owned();
    assert_eq!(here(&[]), (Some(2), vec![open, lacking]));
    fs::set_permissions(&secret, Permissions::from_mode(0o640)).unwrap();
    let program = folder.path().join("check-is-there");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(here(&["--dc", "d"]), (Some(0), vec![]));
}

#[test]
fn a_list_shows_chosen_points_and_columns() {
    let (code, stdout, _) = on_reference(&["list", "group:databases,brokers", "!id:*-replica"]);
    let expected = "\
POINT       GROUP      OWNER  MILESTONE  DATACENTERS     CHECKS  TITLE
pg-primary  databases  data   data       ams1 iad2 sin1  3       The control database accepts writes
mq-publish  brokers    data   data       ams1 iad2 sin1  3       A message can be published and consumed
";
    assert_eq!((code, stdout.as_str()), (Some(0), expected));

    let arguments = ["list", "--dc", "sin1", "--columns", "point,checks,depends-on,program", "--format"];
    let (_, csv, _) = on_reference(&[&arguments[..], &["csv", "severity:minor"]].concat());
    assert_eq!(
        csv,
        "point,checks,depends_on,program\ndns-reverse,1,dns-internal,check-dns\nmail-relay,1,dns-reverse,check-smtp\n"
    );
    let (_, found, _) = on_reference(&[&arguments[..], &["json", "id:dns-internal"]].concat());
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        found,
        json!([{"point": "dns-internal", "checks": 1, "depends_on": [], "program": "check-dns"}])
    );

    let (_, tree, _) = on_reference(&["list", "--tree", "--ascii", "group:databases,network"]);
    let expected = "\
net-egress     netops  Nodes reach the internet through the proxy
net-mtu        netops  Full-size packets pass between racks
net-interdc    netops  The peer datacenter's control plane is reachable
pg-primary     data    The control database accepts writes
`- pg-replica  data    The replica follows within ten seconds
";
    assert_eq!(tree, expected);
}

#[test]
fn a_command_is_shown_as_a_shell_reads_it() {
    let (code, stdout, _) = on_reference(&["show", "iad2/metrics-query", "--as", "sh"]);
    let expected = "check-http --url \
        'https://metrics.iad2.example.net/api/v1/query?query=count(up{dc=\"iad2\"}==1)' --timeout 8s --json-path \
        '$.data.result[0].value[1]' --critical 3:\n";
    assert_eq!((code, stdout.as_str()), (Some(0), expected));
    let (_, both, _) = on_reference(&["show", "iad2/ntp-offset", "--as", "sh"]);
    assert_eq!(both.lines().count(), 2);
    let (_, one, _) = on_reference(&["show", "iad2/ntp-offset/10.20.1.123", "--as", "sh"]);
    assert_eq!(one, "check-ntp --host 10.20.1.123 --warning 250ms --critical 2s\n");
    let (_, page, _) = on_reference(&["show", "iad2/net-mtu"]);
    for line in [
        "iad2/net-mtu  Full-size packets pass between racks\n",
        "  owner       Network, #netops, https://pager.example.net/netops, https://tickets.example.net/NET\n",
        "  milestone   network, due 2026-11-20\n",
        "  waits for   dns-internal\n",
        "  waived      to 2026-12-01 by alex, https://tickets.example.net/NET-4411: Jumbo frames wait",
        "  runs        from paas-node every 1m, timeout 10s, ttl 3m, stable 15m\n",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[test]
fn why_needs_no_history() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("history.db");
    let (code, stdout, stderr) =
        on_reference(&["show", "iad2/net-mtu", "--why", "--state", state.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("blocked: its vantage point has never reported\n"), "{stdout}");
}

#[test]
fn wrong_usage_is_told_on_standard_error_and_exits_2() {
    for (arguments, message) in [
        (&["list", "grp:dns"][..], "error: selector `grp:dns`: unknown key `grp`; known: "),
        (&["list", "group:nothing"], "error: no point matches `group:nothing`\n"),
        (&["list", "state:red"], "error: selector `state:…`: a list knows no states"),
        (&["show", "iad2"], "error: `iad2`: expected DC/POINT"),
        (&["show", "iad3/net-mtu"], "error: there is no datacenter `iad3`\n      = did you mean `iad2`?\n"),
        (&["show", "iad2/net-mtv"], "error: there is no point `net-mtv` in iad2; did you mean `net-mtu`?\n"),
        (&["show", "iad2/net-mtu/x"], "error: `iad2/net-mtu/x`: there is no such instance"),
        (&["list", "--set", "domian=x"], "error: --set domian=…: there is no variable `domian`\n"),
        (
            &["list", "--set", "domain"],
            "error: invalid value 'domain' for '--set <NAME=VALUE>': expected NAME=VALUE",
        ),
        (&["list", "--tree", "--format", "csv"], "error: the argument '--tree' cannot be used with"),
        (&["validate", "--here", "--dc", "x"], "error: --dc x: there is no such datacenter\n"),
        (&["nothing"], "error: unrecognized subcommand 'nothing'"),
    ] {
        let (code, stdout, stderr) = on_reference(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with(message), "{arguments:?}: {stderr}");
    }
    let (code, _, stderr) = mdd(&["list", "-f", "/nonexistent/mdd.yaml"]);
    let expected = "error: read /nonexistent/mdd.yaml: no such file (`mdd init` writes a first manifest)\n";
    assert_eq!((code, stderr.as_str()), (Some(2), expected));
    let (code, stdout, _) = mdd(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("Usage: mdd [OPTIONS] <COMMAND>"), "{stdout}");
}

#[test]
fn the_manifest_is_found_by_flag_environment_and_folder() {
    let (folder, path) = changed(&[]);
    let run = |command: &mut Command| outcome(command.output().unwrap());
    let (code, by_environment, _) = run(command(&["list"]).env("MDD_FILE", &path));
    assert_eq!(code, Some(0));
    let (_, by_folder, _) = run(command(&["list"]).current_dir(folder.path()));
    let (_, by_flag, _) = run(command(&["list", "-f", &path]).env("MDD_FILE", "/nonexistent"));
    assert_eq!((&by_environment, &by_environment), (&by_folder, &by_flag));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = command(&["schema"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_init_writes_is_valid_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let dir = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, more) in [("small", &[][..]), ("large", &["--example"])] {
        let (code, stdout, _) = mdd(&[&["init", &dir(name)], more].concat());
        assert_eq!(code, Some(0));
        assert!(stdout.contains("/mdd.yaml: written; next: edit it"), "{stdout}");
        let (code, stdout, _) = mdd(&["validate", "--strict", "-f", &dir(name), "--at", THEN]);
        assert_eq!(code, Some(0), "{stdout}");
        let before = fs::read_to_string(folder.path().join(name).join("mdd.yaml")).unwrap();
        let (code, _, stderr) = mdd(&["init", &dir(name)]);
        assert_eq!(code, Some(2));
        assert!(stderr.ends_with("/mdd.yaml exists already; it is left as it is\n"), "{stderr}");
        assert_eq!(fs::read_to_string(folder.path().join(name).join("mdd.yaml")).unwrap(), before);
    }
}

#[test]
fn a_new_datacenter_has_the_names_of_an_old_one_and_no_values() {
    let (_folder, path) = changed(&[("mdd: 1\n", "mdd: 1\ninclude: [dc/*.yaml]\n")]);
    // A pattern that matches nothing is a mistake, so the first file has to be there.
    let (code, _, stderr) = mdd(&["init", &path, "--from", "sin1", "--dc", "lon1"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("no file matches `dc/*.yaml`"), "{stderr}");
    let (folder, path) = changed(&[]);
    let (code, stdout, _) = mdd(&["init", &path, "--from", "sin1", "--dc", "lon1"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("next: add `include: [dc/*.yaml]` to the manifest"), "{stdout}");
    let written = fs::read_to_string(folder.path().join("dc/lon1.yaml")).unwrap();
    let expected = "\
# After sin1. ~ means not known yet: points that need the value wait for it.
datacenters:
  lon1:
    title: lon1
    stage: planned
    due:
      network: ~                # sin1: 2027-02-01
      core: ~                   # sin1: 2027-02-12
      data: ~                   # sin1: 2027-02-19
      done: ~                   # sin1: 2027-03-01
    vars:
      domain: ~                 # sin1: sin1.example.net
      resolvers: ~              # sin1: [10.30.0.53]
      ntp: ~                    # sin1: [10.30.0.123]
      ingress_vip: ~            # sin1: 10.30.8.10
      peer: ~                   # sin1: ams1
      dns_warn_ms: ~            # sin1: 80
";
    assert_eq!(written, expected);
    let manifest = folder.path().join("mdd.yaml");
    let text =
        fs::read_to_string(&manifest).unwrap().replacen("mdd: 1\n", "mdd: 1\ninclude: [dc/*.yaml]\n", 1);
    fs::write(&manifest, text).unwrap();
    let (code, stdout, _) = mdd(&["validate", "-f", &path, "--at", THEN]);
    assert_eq!(code, Some(0), "{stdout}");
    let (_, page, _) = mdd(&["show", "-f", &path, "lon1/dns-internal"]);
    assert!(
        page.ends_with("  missing     waits for the value of dns_warn_ms, domain, resolvers\n"),
        "{page}"
    );
    let (code, _, stderr) = mdd(&["init", &path, "--from", "sin1", "--dc", "lon1"]);
    assert_eq!((code, stderr.as_str()), (Some(2), "error: --dc lon1: there is such a datacenter already\n"));
}

/// The part of JSON Schema that ours uses.
fn fits(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(target) = schema["$ref"].as_str() {
        let target = root.pointer(target.trim_start_matches('#')).ok_or(format!("no {target}"))?;
        return fits(root, target, value);
    }
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let tried: Vec<_> = choices.iter().map(|choice| fits(root, choice, value)).collect();
        if tried.iter().any(Result::is_ok) {
            return Ok(());
        }
        return Err(format!("{value} fits none: {tried:?}"));
    }
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) { Ok(()) } else { Err(format!("{value} is not in {words:?}")) };
    }
    if let Some(word) = schema.get("const") {
        return if word == value { Ok(()) } else { Err(format!("{value} is not {word}")) };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<&Value> =
        schema["type"].as_array().map_or(vec![&schema["type"]], |types| types.iter().collect());
    if !types.contains(&&json!(kind)) {
        return Err(format!("{value} is {kind}, wanted {types:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(root, &schema["items"], item)?;
    }
    let Some(object) = value.as_object() else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten() {
        object.get(name.as_str().unwrap_or("")).ok_or(format!("{name} is missing"))?;
    }
    for (key, value) in object {
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false))
                if key.starts_with("x-") && schema["patternProperties"]["^x-"] == true => {}
            (Value::Null, Value::Bool(false)) => return Err(format!("{key} is unknown")),
            (Value::Null, open) => fits(root, open, value).map_err(|error| format!("{key}: {error}"))?,
            (property, _) => fits(root, property, value).map_err(|error| format!("{key}: {error}"))?,
        }
    }
    Ok(())
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let (code, schema, _) = mdd(&["schema"]);
    assert_eq!(code, Some(0));
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let folder = tempfile::tempdir().unwrap();
    mdd(&["init", "--example", folder.path().to_str().unwrap()]);
    for path in [reference(), folder.path().join("mdd.yaml")] {
        let text = fs::read_to_string(&path).unwrap();
        let good: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(fits(&schema, &schema, &good), Ok(()), "{}", path.display());
        for (pointer, value) in [
            ("/points/dns-internal/milestnoe", json!("x")),
            ("/points/dns-internal/why", json!(null)),
            ("/points/dns-internal/check", json!(["check-x", 443])),
            ("/datacenters", json!([])),
            ("/vars/x", json!(1.5)),
            ("/mdd", json!("1")),
        ] {
            let mut bad = good.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            bad.pointer_mut(parent).unwrap()[key] = value;
            assert!(fits(&schema, &schema, &bad).is_err(), "{pointer}");
        }
    }
}

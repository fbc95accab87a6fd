//! Literal manifests, and all that is said about them.

use std::path::Path;

use super::*;
use crate::plan::Dependency;

/// A manifest that holds together, to be broken.
const SMALL: &str = r#"mdd: 1
platform: {id: quay, title: Quay, owner: paas}
teams: {paas: {name: Platform}, net: {name: Network}}
milestones: {early: {title: Early}, late: {title: Late}}
datacenters:
  iad2: {title: Ashburn, due: {early: 2026-11-20, late: 2026-12-11}, vars: {domain: iad2.example.net, ns: [10.0.0.1, 10.0.0.2]}}
  sin1: {title: Singapore, vars: {domain: sin1.example.net, ns: [10.1.0.1]}}
vantages: {node: {milestone: early}}
defaults: {subscription: node}
groups: {dns: {title: DNS, owner: net}, app: {title: Apps, owner: paas}}
points:
  names:
    group: dns
    milestone: early
    title: Names resolve
    why: Nothing starts without.
    for_each: {server: "${ns}"}
    check: [check-dns, --server, "${server}", --name, "api.${domain}"]
  api:
    group: app
    milestone: late
    title: The API answers
    why: All use it.
    depends_on: [names]
    check: [check-http, --url, "https://api.${domain}/"]
"#;

/// Loads texts as files, the first as `mdd.yaml`; the manifest, or all that is said with paths cut to names.
fn load_files(files: &[(&str, &str)]) -> Result<Manifest, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let said = |problems: Vec<Diagnostic>| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        all.join("\n").replace(&format!("{}/", folder.path().display()), "")
    };
    let (manifest, mut problems) = read(&folder.path().join("mdd.yaml"), &[]).map_err(said)?;
    problems.extend(check::references(&manifest));
    let datacenters = manifest.document.datacenters.iter();
    let resolved: Vec<_> =
        datacenters.map(|(dc, datacenter)| resolve::resolve(&manifest, dc, datacenter)).collect();
    problems.extend(check::datacenters(&manifest, &resolved));
    let problems = sorted(problems);
    if problems.is_empty() { Ok(manifest) } else { Err(said(problems)) }
}

/// The small manifest with replacements: what is said about it.
fn said(replacements: &[(&str, &str)]) -> String {
    let mut text = SMALL.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    load_files(&[("mdd.yaml", &text)]).err().unwrap_or_default()
}

#[test]
fn the_reference_holds_together() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reference.yaml");
    let manifest = load(&path, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut checks = 0;
    for dc in manifest.datacenters() {
        let plan = manifest.plan(dc).unwrap_or_else(|problems| panic!("{problems:#?}"));
        checks += plan.points.iter().map(|point| point.instances.len()).sum::<usize>();
    }
    assert_eq!(checks, 86);
}

/// Wraps messages of one line each: what is said, without snippets.
fn heads(replacements: &[(&str, &str)]) -> Vec<String> {
    said(replacements).lines().filter(|line| line.starts_with("error")).map(str::to_owned).collect()
}

#[test]
fn the_small_one_holds_together() {
    assert_eq!(said(&[]), "");
}

#[test]
fn everything_is_said_at_once_with_its_place_and_fix() {
    let shown = said(&[
        ("group: app\n", "group: ap\n    milestnoe: early\n    milestone: early\n"),
        ("    why: All use it.\n", ""),
        ("--url, \"https://api.${domain}/\"", "--url, \"https://${domian}/\", -p, 443, -w, 1.10, yes"),
    ]);
    assert_eq!(
        shown,
        r#"error: mdd.yaml:19:3  api has no `why`
   19 |   api:
      |   ^ add why: …
error: mdd.yaml:20:12  there is no group `ap`
   20 |     group: ap
      |            ^ did you mean `app`?
error: mdd.yaml:21:5  unknown key `milestnoe`
   21 |     milestnoe: early
      |     ^ did you mean `milestone`?
error: mdd.yaml:23:5  `milestone` is given twice
   22 |     milestone: early
   23 |     milestone: late
      |     ^ remove one
error: mdd.yaml:26:58  unquoted `443` is a number to YAML, text is wanted
   26 |     check: [check-http, --url, "https://${domian}/", -p, 443, -w, 1.10, yes]
      |                                                          ^ write "443"
error: mdd.yaml:26:67  unquoted `1.10` is a number to YAML, text is wanted
   26 |     check: [check-http, --url, "https://${domian}/", -p, 443, -w, 1.10, yes]
      |                                                                   ^ write "1.10"
error: mdd.yaml:26:73  unquoted `yes` is true or false to YAML, text is wanted
   26 |     check: [check-http, --url, "https://${domian}/", -p, 443, -w, 1.10, yes]
      |                                                                         ^ write "yes""#
    );
}

#[test]
fn an_unset_variable_names_the_datacenter_its_use_and_its_way() {
    assert_eq!(
        said(&[("domain: sin1.example.net, ", "")]),
        r#"error: mdd.yaml:7:3  `domain` is not set in sin1 (used by names, argument 4: --name "api.${domain}"; and 1 other)
    7 |   sin1: {title: Singapore, vars: {ns: [10.1.0.1]}}
      |   ^ add `domain: …` to its vars; ~ when it is not known yet
   18 |     check: [check-dns, --server, "${server}", --name, "api.${domain}"]"#
    );
    assert_eq!(
        said(&[("vantages:", "vars: {host: \"${nmae}\"}\nvantages:"), ("https://api.${domain}/", "${host}")]),
        r#"error: mdd.yaml:26:32  `nmae` is not set in any datacenter (used by api, argument 2: --url "${host}", through `host`)
   26 |     check: [check-http, --url, "${host}"]
      |                                ^ add it to vars, or to the vars of every datacenter"#
    );
    assert_eq!(
        said(&[("title: The API answers", "title: \"${domian} answers\"")]),
        r#"error: mdd.yaml:22:12  `domian` is not set in any datacenter (used by api, `title`)
   22 |     title: "${domian} answers"
      |            ^ did you mean `domain`?"#
    );
}

#[test]
fn a_circle_of_variables_is_said_where_it_is_made() {
    assert_eq!(
        said(&[("domain: sin1.example.net", "domain: \"${a}\", a: \"x${domain}\"")]),
        r#"error: mdd.yaml:7:35  variables go round in a circle: domain → a → domain (names, argument 4: --name "api.${domain}")
    7 |   sin1: {title: Singapore, vars: {domain: "${a}", a: "x${domain}", ns: [10.1.0.1]}}
      |                                   ^ give one of them a value of its own"#
    );
}

#[test]
fn dependencies_exist_do_not_circle_and_come_first() {
    let depends = |list: &str| heads(&[("depends_on: [names]", &format!("depends_on: {list}"))]);
    assert_eq!(
        depends("[name, 'group:dn', sin1/names, iad3/names]"),
        [
            "error: mdd.yaml:24:18  there is no point `name`",
            "error: mdd.yaml:24:24  there is no group `dn`",
            "error: mdd.yaml:24:48  there is no datacenter `iad3`",
        ]
    );
    assert_eq!(depends("['group:app']"), ["error: mdd.yaml:24:18  points wait for each other: api → api"]);
    assert_eq!(
        heads(&[("for_each:", "depends_on: ['iad2/api']\n    for_each:"), ("early: 2026-11-20, ", "")]),
        ["error: mdd.yaml:17:18  points wait for each other: api → names → api"]
    );
    assert_eq!(
        heads(&[
            ("depends_on: [names]", "depends_on: [sin1/names]\n    only: [iad2]"),
            ("for_each", "except: [sin1]\n    for_each")
        ]),
        ["error: mdd.yaml:25:18  names is not checked in sin1"]
    );
    assert_eq!(
        heads(&[
            ("milestone: early\n    title", "milestone: late\n    title"),
            ("milestone: late\n    title: The", "milestone: early\n    title: The")
        ]),
        [
            "error: mdd.yaml:24:18  iad2: api is due at early (2026-11-20) but depends on names, due at late (2026-12-11)"
        ]
    );
    assert_eq!(
        heads(&[
            ("{milestone: early}}", "{milestone: late}}"),
            ("{title: Singapore,", "{title: Singapore, due: {early: 2026-11-01, late: 2026-11-02},")
        ]),
        [
            "error: mdd.yaml:12:3  iad2: names is due at early (2026-11-20) but its vantage point node is due at late (2026-12-11) (also in sin1)"
        ]
    );
}

#[test]
fn names_have_to_exist() {
    for (from, to, expected) in [
        ("owner: paas}\nteams", "owner: pass}\nteams", "2:42  there is no team `pass`"),
        ("title: DNS, owner: net}", "title: DNS}", "12:3  names has no owner, nor has its group dns"),
        ("milestone: early\n", "milestone: soon\n", "14:16  there is no milestone `soon`"),
        ("    milestone: early\n", "", "12:3  names has neither milestone nor expected_by"),
        ("{subscription: node}", "{subscription: nod}", "9:26  there is no vantage `nod`"),
        (
            "defaults: {subscription: node}",
            "defaults: {}",
            "12:3  names does not say from where it is checked",
        ),
        ("due: {early", "due: {never", "6:32  there is no milestone `never`"),
        ("depends_on: [names]", "use: http", "25:13  api has both use and check"),
        ("for_each", "only: [iad3]\n    for_each", "17:12  there is no datacenter `iad3`"),
        (
            "for_each",
            "only: [iad2]\n    except: [sin1]\n    for_each",
            "18:14  names has both only and except",
        ),
        ("  names:\n", "  Names_1:\n", "12:3  `Names_1` cannot be the id of a point"),
        ("domain: iad2", "dc: iad2", "6:77  `dc` is set by mdd"),
        (
            "    group: app",
            "    was: names\n    group: app",
            "20:10  `was: names` names a point that still exists",
        ),
        ("    group: app", "    require: any\n    group: app", "20:14  api has require without for_each"),
        (
            "${server}",
            "${secret.x}",
            "18:34  there is no secret `x` (names, argument 2: --server \"${secret.x}\")",
        ),
        ("vantages", "secrets: {x: {}}\nvantages", "8:11  secret `x` has neither file nor env"),
        ("vantages", "secrets: {x: {file: a/b}}\nvantages", "8:21  secret x has the relative path `a/b`"),
        ("[check-http", "[/usr/bin/check-http", "25:13  `/usr/bin/check-http` cannot be started by a check"),
        ("vantages", "programs: [check-dns]\nvantages", "26:13  `check-http` is not in `programs`"),
        ("vantages", "programs: ['*', python3]\nvantages", "8:17  `python3` cannot be allowed"),
        ("[check-http", "['${domain}'", "25:13  api: the program's name is a variable"),
        (
            "    group: app",
            "    env: {LD_PRELOAD: x}\n    group: app",
            "20:11  `LD_PRELOAD` in env could start something else than the check",
        ),
        ("    group: app", "    interval: 60\n    group: app", "20:15  `60` is no duration"),
        (
            "    group: app",
            "    ttl: 60s\n    group: app",
            "20:10  api: every result is too old before the next one: ttl ≤ interval",
        ),
        ("    group: app", "    expected_by: 2026-11-31\n    group: app", "20:18  `2026-11-31` is no date"),
        ("    group: app", "    gate: advisry\n    group: app", "20:11  `advisry` is not known here"),
        ("    group: app", "    env: [A]\n    group: app", "20:10  a list where a map (`name: …`) is wanted"),
        ("[10.1.0.1]", "[]", "7:65  an empty list"),
        ("[10.1.0.1]", "1.5", "7:65  unquoted `1.5` is a number to YAML, text is wanted"),
        ("[10.1.0.1]", "[a, a]", "17:16  `a` is twice in `server` in sin1 (names, `for_each`)"),
        ("[10.1.0.1]", "a", "17:16  `server` is no list in sin1 (names, `for_each`)"),
        (
            "\"${server}\"",
            "\"${ns}\"",
            "18:34  `ns` is a list, one text is wanted (names, argument 2: --server \"${ns}\")",
        ),
        (
            "    group: app",
            "    prove: {vars: {domian: x}}\n    group: app",
            "20:20  prove of api changes `domian`, which is not set",
        ),
        ("    group: app", "    prove: {}\n    group: app", "19:3  prove of api changes nothing"),
        (
            "    group: app",
            "    prove: {check: [sh]}\n    group: app",
            "20:21  prove of api: `sh` is not in `programs`",
        ),
        ("mdd: 1\n", "mdd: 2\n", "1:6  format 2 is not known to this mdd"),
        ("mdd: 1\n", "mdd: 1\nx-mine: 1\nmine: 1\n", "3:1  unknown key `mine`"),
        ("mdd: 1\n", "mdd: 1\n<<: {}\n", "2:1  merge keys (`<<`) are not supported"),
        ("mdd: 1\n", "mdd: !!int 1\n", "1:12  a YAML tag (`!…`) has no meaning here"),
        ("why: All", "why: [All", "24:15  not YAML: illegal placement of ':' indicator"),
    ] {
        let heads = heads(&[(from, to)]);
        let place = format!("error: mdd.yaml:{expected}");
        assert!(heads.contains(&place), "{to}: expected\n{place}\ngot\n{}", heads.join("\n"));
    }
}

#[test]
fn waivers_are_of_points_that_are_checked_there() {
    let waived = |waivers: &str| heads(&[("mdd: 1\n", &format!("mdd: 1\nwaivers:\n{waivers}"))]);
    let one = |point: &str, dc: &str| {
        format!("- {{point: {point}, dc: {dc}, until: 2026-12-01, reason: r, by: b}}\n")
    };
    assert_eq!(waived(&one("api", "iad2")), Vec::<String>::new());
    assert_eq!(waived(&one("apis", "iad2")), ["error: mdd.yaml:3:11  there is no point `apis`"]);
    assert_eq!(waived(&one("api", "iad")), ["error: mdd.yaml:3:20  there is no datacenter `iad`"]);
    assert_eq!(
        waived(&(one("api", "iad2") + &one("api", "iad2"))),
        ["error: mdd.yaml:4:11  api is waived twice in iad2"]
    );
}

#[test]
fn files_are_merged_by_their_keys_and_name_both_places() {
    let (head, points) = SMALL.split_once("points:\n").unwrap();
    let main = format!("include: [points/*.yaml]\n{head}");
    let points = format!("points:\n{points}");
    let merged = load_files(&[("mdd.yaml", &main), ("points/a.yaml", &points)]).unwrap();
    assert_eq!(merged.in_order().map(|(id, _)| id).collect::<Vec<_>>(), ["names", "api"]);

    let more = "points:\n  api: {}\nteams: {net: {name: N}}\nplatform: {}\ninclude: []\n";
    let said =
        load_files(&[("mdd.yaml", &main), ("points/a.yaml", &points), ("points/b.yaml", more)]).unwrap_err();
    assert_eq!(
        said,
        "\
error: points/b.yaml:2:3  `api` is given twice, here and at points/a.yaml:9:3
      points/a.yaml:9:3
    9 |   api:
    2 |   api: {}
      |   ^ remove one
error: points/b.yaml:3:9  `net` is given twice, here and at mdd.yaml:4:33
      mdd.yaml:4:33
    4 | teams: {paas: {name: Platform}, net: {name: Network}}
    3 | teams: {net: {name: N}}
      |         ^ remove one
error: points/b.yaml:4:1  `platform` is given twice, here and at mdd.yaml:3:1
      mdd.yaml:3:1
    3 | platform: {id: quay, title: Quay, owner: paas}
    4 | platform: {}
      | ^ remove one
error: points/b.yaml:5:1  `include` in an included file
    5 | include: []
      | ^ list the files in the first one"
    );
    for (pattern, expected) in
        [("dc/*.yaml", "no file matches `dc/*.yaml`"), ("../x", "`../x` leads out of the manifest's folder")]
    {
        let said = load_files(&[("mdd.yaml", &format!("include: ['{pattern}']\n{SMALL}"))]).unwrap_err();
        assert!(said.starts_with(&format!("error: mdd.yaml:1:11  {expected}\n")), "{said}");
    }
}

#[test]
fn a_value_that_is_not_known_yet_leaves_one_instance_without_a_command() {
    let text =
        SMALL.replace("[10.1.0.1]", "~").replace("why: All use it.", "why: \"All of ${dc} use ${ns_text}.\"");
    let text = text.replace("vantages:", "vars: {ns_text: ~}\nvantages:");
    let manifest = load_files(&[("mdd.yaml", &text)]).unwrap();
    let plan = manifest.plan("sin1").unwrap();
    let names = &plan.points[0];
    assert_eq!(names.missing, ["ns"]);
    assert_eq!(
        names.instances.iter().map(|one| (one.key.as_str(), one.argv.len())).collect::<Vec<_>>(),
        [("", 0)]
    );
    // Text for people stays as written, and makes nothing wait.
    assert_eq!(plan.points[1].why, "All of ${dc} use ${ns_text}.");
    assert_eq!(plan.points[1].missing, Vec::<String>::new());
    assert_eq!(manifest.plan("iad2").unwrap().points[0].instances.len(), 2);
}

#[test]
fn a_plan_has_everything_filled_in() {
    let text = SMALL
        .replace("    depends_on: [names]\n", "    depends_on: [names, sin1/api, 'group:dns']\n    only: [iad2, sin1]\n    x-n: [1, yes, {a: ~}]\n    extra: ['--ns=${ns...}', '']\n    env: {A: \"${dc}\"}\n    interval: 5m\n")
        .replace("depends_on: [names, sin1/api", "depends_on: [names, \"${peer}/names\"")
        .replace("sin1.example.net", "sin1.example.net, peer: iad2")
        .replace("iad2.example.net", "iad2.example.net, peer: sin1");
    let plan = load_files(&[("mdd.yaml", &text)]).unwrap().plan("iad2").unwrap();
    let api = &plan.points[1];
    assert_eq!(
        api.instances[0].argv,
        ["check-http", "--url", "https://api.iad2.example.net/", "--ns=10.0.0.1", "--ns=10.0.0.2", ""]
    );
    assert_eq!(
        api.depends_on,
        [
            Dependency::Point("names".into()),
            Dependency::Elsewhere("sin1".into(), "names".into()),
            Dependency::Group("dns".into())
        ]
    );
    assert_eq!(api.due, Some(jiff::civil::date(2026, 12, 11)));
    assert_eq!((api.owner.as_str(), api.vantage.as_str(), api.required), ("paas", "node", true));
    assert_eq!((api.interval.as_secs(), api.ttl.as_secs(), api.stable.as_secs()), (300, 900, 900));
    assert_eq!(api.env["A"], "iad2");
    assert_eq!(api.extensions["x-n"], serde_json::json!([1, "yes", {"a": null}]));
    let names = &plan.points[0];
    assert_eq!(
        names.instances.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(),
        ["10.0.0.1", "10.0.0.2"]
    );
    assert_eq!(names.instances[1].argv[2], "10.0.0.2");
    assert_ne!(names.instances[0].hash, names.instances[1].hash);
    assert_eq!(names.instances[0].hash.len(), 16);
    assert_eq!(plan.vantages[0].owner, "paas");
    assert_eq!(plan.programs, ["*"]);
}

#[test]
fn a_dependency_on_a_point_that_is_not_here_is_none() {
    let text = SMALL.replace("for_each:", "except: [sin1]\n    for_each:");
    let manifest = load_files(&[("mdd.yaml", &text)]).unwrap();
    assert_eq!(manifest.plan("sin1").unwrap().points[0].depends_on, Vec::new());
    let problems = manifest.plan("sin2").unwrap_err();
    assert_eq!(problems[0].to_string(), "error: there is no datacenter `sin2`\n      = did you mean `sin1`?");
}

#[test]
fn the_command_line_sets_variables_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mdd.yaml");
    std::fs::write(&path, SMALL).unwrap();
    let set = |name: &str, value: &str| load(&path, &[(name.to_owned(), value.to_owned())]);
    let plan = set("domain", "x y").unwrap().plan("iad2").unwrap();
    assert_eq!(plan.points[1].instances[0].argv[2], "https://api.x y/");
    let plan = set("ns", "a,b,c").unwrap().plan("sin1").unwrap();
    assert_eq!(plan.points[0].instances.len(), 3);
    let said = set("domian", "x").unwrap_err();
    assert_eq!(
        said[0].to_string(),
        "error: --set domian=…: there is no variable `domian`\n      = set one of `vars` of the manifest or of its datacenters"
    );
}

#[test]
fn a_changed_check_has_another_hash_and_an_equal_one_the_same() {
    let hash = |from: &str, to: &str| {
        let plan = load_files(&[("mdd.yaml", &SMALL.replace(from, to))]).unwrap().plan("iad2").unwrap();
        plan.points[1].instances[0].hash.clone()
    };
    let first = hash("mdd: 1", "mdd: 1");
    assert_eq!(hash("All use it.", "Everybody uses it."), first);
    assert_ne!(hash("https://api", "http://api"), first);
    assert_ne!(hash("    group: app", "    env: {A: b}\n    group: app"), first);
    assert_ne!(hash("node", "other"), first);
}

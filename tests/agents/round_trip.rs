//! Arguments arrive unchanged: random and nasty argument lists through a real shell, NRPE, Nagios Core and Icinga 2.
//!
//! Each list is encoded, run by the real program, and compared with what the plugin was called with; or the encoder refuses it
//! and says why. Refused are exactly the nasty lists that are named here, and less than a tenth of the random ones.

use std::fmt::Write as _;
use std::time::Duration;

use mdd::export::encode::{Refusal, icinga2, nagios, nrpe, sensu_classic, sensu_go};
use mdd::quote;
use testkit::{Ran, agents, poll_until, run};

use crate::probe::{Case, Probe, RANDOM, SEED, nasty, random};

/// Longest that an engine may take for all lists.
const PATIENCE: Duration = Duration::from_mins(2);
/// The version of Nagios Core in Debian 12.
const NAGIOS: nagios::Version = nagios::Version(4, 4, 6);

/// Cases with the line that an engine is given for each.
type Lines<'c> = Vec<(&'c Case, String)>;

/// Encodes every list. Refused may be these nasty ones only, each with a reason that begins so, and few of the random ones.
#[track_caller]
fn encode<'c>(
    engine: &str,
    cases: &'c [Case],
    encoder: impl Fn(&Case) -> Result<String, Refusal>,
    refused: &[(&str, &str)],
) -> Lines<'c> {
    let mut lines = Vec::new();
    let mut nasty: Vec<(&str, String)> = Vec::new();
    let mut random = 0;
    for case in cases {
        match encoder(case) {
            Ok(line) => lines.push((case, line)),
            Err(refusal) => {
                assert!(!refusal.what.is_empty() && !refusal.way_out.is_empty(), "{engine}: {}", case.name);
                if case.env.is_empty() { random += 1 } else { nasty.push((&case.name, refusal.what)) }
            }
        }
    }
    let as_named = nasty.len() == refused.len()
        && nasty
            .iter()
            .zip(refused)
            .all(|((name, what), wanted)| *name == wanted.0 && what.starts_with(wanted.1));
    assert!(as_named, "{engine} refuses {nasty:?}, and not {refused:?}");
    assert!(random * 10 < RANDOM, "{engine} refuses {random} of {RANDOM} random lists (seed {SEED:#x})");
    println!(
        "{engine}: {} of {} lists, refused {random} random, {} nasty",
        lines.len(),
        cases.len(),
        nasty.len()
    );
    lines
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = nasty().into_iter().chain(random()).collect();
    assert!(cases.len() >= 230, "{}", cases.len());
    cases
}

fn only<'c>(lines: &Lines<'c>) -> Vec<&'c Case> {
    lines.iter().map(|(case, _)| *case).collect()
}

fn line_of(lines: &Lines<'_>, wanted: &Case) -> String {
    lines.iter().find(|(case, _)| case.name == wanted.name).map(|(_, line)| line.clone()).unwrap_or_default()
}

/// Runs every line by a shell, and compares.
fn run_by(shell: &[&str], engine: &str, probe: &Probe, lines: &Lines<'_>, evaluate: impl Fn(&str) -> String) {
    for (case, line) in lines {
        let ran = run(shell[0], shell[1..].iter().copied().chain([evaluate(line).as_str()]));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{engine}, {}: {line}", case.name);
    }
    probe.assert_unchanged(engine, &only(lines), |case| line_of(lines, case));
}

/// The list with newlines; variables are looked at first.
const NEWLINE_IN_ENV: (&str, &str) = ("newline", "PROBE holds a newline");

#[test]
fn a_shell() {
    let cases = cases();
    for shell in [&["sh", "-c"][..], &["bash", "-c"], &["bash", "--posix", "-c"]] {
        let probe = Probe::new();
        let line = |case: &Case| {
            let mut argv = case.argv.clone();
            argv[0].insert_str(0, &probe.prefix());
            quote::line(&case.env, &argv).map_err(|what| Refusal { what, way_out: "none" })
        };
        let name = shell.join(" ");
        let lines = encode(&name, &cases, line, &[NEWLINE_IN_ENV]);
        run_by(shell, &name, &probe, &lines, str::to_owned);
    }
}

/// What Go's text/template makes of a text whose only actions are string constants, `{{"…"}}`: the constants, and the text around
/// them. Any other action is an error. The constants have no escapes: the encoder writes none.
fn template(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, action)) = rest.split_once("{{") {
        out.push_str(before);
        let constant = action.strip_prefix('"').ok_or_else(|| format!("no string constant: {action}"))?;
        let (value, after) = constant.split_once('"').ok_or_else(|| format!("no end: {action}"))?;
        if value.contains('\\') {
            return Err(format!("an escape: {action}"));
        }
        out.push_str(value);
        rest = after.strip_prefix("}}").ok_or_else(|| format!("more than a constant: {action}"))?;
    }
    Ok(out + rest)
}

#[test]
fn sensu_go_after_its_template() {
    for (text, expected) in
        [("a", Some("a")), (r#"a{{"{{"}}b}}"#, Some("a{{b}}")), ("{{ .x }}", None), ("{{", None)]
    {
        assert_eq!(template(text).ok().as_deref(), expected, "{text}");
    }
    let (cases, probe) = (cases(), Probe::new());
    let line = |case: &Case| sensu_go::command(&probe.prefix(), &case.env, &case.argv);
    let refused = [
        ("no_value", "argument 2 holds `<no value>`, which Sensu Go takes for a token without a value"),
        NEWLINE_IN_ENV,
    ];
    let lines = encode("sensu-go", &cases, line, &refused);
    for (_, line) in &lines {
        let evaluated = template(line).expect("a template");
        assert!(!line.contains("<no value>") && !evaluated.contains("<no value>"), "{line}");
    }
    run_by(&["sh", "-c"], "sensu-go", &probe, &lines, |line| template(line).expect("a template"));
    for case in &cases {
        let text = case.argv.join(" ");
        if let Ok(escaped) = sensu_go::text(&text) {
            assert_eq!(template(&escaped), Ok(text));
        }
    }
}

#[test]
fn sensu_classic_without_tokens() {
    let (cases, probe) = (cases(), Probe::new());
    let line = |case: &Case| sensu_classic::command(&probe.prefix(), &case.env, &case.argv);
    let refused =
        [("token", "argument 2 holds `:::`, which Sensu Classic takes for a token"), NEWLINE_IN_ENV];
    let lines = encode("sensu-classic", &cases, line, &refused);
    assert!(lines.iter().all(|(_, line)| !line.contains(":::")));
    run_by(&["sh", "-c"], "sensu-classic", &probe, &lines, str::to_owned);
}

#[test]
fn nrpe_asked_by_check_nrpe() {
    let (cases, probe) = (cases(), Probe::new());
    let line = |case: &Case| nrpe::line(&case.name, &probe.prefix(), &case.env, &case.argv);
    let lines = encode("nrpe", &cases, line, &[NEWLINE_IN_ENV, ("long", "the line has")]);
    let commands = lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n") + "\n";
    let nrpe = &agents::nrpe(&probe.file("commands.cfg", &commands), "");
    let (first, second) = lines.split_at(lines.len() / 2);
    std::thread::scope(|scope| {
        for half in [first, second] {
            scope.spawn(move || {
                for (case, line) in half {
                    let Ran { code, stdout, .. } = nrpe.ask(&case.name);
                    assert_eq!((code, stdout.as_str()), (Some(0), "RECORD OK\n"), "{}: {line}", case.name);
                }
            });
        }
    });
    probe.assert_unchanged("nrpe", &only(&lines), |case| line_of(&lines, case));
}

/// Objects around services that run once as soon as Nagios is up.
fn nagios_objects(commands: &[(&str, &str, &str)]) -> String {
    let mut text = "\
define timeperiod {\n timeperiod_name always\n alias always\n sunday 00:00-24:00\n monday 00:00-24:00\n tuesday 00:00-24:00\n \
wednesday 00:00-24:00\n thursday 00:00-24:00\n friday 00:00-24:00\n saturday 00:00-24:00\n}\n\
define command {\n command_name nothing\n command_line /bin/true\n}\n\
define contact {\n contact_name nobody\n host_notifications_enabled 0\n service_notifications_enabled 0\n \
host_notification_period always\n service_notification_period always\n host_notification_options n\n \
service_notification_options n\n host_notification_commands nothing\n service_notification_commands nothing\n}\n\
define host {\n host_name h\n address 127.0.0.1\n max_check_attempts 1\n check_period always\n notification_period always\n \
contacts nobody\n active_checks_enabled 0\n}\n"
        .to_owned();
    for (name, line, notes) in commands {
        let notes = if notes.is_empty() { String::new() } else { format!(" notes {notes}\n") };
        write!(
            text,
            "define command {{\n command_name mdd_{name}\n command_line {line}\n}}\ndefine service {{\n host_name h\n \
             service_description {name}\n check_command mdd_{name}\n max_check_attempts 1\n check_interval 60\n \
             retry_interval 60\n check_period always\n notification_period always\n \
             notification_interval 0\n contacts nobody\n{notes}}}\n"
        )
        .expect("a String takes everything");
    }
    text
}

#[test]
fn nagios_core() {
    let (cases, probe) = (cases(), Probe::new());
    let line = |case: &Case| nagios::command_line("$USER1$/", &case.env, &case.argv, None);
    let old: Vec<String> =
        nasty().into_iter().filter(|case| line(case).is_err()).map(|case| case.name).collect();
    assert_eq!(old, ["semicolon", "newline"], "before 4.4.4");
    let line = |case: &Case| nagios::command_line("$USER1$/", &case.env, &case.argv, Some(NAGIOS));
    let lines = encode("nagios", &cases, line, &[NEWLINE_IN_ENV]);
    let commands: Vec<(&str, &str, &str)> =
        lines.iter().map(|(case, line)| (case.name.as_str(), line.as_str(), "")).collect();
    let objects = probe.file("objects.cfg", &nagios_objects(&commands));
    let checked = agents::nagios_check(&objects);
    assert!(checked.stdout.contains("Total Warnings: 0") && checked.code == Some(0), "{}", checked.stdout);
    let nagios = agents::nagios(&objects, probe.folder(), "");
    let wanted = only(&lines);
    poll_until(PATIENCE, || probe.count(&wanted) == wanted.len());
    probe.assert_unchanged("nagios", &wanted, |case| line_of(&lines, case));
    drop(nagios);
}

#[test]
fn texts_in_nagios_objects() {
    let probe = Probe::new();
    let texts = nasty().into_iter().map(|case| (case.name, case.argv[2..].join(" ")));
    let texts: Vec<(String, String)> = texts.filter(|(_, text)| text != "null").collect();
    let notes: Vec<String> = texts
        .iter()
        .map(|(_, text)| nagios::notes(text, Some(NAGIOS)).expect("no text is refused"))
        .collect();
    let commands: Vec<(&str, &str, &str)> = texts
        .iter()
        .zip(&notes)
        .map(|((name, _), notes)| (name.as_str(), "/bin/true", notes.as_str()))
        .collect();
    // A command that is given its own notes.
    let shown =
        nagios::notes("costs $5, not $USER1$ or $$; a \\ and (b)", Some(NAGIOS)).expect("no text is refused");
    let line = "$USER1$/record-argv notes '$SERVICENOTES$'";
    let objects = nagios_objects(&[&commands[..], &[("notes", line, &shown)]].concat());
    let nagios = agents::nagios(&probe.file("objects.cfg", &objects), probe.folder(), "");
    let cache = std::fs::read_to_string(&nagios.objects_cache).expect("read objects.cache");
    for (name, text) in &texts {
        let own = format!("\tservice_description\t{name}\n");
        let (_, service) = cache.split_once(&own).unwrap_or_else(|| panic!("no service {name}"));
        let found =
            service.lines().take_while(|line| *line != "\t}").find_map(|line| line.strip_prefix("\tnotes\t"));
        let clean = mdd::engine::output::clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(found.unwrap_or_default(), clean.replace('$', "$$"), "{name}");
    }
    let case = Case::named("notes", "costs $5, not $USER1$ or $$; a \\ and (b)");
    poll_until(PATIENCE, || probe.record(&case).is_some());
    probe.assert_unchanged("notes in Nagios", &[&case], |_| line.to_owned());
}

#[test]
fn icinga_2() {
    let (cases, probe) = (cases(), Probe::new());
    let literals = |case: &Case| {
        let program = icinga2::literal(&format!("{}{}", probe.prefix(), case.argv[0]));
        let words: Vec<String> = case.argv[1..].iter().map(|word| icinga2::expanded(word)).collect();
        let env = case.env.iter().map(|(name, value)| format!("{name} = {}", icinga2::expanded(value)));
        let env = env.collect::<Vec<_>>().join("\n");
        Ok(format!("  command = [ {program}, {} ]\n  env = {{ {env} }}\n", words.join(", ")))
    };
    let lines = encode("icinga2", &cases, literals, &[]);
    let mut objects = "object Host \"h\" {\n  check_command = \"dummy\"\n}\n".to_owned();
    for (case, line) in &lines {
        let name = &case.name;
        let title = icinga2::literal(&case.argv[2..].join(" "));
        write!(
            objects,
            "object CheckCommand \"mdd_{name}\" {{\n{line}}}\nobject Service \"{name}\" {{\n  host_name = \"h\"\n  \
             check_command = \"mdd_{name}\"\n  check_interval = 1h\n  display_name = {title}\n}}\n"
        )
        .expect("a String takes everything");
    }
    let objects = probe.file("objects.conf", &objects);
    let checked = agents::icinga2_check(&objects);
    assert!(checked.code == Some(0) && !checked.stdout.contains("warning/"), "{}", checked.stdout);
    let icinga = agents::icinga2("testkit", &objects, "");
    // It spreads first checks over a minute.
    let all = "/v1/actions/reschedule-check?type=Service&filter=true&force=true";
    let (wanted, mut asked) = (only(&lines), 0);
    poll_until(PATIENCE, || {
        // Until the checker is up a request is for nothing.
        if asked < 10 && probe.count(&wanted) == 0 {
            asked += 1;
            icinga.ask("POST", all);
        }
        probe.count(&wanted) == wanted.len()
    });
    probe.assert_unchanged("icinga2", &wanted, |case| line_of(&lines, case));
    let answer = icinga.ask("GET", "/v1/objects/services?attrs=name&attrs=display_name");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: serde_json::Value =
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer:.500}"));
    let services = body["results"].as_array().expect("services");
    assert_eq!(services.len(), cases.len());
    for service in services {
        let case =
            cases.iter().find(|case| service["attrs"]["name"] == case.name.as_str()).expect("one of ours");
        let title = case.argv[2..].join(" ");
        // Without a title it shows the name.
        let title = if title.is_empty() { &case.name } else { &title };
        assert_eq!(service["attrs"]["display_name"], title.as_str(), "{}", case.name);
    }
}

//! Every plugin under every name, run by the real agents as their own user.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use testkit::agents::{self, Icinga2, Nagios};
use testkit::poll_until;

use super::installed::Installed;
use super::world::{World, called};
use super::{assert_ok, grammar};

/// How long an agent may take to run everything once on a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

/// Who runs, where nothing but the agent decides about it.
const WHO: &str = "/usr/bin/id -un";

/// What an agent has seen of a service: its state and the first line of its output.
pub type Seen = BTreeMap<String, (u64, String)>;

/// The objects that Nagios insists on, and a host `h`.
pub const NAGIOS_FRAME: &str = "define timeperiod {\n timeperiod_name always\n alias always\n sunday 00:00-24:00\n \
    monday 00:00-24:00\n tuesday 00:00-24:00\n wednesday 00:00-24:00\n thursday 00:00-24:00\n friday 00:00-24:00\n \
    saturday 00:00-24:00\n}\ndefine command {\n command_name true\n command_line /bin/true\n}\n\
    define contact {\n contact_name nobody\n host_notifications_enabled 0\n service_notifications_enabled 0\n \
    host_notification_period always\n service_notification_period always\n host_notification_options n\n \
    service_notification_options n\n host_notification_commands true\n service_notification_commands true\n}\n\
    define host {\n host_name h\n address 127.0.0.1\n max_check_attempts 1\n check_period always\n \
    notification_period always\n contacts nobody\n}\n";

/// A service of the host `h`.
pub fn nagios_service(name: &str, check_command: &str) -> String {
    format!(
        "define service {{\n host_name h\n service_description {name}\n check_command {check_command}\n \
         max_check_attempts 1\n check_interval 60\n retry_interval 60\n notification_interval 0\n check_period always\n \
         notification_period always\n contacts nobody\n}}\n"
    )
}

/// What Nagios has seen so far.
pub fn seen_by_nagios(nagios: &Nagios) -> Seen {
    let status = fs::read_to_string(&nagios.status).unwrap_or_default();
    let blocks =
        status.split("servicestatus {").skip(1).map(|block| block.split('}').next().unwrap_or_default());
    let value = |block: &str, key: &str| {
        let start = format!("{key}=");
        block.lines().find_map(|line| line.trim().strip_prefix(&start)).unwrap_or_default().to_owned()
    };
    let checked = blocks.filter(|block| value(block, "has_been_checked") == "1");
    checked
        .map(|block| {
            let state = value(block, "current_state").parse().expect("a state is a number");
            (value(block, "service_description"), (state, value(block, "plugin_output")))
        })
        .collect()
}

/// Lets Icinga run every service now, and says what it has seen so far.
pub fn seen_by_icinga(icinga: &Icinga2, wanted: usize) -> Seen {
    let (mut seen, mut asked) = (Seen::new(), 0);
    poll_until(PATIENCE, || {
        // It spreads first checks over a minute; until the checker is up a request is for nothing.
        if asked < 10 && seen.is_empty() {
            asked += 1;
            icinga.ask("POST", "/v1/actions/reschedule-check?type=Service&filter=true&force=true");
        }
        let answer = icinga.ask("GET", "/v1/objects/services?attrs=name&attrs=last_check_result");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let services = body["results"].as_array().cloned().unwrap_or_default();
        seen = services
            .iter()
            .filter_map(|service| {
                let (name, result) = (&service["attrs"]["name"], &service["attrs"]["last_check_result"]);
                let output = result["output"].as_str()?.lines().next().unwrap_or_default().to_owned();
                Some((name.as_str()?.to_owned(), (result["exit_status"].as_u64()?, output)))
            })
            .collect();
        seen.len() >= wanted
    });
    seen
}

/// Each plugin's command line in its sample, by name; one quoted for `sh`, one in words.
fn lines(world: &World, installed: &Installed) -> Vec<(String, String, Vec<String>)> {
    let of = |called: super::world::Called| {
        let program = installed.path(&called.name).display().to_string();
        let words: Vec<String> = std::iter::once(program).chain(world.sample(&called)).collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
        let quote = |word: &String| {
            if word.chars().all(plain) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
        };
        let line = words.iter().map(quote).collect::<Vec<_>>().join(" ");
        (called.name, line, words)
    };
    called().into_iter().map(of).collect()
}

/// What Nagios and Icinga have seen of every plugin: OK, in its own words; perfdata is kept apart by both.
fn assert_all_ok(seen: &Seen, log: &str) {
    for called in called() {
        let found = seen.get(&called.name);
        let Some((0, text)) = found else { panic!("{}: {found:?}\n{log}", called.name) };
        let start = format!("{} OK - ", called.label());
        assert!(text.starts_with(&start), "{}: {text}", called.name);
    }
    assert_eq!(seen.get("who"), Some(&(0, "nagios".to_owned())), "the agent's user");
}

#[test]
fn nrpe_runs_every_plugin() {
    let (world, installed) = (World::new(), Installed::new());
    let mut commands = format!("command[who]={WHO}\ncommand[environment]=/usr/bin/env\n");
    for (name, line, _) in lines(&world, &installed) {
        writeln!(commands, "command[{name}]={line}").expect("a String takes everything");
    }
    let folder = agents::open_folder();
    let file = folder.path().join("commands.cfg");
    fs::write(&file, commands).expect("write the commands");
    let nrpe = agents::nrpe(&file, "");
    assert_eq!(nrpe.ask("who").stdout, "nagios\n", "{}", nrpe.server.log());
    let environment = nrpe.ask("environment").stdout;
    let names = environment.lines().filter_map(|line| line.split_once('='));
    let names: Vec<&str> = names.map(|(name, _)| name).collect();
    // The shell adds some of its own.
    let known = super::NRPE.iter().filter_map(|line| line.split('=').next()).chain(["IFS", "OLDPWD", "_"]);
    let known: Vec<&str> = known.collect();
    assert!(names.iter().all(|name| known.contains(name)), "{environment}");
    for called in called() {
        let ran = nrpe.ask(&called.name);
        assert_eq!(ran.stderr, "", "{}", called.name);
        assert_ok(&called, &ran.stdout, ran.code);
    }
}

#[test]
fn nagios_runs_every_plugin() {
    let (world, installed) = (World::new(), Installed::new());
    let mut objects = NAGIOS_FRAME.to_owned();
    let mut add = |name: &str, line: &str| {
        let command = format!("define command {{\n command_name x_{name}\n command_line {line}\n}}\n");
        objects.push_str(&(command + &nagios_service(name, &format!("x_{name}"))));
    };
    add("who", WHO);
    let lines = lines(&world, &installed);
    for (name, line, _) in &lines {
        add(name, line);
    }
    let folder = agents::open_folder();
    let file = folder.path().join("objects.cfg");
    fs::write(&file, objects).expect("write the objects");
    let nagios = agents::nagios(&file, installed.folder(), "");
    poll_until(PATIENCE, || seen_by_nagios(&nagios).len() > lines.len());
    assert_all_ok(&seen_by_nagios(&nagios), &nagios.server.log());
}

#[test]
fn icinga_runs_every_plugin() {
    let (world, installed) = (World::new(), Installed::new());
    let mut objects = "object Host \"h\" {\n  check_command = \"dummy\"\n}\n".to_owned();
    let mut add = |name: &str, words: &[String]| {
        let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        let written = write!(
            objects,
            "object CheckCommand \"x_{name}\" {{\n  command = [ {} ]\n}}\nobject Service \"{name}\" {{\n  \
             host_name = \"h\"\n  check_command = \"x_{name}\"\n  check_interval = 1h\n}}\n",
            words.join(", ")
        );
        written.expect("a String takes everything");
    };
    add("who", &WHO.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let lines = lines(&world, &installed);
    for (name, _, words) in &lines {
        add(name, words);
    }
    let folder = agents::open_folder();
    let file = folder.path().join("objects.conf");
    fs::write(&file, objects).expect("write the objects");
    let icinga = agents::icinga2("testkit", &file, "");
    let seen = seen_by_icinga(&icinga, lines.len() + 1);
    assert_all_ok(&seen, &icinga.server.log());
}

/// A stuck one through NRPE: the plugin's own timeout is below everybody else's, so its line arrives.
#[test]
fn nrpe_gets_the_line_of_a_plugin_that_ran_out_of_time() {
    let (silence, installed) = (super::Silence::new(), Installed::new());
    let tcp = called().into_iter().find(|called| called.name == "check-tcp").expect("it is in the catalogue");
    let line =
        format!("{} {} -t 1", installed.path("check-tcp").display(), tcp.sample_at(silence.port()).join(" "));
    let killed = line.replace("-t 1", "-t 30");
    let folder = agents::open_folder();
    let file = folder.path().join("commands.cfg");
    fs::write(&file, format!("command[late]={line}\ncommand[killed]={killed}\n"))
        .expect("write the commands");
    let nrpe = agents::nrpe(&file, "command_timeout=3");
    let ran = nrpe.ask("late");
    let output = grammar::read(&ran.stdout, true).unwrap_or_else(|error| panic!("{error}\n{}", ran.stdout));
    assert_eq!((output.reason, ran.code), (Some("timed-out"), Some(2)), "{}", ran.stdout);
    // NRPE ends it, and nothing of it is left.
    let ran = nrpe.ask("killed");
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    let program = installed.path("check-tcp");
    let left = || {
        let processes = fs::read_dir("/proc").expect("read /proc").filter_map(Result::ok);
        processes.filter(|it| fs::read_link(it.path().join("exe")).is_ok_and(|exe| exe == program)).count()
    };
    assert!(poll_until(PATIENCE, || left() == 0), "{} are left", left());
}

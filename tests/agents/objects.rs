//! The objects that are generated from the options, read and run by the real agents.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use catalog::PLUGINS;
use tempfile::TempDir;
use testkit::{Run, Server, agents, nginx, poll_until, unbound};

use crate::environment::by_agents::{NAGIOS_FRAME, Seen, nagios_service, seen_by_icinga, seen_by_nagios};
use crate::environment::installed::Installed;
use crate::validator::{sensu_go, template};

fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// A folder with a script in place of each plugin, which writes down its arguments and becomes the plugin.
struct Recorder {
    folder: TempDir,
    _installed: Installed,
}

impl Recorder {
    fn new() -> Recorder {
        let (folder, installed) = (agents::open_folder(), Installed::new());
        let out = folder.path().join("out");
        fs::create_dir(&out).expect("make a folder");
        // Agents write to it as their own user.
        fs::set_permissions(&out, Permissions::from_mode(0o777)).expect("open it");
        for entry in PLUGINS {
            let (name, out) = (entry.name(), out.display());
            let script = format!(
                "#!/bin/sh\n[ -z \"$VERDIGRIS_PASSWORD\" ] || printf %s \"$VERDIGRIS_PASSWORD\" >{out}/password\n\
                 printf '%s\\0' \"$@\" >{out}/.$$ && /bin/mv {out}/.$$ {out}/{name}\nexec {} \"$@\"\n",
                installed.path(&name).display()
            );
            let path = folder.path().join(&name);
            fs::write(&path, script).expect("write a script");
            fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("make it a program");
        }
        Recorder { folder, _installed: installed }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What a plugin was called with; where options are sorted by the agent their order says nothing.
    fn arguments(&self, plugin: &str) -> Vec<String> {
        let mut arguments: Vec<String> =
            text(&self.path().join("out").join(plugin)).split_terminator('\0').map(str::to_owned).collect();
        arguments.sort();
        arguments
    }

    fn assert_called(&self, plugin: &str, expected: &[&str]) {
        let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(self.arguments(plugin), expected, "{plugin}");
    }
}

/// What the services ask: two that are well, and one name server.
struct Services {
    http: Server,
    dns: Server,
}

impl Services {
    fn new() -> Services {
        let page = r#"location / { return 200 "two words, it's 5; or more!\n"; }"#;
        let zone = "local-zone: \"example.\" static\nlocal-data: \"www.example. A 192.0.2.1\"\n";
        Services { http: nginx(page), dns: unbound(zone) }
    }
}

fn assert_ok(seen: &Seen, names: &[&str], log: &str) {
    for name in names {
        let found = seen.get(*name);
        let Some((0, output)) = found else { panic!("{name}: {found:?}\n{log}") };
        assert!(output.starts_with(&format!("{} OK - ", name.to_uppercase())), "{name}: {output}");
    }
}

#[test]
fn icinga_takes_the_library_beside_its_own_without_a_warning() {
    let library = packaged("icinga2/verdigris-commands.conf");
    let folder = agents::open_folder();
    let contrib =
        "include <plugins-contrib>\ninclude <manubulon>\ninclude <windows-plugins>\ninclude <nscp>\n";
    let own = "const VerdigrisPluginDir = \"/opt/verdigris/bin\"\n";
    for (name, before) in [("alone.conf", ""), ("contrib.conf", contrib), ("constant.conf", own)] {
        let file = folder.path().join(name);
        fs::write(&file, format!("{before}{}", text(&library))).expect("write the library");
        let ran = agents::icinga2_check(&file);
        let clean = !ran.stdout.contains("warning/") && !ran.stdout.contains("critical/");
        assert!(ran.code == Some(0) && clean, "{name}: {}", ran.stdout);
    }
}

/// Services of the library's commands, with options of every kind.
fn icinga_services(recorder: &Recorder, http: u16, dns: u16) -> String {
    // Whom Icinga runs as may not be let into the folder of the sources.
    let library = recorder.path().join("verdigris-commands.conf");
    fs::copy(packaged("icinga2/verdigris-commands.conf"), &library).expect("copy the library");
    format!(
        r#"const VerdigrisPluginDir = "{folder}"
include "{library}"
template Service "s" {{
  host_name = "h"
  check_interval = 1h
}}
object Host "h" {{
  check_command = "dummy"
  address = "127.0.0.1"
}}
object Service "tcp" {{
  import "s"
  check_command = "verdigris_tcp"
  vars.verdigris_tcp_port = {http}
  vars.verdigris_tcp_send = "GET / HTTP/1.0\r\n\r\n"
  vars.verdigris_tcp_expect = [ "HTTP/1.1 200", "two words, it's" ]
  vars.verdigris_tcp_all = true
  vars.verdigris_tcp_jail = false
  vars.verdigris_tcp_warning = "~:10"
}}
object Service "http" {{
  import "s"
  check_command = "verdigris_http"
  vars.verdigris_http_port = "{http}"
  vars.verdigris_http_string = "it's 5; or more!"
  vars.verdigris_http_header = [ "X-One: a  b", "X-Two: \"c\" 'd' \\ $$5" ]
  vars.verdigris_http_user = "me"
  vars.verdigris_http_password = "p w'x"
}}
object Service "dns" {{
  import "s"
  check_command = "verdigris_dns"
  vars.verdigris_dns_hostname = "www.example"
  vars.verdigris_dns_server = "127.0.0.1"
  vars.verdigris_dns_port = "{dns}"
  vars.verdigris_dns_expected_address = [ "192.0.2.1", "192.0.2.2" ]
  vars.verdigris_dns_tcp = true
}}
object Service "load" {{
  import "s"
  check_command = "verdigris_load"
  vars.verdigris_load_warning = "~:9000"
  vars.verdigris_load_percpu = true
  vars.verdigris_load_timeout = "8:unknown"
}}
object Service "dummy" {{
  import "s"
  check_command = "verdigris_dummy"
  vars.verdigris_dummy_state = "0"
  vars.verdigris_dummy_text = "a  \"b\" $$HOME"
}}
object Service "disk" {{
  import "s"
  check_command = "verdigris_disk"
  vars.verdigris_disk_warning = "0"
  vars.verdigris_disk_exact_match = true
  vars.verdigris_disk_path = [ "/", "/proc/.." ]
  vars.verdigris_disk_path = "/"
}}
object Service "tls" {{
  import "s"
  check_command = "verdigris_tls"
  vars.verdigris_tls_file = [ "/etc/ssl/certs/ISRG*.pem" ]
}}
"#,
        folder = recorder.path().display(),
        library = library.display(),
    )
}

#[test]
fn icinga_runs_the_library() {
    let (recorder, services) = (Recorder::new(), Services::new());
    let (http, dns) = (services.http.port(), services.dns.port());
    let objects = icinga_services(&recorder, http, dns);
    let file = recorder.path().join("objects.conf");
    fs::write(&file, objects).expect("write the objects");
    let icinga = agents::icinga2("testkit", &file, "");
    let seen = seen_by_icinga(&icinga, 7);
    assert_ok(&seen, &["tcp", "http", "dns", "load", "dummy", "disk", "tls"], &icinga.server.log());

    let port = format!("--port={http}");
    recorder.assert_called(
        "check-tcp",
        &[
            "--hostname=127.0.0.1",
            &port,
            "--send=GET / HTTP/1.0\r\n\r\n",
            "--expect=HTTP/1.1 200",
            "--expect=two words, it's",
            "--all",
            "--warning=~:10",
        ],
    );
    recorder.assert_called(
        "check-http",
        &[
            "--IP-address=127.0.0.1",
            &port,
            "--string=it's 5; or more!",
            "--header=X-One: a  b",
            "--header=X-Two: \"c\" 'd' \\ $5",
            "--user=me",
            "--password-env=VERDIGRIS_PASSWORD",
        ],
    );
    assert_eq!(text(&recorder.path().join("out/password")), "p w'x");
    let port = format!("--port={dns}");
    recorder.assert_called(
        "check-dns",
        &[
            "--hostname=www.example",
            "--server=127.0.0.1",
            &port,
            "--expected-address=192.0.2.1",
            "--expected-address=192.0.2.2",
            "--tcp",
        ],
    );
    recorder.assert_called("check-load", &["--warning=~:9000", "--percpu", "--timeout=8:unknown"]);
    recorder.assert_called("check-dummy", &["0", "a  \"b\" $HOME"]);
    // Beside files there is no host to ask.
    recorder.assert_called("check-tls", &["--file=/etc/ssl/certs/ISRG*.pem"]);
    let disk = text(&recorder.path().join("out/check-disk"));
    assert_eq!(disk, "--warning=0\0--exact-match\0--path=/\0", "the order counts");
}

#[test]
fn nagios_takes_the_commands_beside_those_of_the_distribution() {
    let folder = agents::open_folder();
    let copy = |from: &Path| {
        let name = from.file_name().expect("a file");
        fs::copy(from, folder.path().join(name)).expect("copy a file");
    };
    copy(&packaged("nagios/verdigris-commands.cfg"));
    for file in fs::read_dir("/etc/nagios-plugins/config").expect("the distribution's commands") {
        copy(&file.expect("read the folder").path());
    }
    let mut objects = NAGIOS_FRAME.to_owned();
    for entry in PLUGINS {
        let name = format!("verdigris_{}", entry.name().trim_start_matches("check-"));
        objects.push_str(&nagios_service(&name, &name));
    }
    fs::write(folder.path().join("objects.cfg"), objects).expect("write the objects");
    let ran = agents::nagios_check(folder.path());
    let clean = ran.stdout.contains("Total Warnings: 0") && ran.stdout.contains("Total Errors:   0");
    assert!(ran.code == Some(0) && clean, "{}", ran.stdout);
}

#[test]
fn nagios_runs_the_commands() {
    let (recorder, services) = (Recorder::new(), Services::new());
    let (http, dns) = (services.http.port(), services.dns.port());
    let tcp = format!(
        "--port {http} --send 'GET / HTTP/1.0\\r\\n\\r\\n' --escape --all --expect 'HTTP/1.1 200' --expect 'two words'"
    );
    let lines = BTreeMap::from([
        ("tcp", format!("verdigris_tcp!{tcp} --warning '~:10'")),
        ("http", format!("verdigris_http!-p {http} --string '5\\; or more\\!' --header 'X: a  \"b\" $$5'")),
        ("dns", format!("verdigris_dns!-H www.example -s $HOSTADDRESS$ --port {dns} -a 192.0.2.1,192.0.2.2")),
        ("load", "verdigris_load!-w '~:9000' --percpu".to_owned()),
        ("memory", "verdigris_memory".to_owned()),
        ("ping", "verdigris_ping_bare!-H 127.0.0.1 --count 1".to_owned()),
    ]);
    let mut objects = NAGIOS_FRAME.to_owned();
    for (name, line) in &lines {
        objects.push_str(&nagios_service(name, line));
    }
    objects.push_str(&text(&packaged("nagios/verdigris-commands.cfg")));
    let file = recorder.path().join("objects.cfg");
    fs::write(&file, objects).expect("write the objects");
    let nagios = agents::nagios(&file, recorder.path(), "");
    poll_until(std::time::Duration::from_secs(100), || seen_by_nagios(&nagios).len() == lines.len());
    let names: Vec<&str> = lines.keys().copied().collect();
    assert_ok(&seen_by_nagios(&nagios), &names, &nagios.server.log());

    let port = http.to_string();
    recorder.assert_called(
        "check-tcp",
        &[
            "--hostname",
            "127.0.0.1",
            "--port",
            &port,
            "--send",
            "GET / HTTP/1.0\\r\\n\\r\\n",
            "--escape",
            "--all",
            "--expect",
            "HTTP/1.1 200",
            "--expect",
            "two words",
            "--warning",
            "~:10",
        ],
    );
    recorder.assert_called(
        "check-http",
        &["--IP-address", "127.0.0.1", "-p", &port, "--string", "5; or more!", "--header", "X: a  \"b\" $5"],
    );
    let port = dns.to_string();
    recorder.assert_called(
        "check-dns",
        &[
            "--hostname",
            "h",
            "-H",
            "www.example",
            "-s",
            "127.0.0.1",
            "--port",
            &port,
            "-a",
            "192.0.2.1,192.0.2.2",
        ],
    );
    recorder.assert_called("check-load", &["-w", "~:9000", "--percpu"]);
    recorder.assert_called("check-ping", &["-H", "127.0.0.1", "--count", "1"]);
}

#[test]
fn nrpe_serves_its_file() {
    let installed = Installed::new();
    let folder = agents::open_folder();
    let packaged = text(&packaged("nrpe/verdigris.cfg"));
    let here = packaged.replace(agents::PLUGINS, &installed.folder().display().to_string());
    let file = folder.path().join("verdigris.cfg");
    fs::write(&file, &here).expect("write the commands");
    let nrpe = agents::nrpe(&file, "");
    let names = here.lines().filter_map(|line| line.strip_prefix("command[")?.split(']').next());
    let names: Vec<&str> = names.collect();
    assert!(names.contains(&"verdigris_disk") && names.contains(&"verdigris_load"), "{names:?}");
    for name in names {
        let ran = nrpe.ask(name);
        let label = name.trim_start_matches("verdigris_").to_uppercase();
        // How busy or full this machine is nobody knows; that it was measured is what counts.
        let measured = ["OK", "WARNING", "CRITICAL"]
            .iter()
            .position(|state| ran.stdout.starts_with(&format!("{label} {state} - ")));
        let code = ran.code.and_then(|code| usize::try_from(code).ok());
        assert!(measured.is_some() && measured == code, "{name}: {ran:?}\n{}", nrpe.server.log());
        assert!(ran.stdout.contains(" | "), "{name}: {}", ran.stdout);
    }
}

#[test]
fn sensu_takes_the_templates_and_their_commands_are_ones_that_the_plugins_read() {
    for entry in PLUGINS {
        let name = entry.name();
        let file = text(&packaged(&format!("sensu/check-templates/{name}.yaml")));
        let resources = sensu_go::read(&file).unwrap_or_else(|broken| panic!("{name}: {broken:?}"));
        let [check] = &resources[..] else { panic!("{name}: {} resources", resources.len()) };
        assert_eq!((check.kind.as_str(), check.name.as_str()), ("CheckConfig", name.as_str()));
        assert_eq!(check.spec.texts("runtime_assets"), ["verdigris-plugins"]);
        let line = file.lines().find_map(|line| line.trim().strip_prefix("command: ")).expect("a command");
        let command: String = serde_json::from_str(line).expect("a double-quoted scalar is one of JSON");

        let labels = |of: &str| of.starts_with(".labels.").then(|| "its ~:1".to_owned());
        for data in [&template::nothing as template::Data<'_>, &labels] {
            let line = template::expand(&command, data).unwrap_or_else(|error| panic!("{name}: {error}"));
            let ran = Run::new("/bin/sh").args(["-c", &format!("printf '%s\\0' {line}")]).go();
            let words: Vec<&str> = ran.stdout.split_terminator('\0').collect();
            assert_eq!(words[0], name);
            if line.contains("~:1") {
                assert!(words.contains(&"its ~:1"), "{words:?}");
            } else if let Err(error) = (entry.command)(&name).try_get_matches_from(&words) {
                panic!("{words:?}: {error}");
            }
        }
    }
}

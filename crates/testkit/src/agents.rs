//! The monitoring engines that run checks, each with a folder and ports of its own: Nagios Core, NRPE, Icinga 2.
//!
//! Started as root they drop to the user of Debian's packages, so whatever they are to read or to start must be open to it:
//! [`open_folder`].

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::pki::{Identity, Wish};
use crate::{Ran, Run, Server, free_port};

/// Where Debian puts plugins.
pub const PLUGINS: &str = "/usr/lib/nagios/plugins";
/// Whom Debian lets all three run as.
const USER: &str = "nagios";
/// Longest time to read a configuration.
const CHECK: Duration = Duration::from_secs(30);

/// A folder that everyone may look into, for what an engine reads or starts.
pub fn open_folder() -> TempDir {
    let folder = TempDir::with_prefix("verdigris-agent-").expect("make a folder for an agent");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("open the folder");
    folder
}

/// A folder in `parent` that the engine writes to.
fn writable(parent: &Path, name: &str) -> PathBuf {
    let folder = parent.join(name);
    fs::create_dir_all(&folder).expect("make a folder for an agent");
    give(&folder);
    folder
}

/// Lets the engine's user have it, where we are root.
fn give(path: &Path) {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let user = nix::unistd::User::from_name(USER).expect("look for the agents' user");
    let user = user.unwrap_or_else(|| panic!("there is no user {USER}: install the agents' packages"));
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("give it to the agents' user");
}

/// A running Nagios Core.
#[derive(Debug)]
pub struct Nagios {
    /// `status.dat`, written every second.
    pub status: PathBuf,
    /// The objects as it has read them.
    pub objects_cache: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// The pipe for external commands, one a line: `[0] SCHEDULE_FORCED_SVC_CHECK;host;service;0`.
    pub command_file: PathBuf,
    /// The process.
    pub server: Server,
}

/// Nagios Core with the object files at `objects` (a file, or a folder of `*.cfg`), `$USER1$` for `plugins`, and more `lines` of
/// the main file, which beat these: checks start at once and side by side, `interval_length=60`, nothing is kept.
pub fn nagios(objects: &Path, plugins: &Path, lines: &str) -> Nagios {
    let folder = open_folder();
    let main = nagios_main(&folder, objects, plugins, lines);
    let var = folder.path().join("var");
    let [status, objects_cache, log, command_file] =
        ["status.dat", "objects.cache", "nagios.log", "nagios.cmd"].map(|name| var.join(name));
    let mut command = Command::new("/usr/sbin/nagios4");
    command.arg(main);
    let files = [status.clone(), command_file.clone()];
    let up = move || files.iter().all(|file| file.exists());
    let server = Server::start_until(command, 0, folder, up);
    Nagios { status, objects_cache, log, command_file, server }
}

/// Nagios' CGIs below `/cgi/`, run by Apache for the user `reader` with the password `s3cret pass`.
pub fn nagios_cgi(nagios: &Nagios) -> Server {
    let (folder, port) = (open_folder(), free_port());
    let dir = folder.path().display();
    let main = nagios.status.parent().and_then(Path::parent).expect("its folder").join("nagios.cfg");
    let cgi = folder.path().join("cgi.cfg");
    fs::write(
        &cgi,
        format!(
            "main_config_file={}\nuse_authentication=1\nauthorized_for_all_services=reader\n\
        authorized_for_all_hosts=reader\nauthorized_for_configuration_information=reader\n\
        authorized_for_system_information=reader\n",
            main.display()
        ),
    )
    .expect("write cgi.cfg");
    // htpasswd's form for tests: SHA-1, https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
    fs::write(folder.path().join("users"), "reader:{SHA}ohgYgF2kkgMlRbH1HlEDczlOc+M=\n")
        .expect("write the users");
    let modules: String = [
        "mpm_prefork",
        "authn_core",
        "authn_file",
        "auth_basic",
        "authz_core",
        "authz_user",
        "cgi",
        "alias",
        "env",
    ]
    .iter()
    .flat_map(|name| ["LoadModule ", name, "_module /usr/lib/apache2/modules/mod_", name, ".so\n"])
    .collect();
    let config = format!(
        "{modules}ServerRoot {dir}\nDefaultRuntimeDir {dir}\nPidFile {dir}/pid\nMutex file:{dir} default\nServerName localhost\n\
         Listen 127.0.0.1:{port}\nErrorLog {dir}/error.log\nUser www-data\nGroup www-data\nStartServers 2\n\
         SetEnv NAGIOS_CGI_CONFIG {cgi}\nScriptAlias /cgi/ /usr/lib/cgi-bin/nagios4/\n\
         <Location /cgi/>\nAuthType Basic\nAuthName nagios\nAuthUserFile {dir}/users\nRequire valid-user\n</Location>\n",
        cgi = cgi.display(),
    );
    let file = folder.path().join("apache2.conf");
    fs::write(&file, config).expect("write apache2.conf");
    let mut apache = Command::new("/usr/sbin/apache2");
    apache.arg("-D").arg("FOREGROUND").arg("-f").arg(&file);
    Server::start(apache, port, folder)
}

/// What `nagios4 -v` says of the object files at `objects` (a file, or a folder of `*.cfg`) beside a minimal main file.
pub fn nagios_check(objects: &Path) -> Ran {
    let folder = open_folder();
    let main = nagios_main(&folder, objects, Path::new(PLUGINS), "");
    Run::new("/usr/sbin/nagios4").args(["-v".as_ref(), main.as_os_str()]).limit(CHECK).go()
}

/// Writes the main file and returns its path.
fn nagios_main(folder: &TempDir, objects: &Path, plugins: &Path, lines: &str) -> PathBuf {
    let var = writable(folder.path(), "var");
    let var = var.display();
    let resource = folder.path().join("resource.cfg");
    fs::write(&resource, format!("$USER1$={}\n", plugins.display())).expect("write resource.cfg");
    let kind = if objects.is_dir() { "cfg_dir" } else { "cfg_file" };
    let config = format!(
        "log_file={var}/nagios.log\n{kind}={objects}\nresource_file={resource}\ncheck_result_path={var}\n\
         object_cache_file={var}/objects.cache\nprecached_object_file={var}/objects.precache\n\
         status_file={var}/status.dat\nstatus_update_interval=1\ntemp_file={var}/nagios.tmp\ntemp_path={var}\n\
         lock_file={var}/nagios.lock\nstate_retention_file={var}/retention.dat\nretain_state_information=0\n\
         check_external_commands=1\ncommand_file={var}/nagios.cmd\nquery_socket={var}/nagios.qh\n\
         nagios_user={USER}\nnagios_group={USER}\nuse_syslog=0\ncheck_for_updates=0\ncheck_workers=2\n\
         service_inter_check_delay_method=n\nhost_inter_check_delay_method=n\nservice_interleave_factor=1\n\
         max_concurrent_checks=0\nillegal_object_name_chars=`~!$%^&*|'\"<>?,()=\n\
         illegal_macro_output_chars=`~$&|'\"<>\n{lines}\n",
        objects = objects.display(),
        resource = resource.display(),
    );
    let main = folder.path().join("nagios.cfg");
    fs::write(&main, config).expect("write nagios.cfg");
    main
}

/// A running NRPE daemon.
#[derive(Debug)]
pub struct Nrpe {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The process; its log holds what it refuses.
    pub server: Server,
}

/// NRPE with the commands at `commands` (a file, or a folder of `*.cfg`) and more `lines` of its configuration.
pub fn nrpe(commands: &Path, lines: &str) -> Nrpe {
    let (folder, port) = (open_folder(), free_port());
    let var = writable(folder.path(), "var");
    let kind = if commands.is_dir() { "include_dir" } else { "include" };
    let config = format!(
        "server_port={port}\nserver_address=127.0.0.1\nallowed_hosts=127.0.0.1\nnrpe_user={USER}\nnrpe_group={USER}\n\
         pid_file={var}/nrpe.pid\nlog_file={var}/nrpe.log\ncommand_timeout=60\n{lines}\n{kind}={commands}\n",
        var = var.display(),
        commands = commands.display(),
    );
    let file = folder.path().join("nrpe.cfg");
    fs::write(&file, config).expect("write nrpe.cfg");
    let mut command = Command::new("/usr/sbin/nrpe");
    command.arg("-f").arg("-c").arg(&file);
    Nrpe { port, server: Server::start(command, port, folder) }
}

impl Nrpe {
    /// Asks for a command through `check_nrpe`, over TLS.
    pub fn ask(&self, command: &str) -> Ran {
        let port = self.port.to_string();
        let program = Path::new(PLUGINS).join("check_nrpe");
        Run::new(program).args(["-H", "127.0.0.1", "-p", &port, "-t", "50", "-c", command]).go()
    }
}

/// A running Icinga 2, with its API.
#[derive(Debug)]
pub struct Icinga2 {
    /// Port of the API on 127.0.0.1.
    pub api_port: u16,
    /// User of the API who may do everything.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The authority of the API's certificate, which is for 127.0.0.1, localhost and the node's name.
    pub ca_file: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// The process.
    pub server: Server,
}

impl Icinga2 {
    /// Sends a request without a body to its API, `GET` and `/v1/objects/hosts`, and returns the answer with its head.
    pub fn ask(&self, method: &str, path: &str) -> String {
        // testkit:secret
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\
             Authorization: Basic dGVzdGtpdDpzZWNyZXQ=\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let (ca, address) = (self.ca_file.display().to_string(), self.server.address().to_string());
        let args = ["s_client", "-quiet", "-verify_return_error", "-CAfile", &ca, "-connect", &address];
        Run::new("openssl").args(args).input(request).go().stdout
    }
}

/// Icinga 2 as the node `node` with the configuration at `objects` (a file, or a folder of `*.conf`), beside the template library
/// and the commands of the C plugins, and more `lines`. The node's endpoint and zone are made unless `objects` or `lines` hold
/// `object Endpoint "node"` and `object Zone "node"`.
pub fn icinga2(node: &str, objects: &Path, lines: &str) -> Icinga2 {
    let (folder, port) = (open_folder(), free_port());
    let (user, password) = ("testkit".to_owned(), "secret".to_owned());
    let data = writable(folder.path(), "data");
    let certs = writable(&data, "certs");
    let authority = Identity::root("testkit authority");
    let (ca_file, _key) = authority.write(&certs, "ca", false);
    let own = authority.issue(&Wish::names(&[node, "127.0.0.1", "localhost"]));
    let (cert, key) = own.write(&certs, node, false);
    for file in [&ca_file, &cert, &key] {
        give(file);
    }
    let api = format!(
        "object ApiListener \"api\" {{\n  bind_host = \"127.0.0.1\"\n  bind_port = {port}\n}}\n\
         object ApiUser \"{user}\" {{\n  password = \"{password}\"\n  permissions = [ \"*\" ]\n}}\n{lines}"
    );
    let main = icinga2_main(&folder, node, objects, &api);
    let mut command = Command::new("/usr/sbin/icinga2");
    command.args(icinga2_args(&folder, &main));
    let log = folder.path().join("log.d/icinga2.log");
    Icinga2 { api_port: port, user, password, ca_file, log, server: Server::start(command, port, folder) }
}

/// What `icinga2 daemon -C` says of the configuration at `conf` (a file, or a folder of `*.conf`), beside the template library and
/// the commands of the C plugins.
pub fn icinga2_check(conf: &Path) -> Ran {
    let folder = open_folder();
    let main = icinga2_main(&folder, "testkit", conf, "");
    Run::new("/usr/sbin/icinga2").args(icinga2_args(&folder, &main)).args(["-C"]).limit(CHECK).go()
}

/// Writes the main file and returns its path.
fn icinga2_main(folder: &TempDir, node: &str, objects: &Path, lines: &str) -> PathBuf {
    for name in ["data", "cache", "run", "spool"] {
        writable(folder.path(), name);
    }
    // Icinga puts its own log where the output of the process goes otherwise.
    writable(folder.path(), "log.d");
    let given = text_of(objects) + lines;
    let missing = |kind: &str, rest: &str| {
        if given.contains(&format!("object {kind} \"{node}\"")) {
            String::new()
        } else {
            format!("object {kind} \"{node}\" {{ {rest} }}\n")
        }
    };
    let include = if objects.is_dir() { "include_recursive" } else { "include" };
    let config = format!(
        "const NodeName = \"{node}\"\nconst ZoneName = \"{node}\"\nconst PluginDir = \"{PLUGINS}\"\n\
         const ManubulonPluginDir = PluginDir\nconst PluginContribDir = PluginDir\nconst TicketSalt = \"\"\n\
         include <itl>\ninclude <plugins>\nobject CheckerComponent \"checker\" {{ }}\n\
         object FileLogger \"main\" {{\n  severity = \"information\"\n  path = LogDir + \"/icinga2.log\"\n}}\n\
         {endpoint}{zone}{lines}\n{include} \"{objects}\"\n",
        endpoint = missing("Endpoint", ""),
        zone = missing("Zone", &format!("endpoints = [ \"{node}\" ]")),
        objects = objects.display(),
    );
    let main = folder.path().join("icinga2.conf");
    fs::write(&main, config).expect("write icinga2.conf");
    main
}

fn icinga2_args(folder: &TempDir, main: &Path) -> Vec<String> {
    let dir = |constant: &str, name: &str| format!("-D{constant}={}", folder.path().join(name).display());
    vec![
        "daemon".into(),
        "-c".into(),
        main.display().to_string(),
        dir("DataDir", "data"),
        dir("LogDir", "log.d"),
        dir("CacheDir", "cache"),
        dir("InitRunDir", "run"),
        dir("SpoolDir", "spool"),
    ]
}

/// The text of a file, or of all files below a folder.
fn text_of(path: &Path) -> String {
    if !path.is_dir() {
        return fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    entries.map(|entry| text_of(&entry.expect("read the folder").path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll_until;

    const WAIT: Duration = Duration::from_secs(30);

    const OBJECTS: &str = "define timeperiod {\n timeperiod_name always\n alias always\n monday 00:00-24:00\n}\n\
        define command {\n command_name x\n command_line $USER1$/check_dummy 0 fine\n}\n\
        define contact {\n contact_name nobody\n host_notifications_enabled 0\n service_notifications_enabled 0\n \
        host_notification_period always\n service_notification_period always\n host_notification_options n\n \
        service_notification_options n\n host_notification_commands x\n service_notification_commands x\n}\n\
        define host {\n host_name h\n address 127.0.0.1\n max_check_attempts 1\n check_period always\n \
        notification_period always\n contacts nobody\n}\n\
        define service {\n host_name h\n service_description s\n check_command x\n max_check_attempts 1\n \
        check_interval 1\n retry_interval 1\n notification_period always\n contacts nobody\n}\n";

    fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
        let folder = open_folder();
        let path = folder.path().join(name);
        fs::write(&path, text).expect("write a file");
        (folder, path)
    }

    #[test]
    fn nagios_runs_a_check_and_ends() {
        let (folder, objects) = file("objects.cfg", OBJECTS);
        let checked = nagios_check(folder.path());
        assert_eq!(checked.code, Some(0), "{}", checked.stdout);
        assert!(nagios_check(Path::new("/dev/null")).code != Some(0));
        let nagios = nagios(&objects, Path::new(PLUGINS), "");
        let seen =
            || fs::read_to_string(&nagios.status).is_ok_and(|text| text.contains("plugin_output=OK: fine"));
        assert!(poll_until(WAIT, seen), "{}", nagios.server.log());
        let pid = nagios.server.pid();
        drop(nagios);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn nrpe_answers() {
        let (_folder, commands) =
            file("commands.cfg", &format!("command[x]={PLUGINS}/check_dummy 1 'a  b'\n"));
        let nrpe = nrpe(&commands, "");
        let ran = nrpe.ask("x");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), "WARNING: a  b\n"), "{}", nrpe.server.log());
    }

    #[test]
    fn icinga2_runs_a_check_and_answers() {
        let (folder, objects) = file(
            "objects.conf",
            "object Host \"h\" {\n check_command = \"dummy\"\n check_interval = 1s\n vars.dummy_text = \"fine\"\n}\n",
        );
        let checked = icinga2_check(folder.path());
        assert_eq!(checked.code, Some(0), "{}", checked.stdout);
        let (_bad, bad) = file("bad.conf", "object Host \"h\" { }\n");
        assert_eq!(icinga2_check(&bad).code, Some(1));
        let icinga = icinga2("testkit", &objects, "");
        let asked = || icinga.ask("GET", "/v1/objects/hosts/h").contains("fine");
        assert!(poll_until(WAIT, asked), "{}", icinga.server.log());
        assert!(icinga.log.exists());
    }
}

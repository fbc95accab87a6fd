//! A platform in a folder of its own: a manifest, plugins written on the spot, and `mdd` run on them.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest that anything here may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What every manifest of these tests begins with.
const HEAD: &str = "
mdd: 1
platform: {id: quay, title: Quay, owner: paas}
teams:
  paas: {name: Platform, chat: \"#quay\"}
  netops: {name: Network, chat: \"#netops\"}
milestones:
  network: {title: Network and names}
  core: {title: Core services}
  done: {title: Done done}
datacenters:
  iad2:
    title: Ashburn 2
    stage: building
    due: {network: 2020-01-01, core: 2099-01-01, done: 2099-06-01}
programs: [check-*, check_*]
vantages:
  node: {owner: paas, milestone: network}
  builder: {owner: paas, milestone: core}
defaults: {interval: 60s, timeout: 10s, stable: 0s, severity: critical, subscription: node}
groups:
  net: {title: Network, owner: netops}
points:
";

/// The folder of one test.
pub struct Platform {
    folder: tempfile::TempDir,
    points: String,
    tail: String,
}

/// What a command has come to.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Checks the exit code, showing everything when it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }

    /// Checks that standard output has this line, blanks squeezed.
    #[track_caller]
    pub fn says(&self, wanted: &str) -> &Self {
        let squeezed: Vec<String> =
            self.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert!(squeezed.iter().any(|line| line.contains(wanted)), "no `{wanted}` in:\n{}", self.stdout);
        self
    }
}

impl Platform {
    /// A platform without points.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("plugins")).unwrap();
        let platform = Platform { folder, points: String::new(), tail: String::new() };
        platform.save();
        platform
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a point: its check as YAML, and further fields, one a line.
    pub fn point(&mut self, id: &str, check: &str, fields: &[&str]) -> &mut Self {
        let mut lines = vec![format!("title: {id} works"), "why: it has to".into(), "group: net".into()];
        if !fields.iter().any(|field| field.starts_with("milestone:")) {
            lines.push("milestone: core".into());
        }
        lines.extend(fields.iter().map(|field| (*field).to_owned()));
        lines.push(format!("check: {check}"));
        self.points.extend(["  ", id, ":\n    ", &lines.join("\n    "), "\n"]);
        self.save();
        self
    }

    /// Forgets all points.
    pub fn without_points(&mut self) -> &mut Self {
        self.points.clear();
        self
    }

    /// Adds text at the end of the manifest, such as waivers.
    pub fn tail(&mut self, text: &str) -> &mut Self {
        self.tail.push_str(text);
        self.save();
        self
    }

    fn save(&self) {
        let points = if self.points.is_empty() { "  {}\n" } else { &self.points };
        std::fs::write(self.path("mdd.yaml"), format!("{HEAD}{points}{}", self.tail)).unwrap();
    }

    /// Writes a plugin: a shell script.
    pub fn plugin(&self, name: &str, script: &str) -> &Self {
        let path = self.path("plugins").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// A plugin `check-file` that says what is in a file: exit code, blank, text.
    pub fn with_file_plugin(self) -> Self {
        self.plugin("check-file", "read -r code text < \"$1\"; echo \"$text\"; exit \"$code\"");
        self
    }

    /// A point that says what is in the file of its name.
    pub fn switch(&mut self, id: &str, fields: &[&str]) -> &mut Self {
        let check = format!("[check-file, \"{}\"]", self.path(id).display());
        self.point(id, &check, fields);
        self.set(id, 2, "nothing there");
        self
    }

    /// What a switch says from now on.
    pub fn set(&self, id: &str, code: u8, text: &str) {
        // In one step, because a check may be reading it.
        let draft = self.path(&format!("{id}.draft"));
        std::fs::write(&draft, format!("{code} {text}\n")).unwrap();
        std::fs::rename(draft, self.path(id)).unwrap();
    }

    /// `mdd` with these arguments, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_mdd")), arguments)
    }

    /// A copy of `mdd` in the folder, for users who may not look into the one that it was built in.
    pub fn copy_of_mdd(&self) -> PathBuf {
        let copy = self.path("mdd");
        // By another process: a file that this one has open for writing may be held by a child of another test, and
        // could not be started.
        let status = Command::new("cp").arg(env!("CARGO_BIN_EXE_mdd")).arg(&copy).status().unwrap();
        assert!(status.success());
        copy
    }

    /// The same of a certain executable.
    pub fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_remove("MDD_FILE")
            .env_remove("MDD_STATE")
            .env_remove("NO_COLOR")
            .env("MDD_PLUGIN_PATH", self.path("plugins"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `mdd` to its end.
    pub fn mdd(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// State of a point in the JSON of a run or a gate.
    pub fn state(json: &Value, id: &str) -> String {
        Platform::entry(json, id)["state"].as_str().unwrap().to_owned()
    }

    /// A point in the JSON of a run or a gate.
    pub fn entry<'j>(json: &'j Value, id: &str) -> &'j Value {
        let points = json["points"].as_array().unwrap();
        points.iter().find(|point| point["id"] == id).unwrap_or_else(|| panic!("no {id} in {json:#}"))
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for a started `mdd`.
#[track_caller]
pub fn finish(mut child: Child) -> Outcome {
    let mut code = None;
    until("mdd ends", || {
        code = child.try_wait().unwrap();
        code.is_some()
    });
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Outcome { code: code.unwrap().code(), stdout, stderr }
}

/// Sends a signal to a started `mdd`.
pub fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// Whether a process is there, zombies left out.
pub fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The process id that a plugin has written into a file.
pub fn pid_in(path: &Path) -> Option<i32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

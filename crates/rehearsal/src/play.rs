//! The director: day zero, one deployment after the other, the gate.

use crate::certificates;
use crate::serve::{KEEP, READY};
use crate::services::{SERVICES, Service};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The datacenter of the manifest, and the vantage point that this machine plays.
const DATACENTER: &str = "iad2";
const VANTAGE: &str = "paas-node";
/// Below the range that Linux gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// After the last deployment the points have so long to settle.
const SETTLE: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(20);
const INTERRUPTED: u8 = 130;

/// What `play` was asked for.
pub struct Options {
    /// The folder of the manifest.
    pub manifest: PathBuf,
    /// Leave the services up.
    pub keep: bool,
    /// Time between two deployments.
    pub step: Duration,
    /// Where history, record, certificates and page go; what was there is replaced.
    pub out: PathBuf,
    /// Where `mdd` and the checks are: beside this program.
    programs: PathBuf,
}

impl Options {
    /// The defaults, without a manifest.
    pub fn new() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
        let programs = own.parent().unwrap_or(Path::new("/")).to_path_buf();
        let out = programs.parent().unwrap_or(Path::new("/")).join("rehearsal");
        Ok(Options {
            manifest: PathBuf::new(),
            keep: false,
            step: Duration::from_millis(2500),
            out,
            programs,
        })
    }
}

/// A started service; dropping it ends the process.
struct Deployed {
    service: &'static Service,
    process: Child,
}

/// Why the rehearsal stopped early.
enum Stop {
    Interrupted,
    Failed(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Stop::Failed(message)
    }
}

/// Plays the whole rehearsal; the exit code is the gate's.
pub fn play(options: &Options) -> Result<ExitCode, String> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))
            .map_err(|error| format!("catch signal {signal}: {error}"))?;
    }
    let out = std::path::absolute(&options.out)
        .map_err(|error| format!("find {}: {error}", options.out.display()))?;
    let stage = Stage { options, out, port: free_port()?, interrupted };
    let mut deployed = Vec::new();
    let code = match stage.play(&mut deployed) {
        Ok(code) => code,
        Err(Stop::Interrupted) => {
            println!("\nInterrupted: ending everything.");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(Stop::Failed(message)) => return Err(message),
    };
    if options.keep {
        stage.leave(deployed)?;
    } else {
        println!("\nEverything is ended; with --keep it stays up, to be tried out.");
    }
    println!("\nThe page of the datacenter, for a browser:\n\n  {}", stage.page().display());
    Ok(ExitCode::from(code))
}

struct Stage<'a> {
    options: &'a Options,
    /// The folder of the options, whatever the working directory.
    out: PathBuf,
    port: u16,
    interrupted: Arc<AtomicBool>,
}

impl Stage<'_> {
    fn play(&self, deployed: &mut Vec<Deployed>) -> Result<u8, Stop> {
        let out = self.out.display();
        std::fs::remove_dir_all(&self.out)
            .or_else(unless_missing)
            .map_err(|e| format!("empty {out}: {e}"))?;
        std::fs::create_dir_all(&self.out).map_err(|error| format!("create {out}: {error}"))?;
        certificates::make(&self.out)?;
        println!(
            "A datacenter is to be built: {} services on loopback, port {}. Its points are known, nothing is there.\n",
            SERVICES.len(),
            self.port
        );
        self.mdd(&["run", DATACENTER, "--as", VANTAGE])?;

        println!("\nThe teams deploy; mdd watches, one line per change.\n");
        let length = self.options.step * u32::try_from(SERVICES.len()).unwrap_or(u32::MAX) + SETTLE;
        let timeout = format!("{}s", length.as_secs());
        let watch = ["watch", DATACENTER, "--as", VANTAGE, "--until", "done", "--every", "1s"];
        let mut watch = self.start(&[&watch[..], &["--timeout", &timeout]].concat())?;
        let ended = self.deploy_all(deployed, &mut watch).and_then(|()| self.wait(&mut watch));
        if ended.is_err() {
            end(&mut watch);
        }
        ended?;

        println!("\nIs it done?\n");
        let record = self.out.join(format!("{DATACENTER}.json"));
        let gate = code(self.mdd(&["gate", DATACENTER, "--record", &record.to_string_lossy()])?)?;

        println!();
        let report = self.mdd(&["report", DATACENTER, "--quiet", "--out", &self.out.to_string_lossy()])?;
        if !report.success() {
            return Err(Stop::Failed(format!("mdd report: {report}")));
        }
        Ok(gate)
    }

    /// One service after the other, a step apart.
    fn deploy_all(&self, deployed: &mut Vec<Deployed>, watch: &mut Child) -> Result<(), Stop> {
        for service in SERVICES {
            self.pause(self.options.step)?;
            if let Some(status) = watch.try_wait().map_err(|error| format!("wait for mdd: {error}"))? {
                return Err(Stop::Failed(format!("mdd watch ended before the last deployment: {status}")));
            }
            let new = deploy(service, self.port, &certificates::folder(&self.out))?;
            let pid = new.process.id();
            let Service { name, team, address, .. } = service;
            println!("          {team} deploys {name} on {address} (pid {pid})");
            deployed.push(new);
        }
        Ok(())
    }

    /// Tells the services to stay, and the reader what to try.
    fn leave(&self, deployed: Vec<Deployed>) -> Result<(), String> {
        println!("\nThe services stay up:\n");
        let mut pids = Vec::new();
        for mut one in deployed {
            let pid = one.process.id();
            println!(
                "  pid {pid:<8} {:<9} {}:{}  {}",
                one.service.name, one.service.address, self.port, one.service.team
            );
            let stdin = one.process.stdin.take().ok_or("a service without standard input")?;
            (&stdin).write_all(KEEP.as_bytes()).map_err(|error| format!("keep pid {pid}: {error}"))?;
            pids.push(pid.to_string());
            // Not dropped: dropping a `Deployed` ends the process.
            std::mem::forget(one);
        }
        let mdd = self.command(&[]);
        println!("\nTake one away and look again: what needs it is blocked, nothing else.\n");
        println!("  kill PID");
        println!("  {} run {DATACENTER} --as {VANTAGE}", line(&mdd));
        println!("  {} gate {DATACENTER}; echo $?", line(&mdd));
        let own = self.options.programs.join("rehearsal");
        println!(
            "  {} serve NAME {} {}        (brings it back, until Ctrl-C)",
            own.display(),
            self.port,
            certificates::folder(&self.out).display()
        );
        println!("\nEnd them all:\n\n  kill {}", pids.join(" "));
        Ok(())
    }

    /// Runs `mdd` to its end, with its output on ours.
    fn mdd(&self, args: &[&str]) -> Result<ExitStatus, Stop> {
        let mut child = self.start(args)?;
        let ended = self.wait(&mut child);
        if ended.is_err() {
            end(&mut child);
        }
        ended
    }

    fn start(&self, args: &[&str]) -> Result<Child, Stop> {
        let mut command = self.command(args);
        println!("$ mdd {}", args.join(" "));
        command.stdin(Stdio::null()).spawn().map_err(|error| {
            Stop::Failed(format!("start {}: {error}", command.get_program().to_string_lossy()))
        })
    }

    /// `mdd` beside this program, which finds the checks there too, with the manifest, history, port and root certificate
    /// of this rehearsal.
    fn command(&self, args: &[&str]) -> Command {
        let Options { manifest, programs, .. } = self.options;
        let mut command = Command::new(programs.join("mdd"));
        command.arg("--file").arg(manifest).arg("--state").arg(self.history());
        command.args(["--set", &format!("port={}", self.port)]);
        command.arg("--set").arg(format!("ca_file={}", certificates::root(&self.out).display()));
        command.args(args);
        command
    }

    fn history(&self) -> PathBuf {
        self.out.join("history.db")
    }

    fn page(&self) -> PathBuf {
        self.out.join(format!("{DATACENTER}.html"))
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus, Stop> {
        loop {
            if let Some(status) = child.try_wait().map_err(|error| format!("wait for mdd: {error}"))? {
                return Ok(status);
            }
            self.pause(TICK)?;
        }
    }

    fn pause(&self, time: Duration) -> Result<(), Stop> {
        let started = Instant::now();
        while started.elapsed() < time && !self.interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(TICK.min(time));
        }
        if self.interrupted.load(Ordering::Relaxed) { Err(Stop::Interrupted) } else { Ok(()) }
    }
}

/// Starts a service and waits until it listens, or has ended because it cannot.
fn deploy(service: &'static Service, port: u16, certificates: &Path) -> Result<Deployed, String> {
    let own = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
    let process = Command::new(own)
        .args(["serve", service.name, &port.to_string()])
        .arg(certificates)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("start {}: {error}", service.name))?;
    let mut deployed = Deployed { service, process };
    let mut said = String::new();
    let stdout = deployed.process.stdout.take().ok_or("a service without standard output")?;
    BufReader::new(stdout).read_line(&mut said).map_err(|error| format!("hear {}: {error}", service.name))?;
    if said.trim_end() == READY { Ok(deployed) } else { Err(format!("{} does not come up", service.name)) }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Ends a process of ours, and waits for it. It may have ended by itself.
fn end(process: &mut Child) {
    if process.kill().is_ok() && process.wait().is_err() {
        eprintln!("rehearsal: pid {} is gone, but cannot be waited for", process.id());
    }
}

/// A port that is free for every service on its own address.
fn free_port() -> Result<u16, String> {
    let width = u32::from(PORTS.end - PORTS.start);
    let first = u16::try_from(std::process::id() * 7 % width).unwrap_or(0);
    let free = |port: u16| {
        SERVICES.iter().all(|service| {
            (!service.talk.is_stream() || TcpListener::bind((service.address, port)).is_ok())
                && (service.talk.datagrams().is_none() || UdpSocket::bind((service.address, port)).is_ok())
        })
    };
    let mut ports = (PORTS.start + first..PORTS.end).chain(PORTS.start..PORTS.start + first);
    ports.find(|port| free(*port)).ok_or_else(|| {
        let Service { address, .. } = SERVICES[0];
        format!("no port between {} and {} is free on {address} and its neighbours", PORTS.start, PORTS.end)
    })
}

/// A command as a line for a shell; no word of ours has a blank but paths may.
fn line(command: &Command) -> String {
    let quoted = |word: &str| {
        if word.contains([' ', '\'', '$']) {
            format!("'{}'", word.replace('\'', r"'\''"))
        } else {
            word.into()
        }
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<String>>().join(" ")
}

fn code(status: ExitStatus) -> Result<u8, Stop> {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.ok_or_else(|| Stop::Failed(format!("mdd gate: {status}")))
}

fn unless_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

//! A real server as a child process.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Longest wait for a server to listen.
const START: Duration = Duration::from_secs(20);
/// Longest wait for a server to end on SIGTERM.
const END: Duration = Duration::from_secs(3);

/// A server of a test: a process in a group of its own, with a folder of its own. Ended by its pid on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts a server that stays in the foreground, and waits until it accepts on 127.0.0.1:`port`.
    ///
    /// `folder` is kept until it has ended. Its output goes to `folder`/log. Panics, with that log, when it ends or does not
    /// listen in time.
    pub fn start(command: Command, port: u16, folder: TempDir) -> Server {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let wait = Duration::from_millis(200);
        Server::start_until(command, port, folder, || TcpStream::connect_timeout(&address, wait).is_ok())
    }

    /// [`Server::start`] for a server that shows in another way that it is `up`.
    pub fn start_until(
        mut command: Command,
        port: u16,
        folder: TempDir,
        mut up: impl FnMut() -> bool,
    ) -> Server {
        let log_path = folder.path().join("log");
        let log = std::fs::File::create(&log_path).expect("create the server's log");
        let shown = format!("{command:?}");
        let child = command
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("share the log"))
            .stdout(log)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("start {shown}: {error}"));
        let mut server = Server { child, port, folder };
        let address = server.address();
        let up =
            poll_until(START, || server.child.try_wait().expect("wait for the server").is_some() || up());
        let ended = server.child.try_wait().expect("wait for the server");
        assert!(up && ended.is_none(), "{shown} does not listen on {address} ({ended:?}): {}", server.log());
        server
    }

    /// 127.0.0.1 and its port.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its own folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has written to its outputs.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Ok(pid) = i32::try_from(self.child.id()) else { return };
        // Ends of a process that has gone already are no errors, and a drop must not panic.
        let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let ended = poll_until(END, || self.child.try_wait().map_or(true, |status| status.is_some()));
        let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        if !ended {
            let _gone = self.child.wait();
        }
    }
}

/// Asks again every few milliseconds until `is_so`; false when it was not so within `limit`.
pub fn poll_until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

//! Processes, from /proc/PID (proc_pid(5)). Each file is opened only when it is asked for: together they cost what ps does.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::{FromStr, SplitAsciiWhitespace};

use nix::unistd::{SysconfVar, sysconf};
use plugin::{Context as _, Deadline, Reason, Result};

use crate::Root;
use crate::root::{read_small, step, text_of, unreadable};

/// Number of a process.
pub type Pid = u32;

/// What is read of /proc/PID/stat: a name of 64 bytes and the 22 numbers up to the resident memory fit, each at its longest.
const STAT: usize = 640;
/// Longest command line that is read; the kernel allows 6 MiB (execve(2)).
const COMMAND_LINE: usize = 8 << 20;
/// Flag of a kernel thread in the `flags` of /proc/PID/stat: `PF_KTHREAD` of linux/sched.h.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// The numbers of all processes that this user may see, as the kernel lists them. Costs one pass over /proc.
pub fn list(root: &Root) -> Result<Vec<Pid>> {
    let path = root.path("/proc");
    let unlisted = |error: io::Error| unreadable(&path, &error);
    let mut pids = Vec::new();
    for entry in fs::read_dir(&path).map_err(unlisted)? {
        let name = entry.map_err(unlisted)?.file_name();
        pids.extend(name.to_str().and_then(|name| name.parse::<Pid>().ok()));
    }
    if pids.is_empty() { Err(root.garbled("/proc", "no process")) } else { Ok(pids) }
}

/// This process in the numbering of the root's /proc; none where that is another machine's, or a fixture.
pub fn own_pid(root: &Root) -> Option<Pid> {
    fs::read_link(root.path("/proc/self")).ok()?.to_str()?.parse().ok()
}

/// The effective user of a process: the owner of its folder. None when it has ended.
pub fn uid(root: &Root, pid: Pid) -> Result<Option<u32>> {
    let path = root.path(&format!("/proc/{pid}"));
    seen(&path, fs::metadata(&path).map(|folder| folder.uid()))
}

/// Device and inode of the program that a process runs. None for kernel threads, and for other users' processes.
pub fn program(root: &Root, pid: Pid) -> Option<(u64, u64)> {
    let program = fs::metadata(file_of(root, pid, "exe")).ok()?;
    Some((program.dev(), program.ino()))
}

/// The arguments of a process, joined with blanks; empty for kernel threads and zombies. None when it has ended.
///
/// The kernel waits for the process's memory to be readable, which a process that hangs in it can delay.
pub fn command_line(root: &Root, pid: Pid) -> Result<Option<String>> {
    let path = file_of(root, pid, "cmdline");
    let Some(mut bytes) = seen(&path, read_small(&path, COMMAND_LINE))? else { return Ok(None) };
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    for byte in &mut bytes {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    Ok(Some(text_of(bytes)))
}

/// Whether a process has locked memory: what ps shows as `L`. False when it has ended.
pub fn locks_memory(root: &Root, pid: Pid) -> Result<bool> {
    let path = file_of(root, pid, "status");
    let Some(status) = seen(&path, read_small(&path, 64 << 10))? else { return Ok(false) };
    let status = String::from_utf8_lossy(&status);
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
    Ok(locked.is_some_and(|size| size.trim() != "0 kB"))
}

/// What /proc/PID/stat says of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    /// Its name: 15 bytes at most for programs, blanks and parentheses included.
    pub name: String,
    /// `R`, `S`, `D`, `Z` …
    pub state: char,
    /// Its parent; 0 for init and the kernel's own, and where the parent lives in another namespace.
    pub parent: Pid,
    group: i64,
    session: i64,
    terminal_group: i64,
    flags: u64,
    /// Ticks spent in user and kernel mode.
    cpu_ticks: u64,
    nice: i64,
    threads: i64,
    /// Ticks after boot.
    started: u64,
    /// Virtual memory, in bytes.
    pub vsize: u64,
    rss_pages: u64,
}

impl Process {
    /// One process. None when it has ended.
    pub fn read(root: &Root, pid: Pid) -> Result<Option<Process>> {
        let path = file_of(root, pid, "stat");
        let mut buffer = [0; STAT];
        // One read: the kernel makes the line anew for each.
        let Some(length) = seen(&path, File::open(&path).and_then(|mut file| file.read(&mut buffer)))? else {
            return Ok(None);
        };
        let process = Process::parse(pid, &buffer[..length]);
        process
            .map(Some)
            .because(Reason::Internal, format_args!("read {}: no state of a process", path.display()))
    }

    fn parse(pid: Pid, line: &[u8]) -> Option<Process> {
        // The name is whatever the process made it: only the last parenthesis ends it.
        let start = line.iter().position(|byte| *byte == b'(')? + 1;
        let end = line.iter().rposition(|byte| *byte == b')')?;
        let name = text_of(line.get(start..end)?.to_vec());
        // Those that matter, in the order of proc_pid_stat(5), which counts the state as the third.
        let fields = &mut std::str::from_utf8(line.get(end + 1..)?).ok()?.split_ascii_whitespace();
        Some(Process {
            pid,
            name,
            state: field_after(fields, 0)?,
            parent: field_after(fields, 0)?,
            group: field_after(fields, 0)?,
            session: field_after(fields, 0)?,
            terminal_group: field_after(fields, 1)?,
            flags: field_after(fields, 0)?,
            cpu_ticks: field_after::<u64>(fields, 4)?.saturating_add(field_after(fields, 0)?),
            nice: field_after(fields, 3)?,
            threads: field_after(fields, 0)?,
            started: field_after(fields, 1)?,
            vsize: field_after(fields, 0)?,
            // Negative for a moment while a process ends.
            rss_pages: u64::try_from(field_after::<i64>(fields, 0)?).unwrap_or(0),
        })
    }

    /// Whether it is a thread of the kernel.
    pub fn is_kernel_thread(&self) -> bool {
        self.flags & KERNEL_THREAD != 0
    }

    /// Whether it has one of the flags that ps(1) shows beside the state: `<` high priority, `N` low priority, `s` leads a
    /// session, `l` several threads, `+` in the foreground. `L` is asked of [`locks_memory`].
    pub fn has_flag(&self, flag: char) -> bool {
        match flag {
            '<' => self.nice < 0,
            'N' => self.nice > 0,
            's' => self.session == i64::from(self.pid),
            'l' => self.threads > 1,
            '+' => self.group == self.terminal_group,
            _ => false,
        }
    }

    /// Resident memory, in bytes.
    pub fn rss(&self) -> u64 {
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        self.rss_pages.saturating_mul(page.and_then(|size| u64::try_from(size).ok()).unwrap_or(4096))
    }
}

/// Time since boot, and the tick that processes count in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    uptime: f64,
    ticks: f64,
}

impl Clock {
    /// Now, from /proc/uptime (proc_uptime(5)).
    pub fn read(root: &Root) -> Result<Clock> {
        const FILE: &str = "/proc/uptime";
        let text = root.read(FILE)?;
        let uptime = parse_uptime(&text)
            .ok_or_else(|| root.garbled(FILE, format_args!("no seconds in `{}`", text.trim())))?;
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0).unwrap_or(100);
        Ok(Clock { uptime, ticks: ticks as f64 })
    }

    /// Seconds since a process started; 0 where the clock runs in another namespace than the process.
    pub fn elapsed(&self, process: &Process) -> f64 {
        (self.uptime - process.started as f64 / self.ticks).max(0.0)
    }

    /// CPU time over time since the start, in percent of one CPU: what ps(1) shows as %CPU, cut to one decimal as there.
    pub fn cpu_percent(&self, process: &Process) -> f64 {
        let elapsed = self.elapsed(process);
        let used = process.cpu_ticks as f64 / self.ticks;
        if elapsed > 0.0 { (used * 1000.0 / elapsed).floor() / 10.0 } else { 0.0 }
    }
}

/// The processes that use most CPU, after the percentage of each, greatest first; without those that this user may not read.
pub fn busiest(root: &Root, deadline: &Deadline, count: usize) -> Result<Vec<(f64, Process)>> {
    step(deadline, "read the processes")?;
    let clock = Clock::read(root)?;
    let mut busiest = Vec::new();
    for pid in list(root)? {
        match Process::read(root, pid) {
            Ok(Some(process)) => busiest.push((clock.cpu_percent(&process), process)),
            Ok(None) => {}
            Err(failure) if failure.reason == Reason::Permission => {}
            Err(failure) => return Err(failure),
        }
    }
    busiest.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    busiest.truncate(count);
    Ok(busiest)
}

// The field behind those that are skipped: a number, or the letter of the state.
fn field_after<T: FromStr>(fields: &mut SplitAsciiWhitespace, skipped: usize) -> Option<T> {
    fields.nth(skipped)?.parse().ok()
}

fn parse_uptime(text: &str) -> Option<f64> {
    let seconds: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

fn file_of(root: &Root, pid: Pid, file: &str) -> PathBuf {
    root.path(&format!("/proc/{pid}/{file}"))
}

// What was read of a process, or nothing when it ended before or during the call.
fn seen<T>(path: &Path, read: io::Result<T>) -> Result<Option<T>> {
    const NO_SUCH_PROCESS: i32 = nix::errno::Errno::ESRCH as i32;
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(NO_SUCH_PROCESS) => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Clock, Process, busiest, command_line, list, locks_memory, own_pid, parse_uptime, program, uid,
    };
    use crate::Root;
    use crate::root::tests::root_with;
    use plugin::{Deadline, Reason};
    use proptest::prelude::*;
    use std::time::Duration;

    const LINE: &str = "77 (a (b) c) S 1 77 77 34816 77 4194304 100 0 0 0 250 150 7 8 20 -5 3 0 5000 10485760 256 \
        18446744073709551615 1 1 0 0 0 0 0 4096 1256 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0";

    fn process(line: &str) -> Option<Process> {
        Process::parse(77, line.as_bytes())
    }

    #[test]
    fn a_name_may_hold_anything() {
        for name in ["a (b) c", "(sd-pam)", "tmux: server", ") S 1 (", "", "\u{fffd}"] {
            let read = process(&LINE.replace("a (b) c", name)).expect("readable");
            assert_eq!((read.name.as_str(), read.state, read.parent), (name, 'S', 1));
        }
    }

    #[test]
    fn numbers_are_those_of_ps() {
        let process = process(LINE).expect("readable");
        assert_eq!((process.vsize, process.rss() % 256), (10 << 20, 0));
        let clock = Clock { uptime: 90.0, ticks: 100.0 };
        // 4 s of CPU in the 40 s since it started.
        assert_eq!(format!("{} {}", clock.elapsed(&process), clock.cpu_percent(&process)), "40 10");
        let early = Clock { uptime: 10.0, ..clock };
        assert_eq!(format!("{} {}", early.elapsed(&process), early.cpu_percent(&process)), "0 0");
        let flags: String = "<NsLl+".chars().filter(|flag| process.has_flag(*flag)).collect();
        assert_eq!(flags, "<sl+");
        assert!(!process.is_kernel_thread());
    }

    #[test]
    fn a_line_that_breaks_off_is_refused() {
        for bad in ["", "77", "77 (x", "77 (x) ", "77 (x) S 1 77", ")(", "77 (x) S -1 77 77 0 -1 0"] {
            assert_eq!(process(bad), None, "{bad:?}");
        }
        let (_folder, root) = root_with("/proc/77/stat", "77 (x) S");
        let failure = Process::read(&root, 77).expect_err("too short");
        assert!(failure.message.ends_with("/proc/77/stat: no state of a process"), "{failure}");
    }

    #[test]
    fn this_process_sees_itself() {
        let root = Root::default();
        let own = own_pid(&root).expect("a number");
        assert_eq!(own, std::process::id());
        assert!(list(&root).expect("processes").contains(&own));
        let process = Process::read(&root, own).expect("readable").expect("alive");
        assert!(process.rss() > 0 && process.vsize > process.rss());
        assert_eq!(uid(&root, own), Ok(Some(nix::unistd::geteuid().as_raw())));
        assert!(program(&root, own).is_some());
        let args: Vec<String> = std::env::args().collect();
        assert_eq!(command_line(&root, own), Ok(Some(args.join(" "))));
        assert!(Clock::read(&root).expect("a clock").elapsed(&process) < 3600.0);
    }

    #[test]
    fn the_busiest_come_first() {
        let (_folder, root) = root_with("/proc/uptime", "100.0 1.0");
        for (pid, ticks) in [(5, 10), (6, 3000), (7, 200)] {
            let folder = root.path(&format!("/proc/{pid}"));
            std::fs::create_dir(&folder).expect("a folder");
            std::fs::write(folder.join("stat"), LINE.replace("250 150", &format!("{ticks} 0")))
                .expect("written");
        }
        let busiest = busiest(&root, &Deadline::after(Duration::from_secs(5)), 2).expect("readable");
        let shown: Vec<String> = busiest.iter().map(|(percent, p)| format!("{} {percent}", p.pid)).collect();
        assert_eq!(shown, ["6 60", "7 4"]);
    }

    #[test]
    fn what_has_ended_is_nothing_and_an_empty_proc_is_unknown() {
        let (_folder, root) = root_with("/proc/uptime", "1 1");
        assert_eq!(Process::read(&root, 1), Ok(None));
        assert_eq!(uid(&root, 1), Ok(None));
        assert_eq!(command_line(&root, 1), Ok(None));
        assert_eq!(locks_memory(&root, 1), Ok(false));
        assert_eq!(own_pid(&root), None);
        let failure = list(&root).expect_err("no process");
        assert_eq!(failure.reason, Reason::Internal);
        assert!(failure.message.ends_with("/proc: no process"), "{failure}");
    }

    #[test]
    fn locked_memory() {
        for (status, locked) in
            [("Name:\tx\nVmLck:\t     512 kB\n", true), ("VmLck:\t       0 kB\n", false), ("", false)]
        {
            let (_folder, root) = root_with("/proc/5/status", status);
            assert_eq!(locks_memory(&root, 5), Ok(locked));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(line in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,40}") {
            let _read = (Process::parse(1, &line), parse_uptime(&text));
        }

        #[test]
        fn any_numbers_are_read_or_refused(numbers in prop::collection::vec(any::<i128>(), 0..30)) {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            let _read = process(&format!("1 (x) S {}", numbers.join(" ")));
        }
    }
}

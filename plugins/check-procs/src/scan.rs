//! One pass over /proc that opens as few files as the question needs: none for a count, `stat` for what ps shows,
//! `cmdline` only for processes that passed everything else.

use host::Root;
use host::processes::{self, Clock, Pid, Process};
use plugin::{Deadline, Dialect, Reason, Result, units};

use crate::Subject;
use crate::filter::{Filter, kib};

/// Most processes that are named in the facts and, with `-v`, in the details.
const NAMED: usize = 50;

/// What is looked for, and where.
pub(crate) struct Scan<'s> {
    pub root: &'s Root,
    pub deadline: &'s Deadline,
    pub filter: &'s Filter<'s>,
    pub subject: Subject,
    /// Leave out this process only, not every one that runs the same program.
    pub traditional: bool,
    /// The processes will be shown.
    pub verbose: bool,
}

/// What a pass found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Processes that passed the filter.
    pub count: usize,
    /// Their numbers, as far as there are not too many to name.
    pub pids: Vec<Pid>,
    /// The processes themselves, where their `stat` had to be read anyway.
    pub matches: Vec<Match>,
    /// Why others may have been missed.
    pub hidden: Option<String>,
}

/// A process that passed the filter.
#[derive(Debug)]
pub(crate) struct Match {
    pub process: Process,
    /// What the ranges judge, in their unit.
    pub value: f64,
}

impl Found {
    /// A line for each. Arguments are left out: they hold other people's passwords.
    pub(crate) fn details(&self) -> impl Iterator<Item = String> {
        self.matches.iter().take(NAMED).map(|Match { process, .. }| {
            format!(
                "{} ({}): state {}, parent {}, VSZ {}, RSS {}",
                process.name,
                process.pid,
                process.state,
                process.parent,
                units::show_bytes(process.vsize as f64),
                units::show_bytes(process.rss() as f64)
            )
        })
    }
}

impl Scan<'_> {
    /// The pass. `program` is the name that this one was called by.
    pub(crate) fn run(&self, program: &str, dialect: Dialect) -> Result<Found> {
        let (root, filter) = (self.root, self.filter);
        let pids = processes::list(root)?;
        let own = Own::find(root, program, dialect)?;
        let needs_stat = filter.needs_stat() || self.subject != Subject::Procs || self.verbose;
        let needs_clock = filter.needs_clock() || matches!(self.subject, Subject::Cpu | Subject::Elapsed);
        let clock = if needs_clock { Some(Clock::read(root)?) } else { None };

        // Where others' processes do not even show, the first process does not.
        let mut unreadable = 0;
        let all_listed = own.pid.is_none() || pids.contains(&1);
        let mut found = Found::default();
        for pid in pids {
            if own.left_out.contains(&pid) || !self.has_user(pid)? {
                continue;
            }
            if needs_stat {
                match self.examine(pid, clock.as_ref(), &own) {
                    Ok(Some(process)) => {
                        let value = self.value(&process, clock.as_ref());
                        found.matches.push(Match { process, value });
                    }
                    Ok(None) => continue,
                    Err(failure) if failure.reason == Reason::Permission => {
                        unreadable += 1;
                        continue;
                    }
                    Err(failure) => return Err(failure),
                }
            }
            found.count += 1;
            if found.pids.len() < NAMED {
                found.pids.push(pid);
            }
        }
        // Nothing is missed by who asks for this user's processes only.
        if filter.uid().is_none() || filter.uid() != own.uid {
            found.hidden = match (all_listed, unreadable) {
                (true, 0) => None,
                (true, count) => Some(format!("{count} processes of others may not be read (hidepid)")),
                (false, _) => Some("processes of others may not be seen (hidepid)".into()),
            };
        }
        Ok(found)
    }

    fn has_user(&self, pid: Pid) -> Result<bool> {
        match self.filter.uid() {
            None => Ok(true),
            Some(wanted) => Ok(processes::uid(self.root, pid)? == Some(wanted)),
        }
    }

    // The process when it passes the filter; none when it does not, or has ended.
    fn examine(&self, pid: Pid, clock: Option<&Clock>, own: &Own) -> Result<Option<Process>> {
        let (root, filter) = (self.root, self.filter);
        let Some(process) = Process::read(root, pid)? else { return Ok(None) };
        if !filter.allows(&process, clock) || (!self.traditional && own.is_sibling(root, &process)) {
            return Ok(None);
        }
        if filter.needs_lock() && !processes::locks_memory(root, pid)? {
            return Ok(None);
        }
        if filter.needs_arguments() {
            host::step(self.deadline, format_args!("read the arguments of {} ({pid})", process.name))?;
            match processes::command_line(root, pid)? {
                Some(arguments) if filter.allows_arguments(&process, &arguments) => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(process))
    }

    fn value(&self, process: &Process, clock: Option<&Clock>) -> f64 {
        match (self.subject, clock) {
            (Subject::Vsz, _) => kib(process.vsize),
            (Subject::Rss, _) => kib(process.rss()),
            (Subject::Cpu, Some(clock)) => clock.cpu_percent(process),
            (Subject::Elapsed, Some(clock)) => clock.elapsed(process).floor(),
            (Subject::Procs, _) | (_, None) => 1.0,
        }
    }
}

/// This process and those that exist only because of it.
#[derive(Debug, Default)]
struct Own {
    pid: Option<Pid>,
    uid: Option<u32>,
    name: String,
    program: Option<(u64, u64)>,
    /// Itself, and those above it whose command line names it: they would match whatever `-a` looks for.
    left_out: Vec<Pid>,
}

/// How far up the command line of this run is looked for: agent, sh, sudo, sudo's monitor, sh.
const GENERATIONS: usize = 5;

impl Own {
    fn find(root: &Root, program: &str, dialect: Dialect) -> Result<Own> {
        let Some(pid) = processes::own_pid(root) else { return Ok(Own::default()) };
        let Some(process) = Process::read(root, pid)? else { return Ok(Own::default()) };
        let mut own = Own {
            pid: Some(pid),
            uid: processes::uid(root, pid)?,
            program: processes::program(root, pid),
            name: process.name,
            left_out: vec![pid],
        };
        let mut parent = process.parent;
        if dialect == Dialect::C {
            // The C plugin never counts who started it.
            own.left_out.push(parent);
            return Ok(own);
        }
        for _ in 0..GENERATIONS {
            match processes::command_line(root, parent) {
                Ok(Some(arguments)) if arguments.contains(program) => own.left_out.push(parent),
                _ => break,
            }
            match Process::read(root, parent) {
                Ok(Some(process)) => parent = process.parent,
                _ => break,
            }
        }
        Ok(own)
    }

    // Whether it runs the same program. Their names are compared first, for that costs nothing.
    fn is_sibling(&self, root: &Root, process: &Process) -> bool {
        self.program.is_some()
            && process.name == self.name
            && processes::program(root, process.pid) == self.program
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Scan};
    use crate::CheckProcs;
    use crate::filter::Filter;
    use clap::Parser as _;
    use host::Root;
    use plugin::{Deadline, Dialect, Reason, Result};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    /// A machine of a few processes, 1000 s after its start.
    struct Machine {
        _folder: tempfile::TempDir,
        root: Root,
    }

    impl Machine {
        fn new() -> Machine {
            let folder = tempfile::tempdir().expect("a folder");
            let root = Root::at(folder.path());
            fs::create_dir_all(root.path("/proc")).expect("folders");
            fs::create_dir_all(root.path("/etc")).expect("folders");
            fs::write(root.path("/proc/uptime"), "1000.00 1.00\n").expect("written");
            fs::write(root.path("/etc/passwd"), "root:x:0:0:::\ngone:x:4242:1:::\n").expect("written");
            let machine = Machine { _folder: folder, root };
            // Two thirds of a second of CPU in 900 s; 3 threads; 8 MiB virtual and 25 pages.
            machine.add(1, "init", 'S', 0, "/sbin/init", 0x0040_0000);
            machine.add(2, "kthreadd", 'S', 0, "", 0x0020_8040);
            machine.add(7, "kworker/0:1-events", 'I', 2, "", 0x0420_8060);
            machine.add(50, "(sd-pam)", 'S', 1, "(sd-pam)", 0);
            machine.add(51, "tmux: server", 'R', 1, "tmux\0new\0-s\0a b\0", 0);
            machine.add(60, "defunct one", 'Z', 1, "", 0);
            machine.add(70, "a-very-long-com", 'D', 1, "/bin/sh\0/opt/a-very-long-command\0", 0);
            machine
        }

        fn add(&self, pid: u32, name: &str, state: char, parent: u32, arguments: &str, flags: u64) {
            let folder = self.root.path(&format!("/proc/{pid}"));
            fs::create_dir_all(&folder).expect("folders");
            let stat = format!(
                "{pid} ({name}) {state} {parent} {pid} {pid} 0 -1 {flags} 0 0 0 0 40 27 0 0 20 0 3 0 10000 8388608 25 0"
            );
            fs::write(folder.join("stat"), stat).expect("written");
            fs::write(folder.join("cmdline"), arguments).expect("written");
        }

        fn scan(&self, args: &[&str]) -> Result<Found> {
            let options = CheckProcs::try_parse_from([&["check-procs"], args].concat()).expect("readable");
            let filter = Filter::new(&options, options.state.clone(), Dialect::Own, &self.root)?;
            let deadline = Deadline::after(Duration::from_secs(10));
            let scan = Scan {
                root: &self.root,
                deadline: &deadline,
                filter: &filter,
                subject: options.metric,
                traditional: options.traditional,
                verbose: false,
            };
            scan.run("check-procs", Dialect::Own)
        }

        fn pids(&self, args: &[&str]) -> Vec<u32> {
            let mut found = self.scan(args).expect("a scan");
            assert_eq!(found.count, found.pids.len());
            found.pids.sort_unstable();
            found.pids
        }
    }

    #[test]
    fn each_filter_alone() {
        let machine = Machine::new();
        let table: &[(&[&str], &[u32])] = &[
            (&[], &[1, 2, 7, 50, 51, 60, 70]),
            (&["-k"], &[1, 50, 51, 60, 70]),
            (&["-s", "Z"], &[60]),
            (&["-s", "RDZ"], &[51, 60, 70]),
            (&["-s", "Rl"], &[51]),
            (&["-s", "N"], &[]),
            (&["-p", "2"], &[7]),
            (&["-C", "init"], &[1]),
            (&["-C", "ini"], &[]),
            (&["-C", "tmux: server"], &[51]),
            (&["-C", "(sd-pam)"], &[50]),
            (&["-C", "kworker/0:1-events"], &[7]),
            (&["-C", "a-very-long-com"], &[70]),
            (&["-C", "a-very-long-command"], &[70]),
            (&["-C", "a-very-long-company"], &[]),
            (&["-X", "init,tmux: server", "-k"], &[50, 60, 70]),
            (&["-a", "new -s a b"], &[51]),
            (&["-a", "[kthreadd]"], &[2]),
            (&["-a", "<defunct>"], &[60]),
            (&["--ereg-argument-array", "^/(s?bin)/[a-z]+$"], &[1]),
            (&["-z", "8192", "-k"], &[1, 50, 51, 60, 70]),
            (&["-z", "8193"], &[]),
            (&["-z", "8M", "-C", "init"], &[1]),
            (&["-r", "1G"], &[]),
            (&["-P", "0.1"], &[]),
            (&["-P", "0", "-C", "init"], &[1]),
            (&["-u", "gone"], &[]),
            (&["-u", "4711"], &[]),
            (&["-C", "init", "-p", "9"], &[]),
        ];
        for (args, expected) in table {
            assert_eq!(machine.pids(args), *expected, "{args:?}");
        }
    }

    #[test]
    fn what_the_ranges_judge() {
        let value = |metric| {
            let found = Machine::new().scan(&["-C", "init", "-m", metric]).expect("a scan");
            found.matches.first().map(|found| found.value.to_string())
        };
        assert_eq!(value("vsz").as_deref(), Some("8192"));
        assert_eq!(value("ELAPSED").as_deref(), Some("900"));
        assert_eq!(value("CPU").as_deref(), Some("0"));
    }

    #[test]
    fn it_leaves_out_itself_and_the_shell_around_it() {
        let machine = Machine::new();
        machine.add(80, "sensu-agent", 'S', 1, "sensu-agent\0start\0", 0);
        machine.add(81, "sh", 'S', 80, "sh\0-c\0check-procs -a magic; true\0", 0);
        machine.add(82, "check-procs", 'R', 81, "check-procs\0-a\0magic\0", 0);
        symlink("82", machine.root.path("/proc/self")).expect("linked");
        assert_eq!(machine.pids(&["-a", "magic"]), [0; 0]);
        assert_eq!(machine.pids(&["-C", "sensu-agent"]), [80]);
        assert!(!machine.pids(&[]).contains(&82));
    }

    #[test]
    fn what_may_not_be_seen_is_said() {
        let machine = Machine::new();
        machine.add(82, "check-procs", 'R', 50, "check-procs\0", 0);
        symlink("82", machine.root.path("/proc/self")).expect("linked");
        assert_eq!(machine.scan(&[]).expect("a scan").hidden, None);
        fs::remove_dir_all(machine.root.path("/proc/1")).expect("removed");
        let hidden = machine.scan(&[]).expect("a scan").hidden;
        assert_eq!(hidden.as_deref(), Some("processes of others may not be seen (hidepid)"));
        let uid = host::processes::uid(&machine.root, 82).expect("an owner").expect("there").to_string();
        assert_eq!(machine.scan(&["-u", &uid]).expect("a scan").hidden, None);
    }

    #[test]
    fn what_ends_in_the_middle_is_not_counted_and_nonsense_is_named() {
        let machine = Machine::new();
        fs::remove_file(machine.root.path("/proc/51/stat")).expect("removed");
        fs::remove_file(machine.root.path("/proc/70/cmdline")).expect("removed");
        assert_eq!(machine.pids(&["-k", "-a", ""]), [1, 50, 60]);
        fs::write(machine.root.path("/proc/50/stat"), "what?").expect("written");
        let failure = machine.scan(&["-k"]).expect_err("nonsense");
        assert_eq!(failure.reason, Reason::Internal);
        assert!(failure.message.ends_with("/proc/50/stat: no state of a process"), "{failure}");
    }

    #[test]
    fn an_unknown_user_is_a_usage_error() {
        let failure = Machine::new().scan(&["-u", "nobody-here"]).expect_err("no such user");
        assert_eq!(failure.reason, Reason::Usage);
        assert!(failure.message.starts_with("--user: no `nobody-here` in "), "{failure}");
    }
}

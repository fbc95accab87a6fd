//! Ends a run that does not return: by its deadline, by a signal, or by a panic. Always one line, always a code of a plugin.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::format::Frame;
use crate::options::OutputFormat;
use crate::{Deadline, Failure, Outcome, Reason, State, deadline};

/// What is needed to print one line from any thread.
#[derive(Clone)]
pub(crate) struct Emergency {
    pub frame: Frame,
    pub format: OutputFormat,
    pub exit_ok: bool,
    pub timeout_state: Option<State>,
    pub started: Instant,
}

static EMERGENCY: Mutex<Option<Emergency>> = Mutex::new(None);

/// Exit code of whoever has the right to print; [`NOBODY`] until somebody takes it.
static CODE: AtomicU8 = AtomicU8::new(NOBODY);
const NOBODY: u8 = u8::MAX;

/// How long a print that has begun may take after the end of the run: a reader that does not read could stop it for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long a run that only lacks a processor may go on after its end: on a busy machine a call has come back in time, and
/// who made it has not been woken yet.
const LATE: Duration = Duration::from_millis(500);

/// Sets what the watchdog and the panic hook print with, and installs the hook. The latest call counts.
pub(crate) fn prepare(emergency: Emergency) {
    let first = EMERGENCY.lock().unwrap_or_else(PoisonError::into_inner).replace(emergency).is_none();
    if !first {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let what = info.payload();
        let what = what
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| what.downcast_ref::<String>().map(String::as_str));
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let message = format!("internal error: {}{place}", what.unwrap_or("panic"));
        end(State::Unknown, &Failure::new(Reason::Internal, message));
    }));
}

/// The right to print, given once in a process: whoever has it ends the process, with this exit code.
pub(crate) fn claim(code: u8) -> bool {
    CODE.compare_exchange(NOBODY, code, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

/// Starts the thread that outlives a call which does not return. It costs some 60 µs, so it starts before the first
/// blocking call and not before.
pub(crate) fn start(deadline: &Deadline) {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    // Blocked in this thread and all that come after it, so that only the descriptor sees them. Children start with an
    // empty mask: std resets it.
    if signals.thread_block().is_err() {
        return;
    }
    let Ok(descriptor) = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
    else {
        return;
    };
    let deadline = deadline.clone();
    let watch = move || watch(&descriptor, &deadline);
    // Without a thread the deadlines of the single calls still hold.
    if std::thread::Builder::new().name("watchdog".into()).stack_size(128 * 1024).spawn(watch).is_err() {
        // Back to the default action: a signal ends the run without a line.
        let _blocked_for_good = signals.thread_unblock();
    }
}

fn watch(descriptor: &SignalFd, deadline: &Deadline) {
    loop {
        let left = deadline.timeout().saturating_sub(deadline.elapsed());
        if left.is_zero() {
            break;
        }
        // One millisecond more, so that the rounding down never makes a busy loop of the last one.
        let wait = left.min(Duration::from_hours(1)) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        let ready = poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], timeout);
        if ready.is_ok_and(|count| count > 0)
            && let Ok(Some(info)) = descriptor.read_signal()
        {
            let number = i32::try_from(info.ssi_signo).unwrap_or_default();
            let name = Signal::try_from(number).map_or("a signal", Signal::as_str);
            let message = format!("ended by {name} {}", doing(deadline));
            end(State::Unknown, &Failure::new(Reason::Internal, message));
        }
    }
    let end_at = Instant::now() + LATE;
    while is_runnable() && Instant::now() < end_at {
        std::thread::sleep(Duration::from_millis(10));
    }
    let state = emergency().and_then(|emergency| emergency.timeout_state).unwrap_or(State::Unknown);
    let message = format!("no end within {} {}", deadline::show(deadline.timeout()), doing(deadline));
    end(state, &Failure::new(Reason::Stuck, message));
}

/// Whether the thread that the run is made by has something to do and no call to wait for (proc_pid_stat(5)).
fn is_runnable() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
}

fn doing(deadline: &Deadline) -> String {
    let step = deadline.current_step();
    if step.is_empty() { "before the first step".to_owned() } else { format!("in: {step}") }
}

fn emergency() -> Option<Emergency> {
    EMERGENCY.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn end(state: State, failure: &Failure) -> ! {
    if let Some(emergency) = emergency() {
        let outcome = Outcome::new().failed(state, failure);
        let frame = Frame { elapsed: emergency.started.elapsed(), ..emergency.frame };
        let text = crate::format::render(emergency.format, &outcome, &frame);
        if claim(if emergency.exit_ok { 0 } else { state.code() }) {
            write_out(&text);
        } else {
            // Another thread is printing already, and about to leave; should it stick or panic, this one leaves for it.
            std::thread::sleep(LAST_WORDS);
        }
    }
    let code = match CODE.load(Ordering::SeqCst) {
        NOBODY => state.code(),
        code => code,
    };
    signal_hook::low_level::exit(i32::from(code))
}

/// Writes a whole text to standard output in as few calls as the kernel allows, one for all that a plugin prints.
///
/// A closed or full output is nobody's fault at this point, and the exit code still says what was found.
pub(crate) fn write_out(text: &str) {
    let mut rest = text.as_bytes();
    let stdout = std::io::stdout();
    while !rest.is_empty() {
        match nix::unistd::write(stdout.as_fd(), rest) {
            Ok(0) => return,
            Ok(count) => rest = &rest[count..],
            Err(Errno::EINTR) => {}
            // Some agents hand over a pipe that does not block.
            Err(Errno::EAGAIN) => {
                let mut writable = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
                if poll(&mut writable, PollTimeout::from(1000_u16)).is_ok_and(|count| count == 0) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

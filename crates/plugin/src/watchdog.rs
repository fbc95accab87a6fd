//! Ends a run that does not return: by its deadline, by a signal, or by a panic. Always one line, always a code of a plugin.

use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::format::Frame;
use crate::options::OutputFormat;
use crate::{Deadline, Failure, Outcome, Reason, State, deadline, text};

/// What is needed to print one line from any thread.
pub(crate) struct Emergency {
    pub frame: Frame,
    pub format: OutputFormat,
    pub exit_ok: bool,
    pub timeout_state: Option<State>,
}

static EMERGENCY: OnceLock<Emergency> = OnceLock::new();
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Sets what the watchdog and the panic hook print with, and installs the hook.
pub(crate) fn prepare(emergency: Emergency) {
    // A second run in one process (tests, a multi-call program) keeps the first one's.
    if EMERGENCY.set(emergency).is_err() {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let what = info.payload();
        let what = what
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| what.downcast_ref::<String>().map(String::as_str));
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let message = format!("internal error: {}{place}", text::clean(what.unwrap_or("panic")));
        end(State::Unknown, &Failure::new(Reason::Internal, message));
    }));
}

/// The right to print, given once: whoever has it ends the process.
pub(crate) fn claim() -> bool {
    !PRINTED.swap(true, Ordering::SeqCst)
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
    let state = EMERGENCY.get().and_then(|emergency| emergency.timeout_state).unwrap_or(State::Unknown);
    let message = format!("no end within {} {}", deadline::show(deadline.timeout()), doing(deadline));
    end(state, &Failure::new(Reason::Stuck, message));
}

fn doing(deadline: &Deadline) -> String {
    let step = deadline.current_step();
    if step.is_empty() { "before the first step".to_owned() } else { format!("in: {step}") }
}

fn end(state: State, failure: &Failure) -> ! {
    let exit_ok = match EMERGENCY.get() {
        Some(emergency) if claim() => {
            let outcome = Outcome::new().failed(state, failure);
            write_out(&crate::format::render(emergency.format, &outcome, &emergency.frame));
            emergency.exit_ok
        }
        Some(_) => {
            // The main thread is printing already, and about to leave; a panic inside that print must still end.
            std::thread::sleep(Duration::from_millis(200));
            false
        }
        None => false,
    };
    let code = if exit_ok { 0 } else { state.code() };
    signal_hook::low_level::exit(i32::from(code))
}

/// Writes a whole text to standard output in as few calls as the kernel allows, one for all that a plugin prints.
///
/// A closed or full output is nobody's fault at this point, and the exit code still says what was found.
pub(crate) fn write_out(text: &str) {
    let text = crate::secret::redact(text.to_owned());
    let mut rest = text.as_bytes();
    let stdout = std::io::stdout();
    while !rest.is_empty() {
        match nix::unistd::write(stdout.as_fd(), rest) {
            Ok(0) => return,
            Ok(count) => rest = &rest[count..],
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

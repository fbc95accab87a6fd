//! The terminal: keys one by one, a screen of our own, and everything as it was on every way out.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};

use crate::exit::Error;
use crate::render::watch::page::Size;

/// Another screen, beside the one with what was there before; no cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[H\u{1b}[2J";
/// Back: plain text, the cursor, the screen from before.
const LEAVE: &str = "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l";
/// For terminals that do not say.
const SIZE: Size = Size { columns: 80, rows: 24 };

/// How the terminal was, while it is ours.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether both ends are a terminal that can place text.
pub(super) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !dumb && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// The terminal while it is ours.
pub(super) struct Terminal {
    /// Lines as they are on the screen.
    shown: Vec<String>,
    size: Size,
}

impl Terminal {
    /// Takes the terminal; a panic gives it back too.
    pub fn enter() -> Result<Self, Error> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
        let mut terminal = Terminal { shown: Vec::new(), size: SIZE };
        terminal.take()?;
        Ok(terminal)
    }

    /// Takes it, or takes it again after somebody else had it.
    pub fn take(&mut self) -> Result<(), Error> {
        let failed = |error: Errno| Error::own(format!("set up the terminal: {error}"));
        let stdin = std::io::stdin();
        let mut before = BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = match before.take() {
            Some(known) => known,
            None => tcgetattr(&stdin).map_err(failed)?,
        };
        let mut own = known.clone();
        // Keys one by one and unseen; ctrl-C and ctrl-Z stay signals; ctrl-S must not stop the screen.
        own.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::IEXTEN);
        own.input_flags.remove(InputFlags::IXON);
        own.control_chars[SpecialCharacterIndices::VMIN as usize] = 0;
        own.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        *before = Some(known);
        drop(before);
        tcsetattr(&stdin, SetArg::TCSADRAIN, &own).map_err(failed)?;
        self.resized();
        write(ENTER)
    }

    /// Gives it back, until it is taken again.
    pub fn leave(&mut self) {
        self.shown.clear();
        restore();
    }

    /// Asks for the size again; the next page is drawn as a whole.
    pub fn resized(&mut self) {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let size = size.map(|size| Size { columns: size.ws_col.into(), rows: size.ws_row.into() });
        self.size = size.filter(|size| size.columns > 0 && size.rows > 0).unwrap_or(SIZE);
        self.shown.clear();
    }

    /// Its size when it was last asked.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Shows these lines, each with its columns, by writing those that differ from what is there.
    pub fn show(&mut self, lines: Vec<(String, usize)>) -> Result<(), Error> {
        let mut out = String::new();
        if self.shown.is_empty() {
            out.push_str("\u{1b}[0m\u{1b}[2J");
        }
        for (row, (line, columns)) in lines.iter().enumerate() {
            if self.shown.get(row) != Some(line) {
                // A full line has its end at the edge: to clear behind it would take its last character.
                let clear = if *columns < self.size.columns { "\u{1b}[K" } else { "" };
                out.extend([&format!("\u{1b}[{};1H", row + 1), line.as_str(), clear]);
            }
        }
        self.shown = lines.into_iter().map(|(line, _)| line).collect();
        if out.is_empty() { Ok(()) } else { write(&out) }
    }

    /// Rings.
    pub fn ring() -> Result<(), Error> {
        write("\u{7}")
    }

    /// Waits at most so long for keys. None when the terminal is gone; a signal ends the wait.
    pub fn read(wait: Duration) -> Option<Vec<u8>> {
        let stdin = std::io::stdin();
        let millis = u16::try_from(wait.as_millis()).unwrap_or(u16::MAX);
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(0) | Err(Errno::EINTR) => return Some(Vec::new()),
            Ok(_) => {}
            Err(_) => return None,
        }
        let gone =
            fds[0].revents().is_some_and(|events| events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR));
        let mut bytes = [0; 256];
        match nix::unistd::read(&stdin, &mut bytes) {
            Ok(0) if gone => None,
            Ok(read) => Some(bytes[..read].to_vec()),
            Err(Errno::EINTR | Errno::EAGAIN) => Some(Vec::new()),
            Err(_) => None,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was; at most once. In a panic another thread may be at it: then that one does it.
fn restore() {
    let Ok(mut before) = BEFORE.try_lock() else { return };
    let Some(known) = before.take() else { return };
    // Where this fails the terminal is gone, and nobody is left to be told.
    match (write(LEAVE), tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &known)) {
        (Ok(()) | Err(_), Ok(()) | Err(_)) => {}
    }
}

fn write(text: &str) -> Result<(), Error> {
    crate::cli::print(text)
}

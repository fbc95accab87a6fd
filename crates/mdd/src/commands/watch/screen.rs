//! On a terminal: one page, redrawn in place, and keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use signal_hook::consts::{SIGCONT, SIGQUIT, SIGTSTP, SIGWINCH};

use super::keys::{Key, Keys};
use super::schedule::Update;
use super::terminal::Terminal;
use super::{News, Watch, say};
use crate::cli::print;
use crate::engine::State as Condition;
use crate::engine::reading::now;
use crate::engine::snapshot::Root;
use crate::exit::{Error, Exit};
use crate::render::watch::page::{self, Board, Look, Size};
use crate::render::watch::rows::View;
use crate::render::watch::sheet::Sheet;
use crate::render::watch::{Change, changes};

/// How long to wait for a key before looking for news and signals.
const SLICE: Duration = Duration::from_millis(50);
/// Most changes remembered.
const REMEMBERED: usize = 200;

/// Signals that concern the screen.
struct Signals {
    resize: Arc<AtomicBool>,
    suspend: Arc<AtomicBool>,
    resume: Arc<AtomicBool>,
    quit: Arc<AtomicBool>,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let flag = |signal| -> Result<Arc<AtomicBool>, Error> {
            let flag = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .map_err(|error| Error::own(format!("listen for signals: {error}")))?;
            Ok(flag)
        };
        Ok(Signals {
            resize: flag(SIGWINCH)?,
            suspend: flag(SIGTSTP)?,
            resume: flag(SIGCONT)?,
            quit: flag(SIGQUIT)?,
        })
    }

    fn came(flag: &AtomicBool) -> bool {
        flag.swap(false, Ordering::Relaxed)
    }
}

/// Why it ends.
enum End {
    Done,
    Stopped,
    Quit,
}

/// Draws until it is over; the last page stays.
pub(super) fn follow<'w>(watch: &Watch<'w>, updates: &Receiver<News<'w>>) -> Result<Exit, Error> {
    let signals = Signals::new()?;
    let milestones = &watch.context.plan.milestones;
    let is_word = ["done", "never"].contains(&watch.args.until.as_str());
    let until = milestones.iter().find(|milestone| !is_word && milestone.id == watch.args.until);
    let mut state = State {
        watch,
        until: until.map_or_else(|| watch.args.until.clone(), |milestone| format!("\"{}\"", milestone.title)),
        last: None,
        begun: false,
        changes: Vec::new(),
        before: BTreeMap::new(),
        look: Look::default(),
        drawn: None,
    };
    let mut terminal = Terminal::enter()?;
    let end = state.run(&mut terminal, &signals, updates);
    terminal.leave();
    let size = terminal.size();
    let end = end?;
    let style = watch.global.style();
    let Some(update) = &state.last else {
        return Err(Error::own("the checks have ended before they began"));
    };
    if !watch.global.quiet {
        let lines = page::last(&state.board(update), size);
        let text: String = lines.iter().map(|line| line.render(style) + "\n").collect();
        print(&format!("{text}\n"))?;
    }
    say(match end {
        End::Done | End::Quit => watch.done(&update.snapshot, style),
        End::Stopped => watch.stopped(&update.snapshot, style),
    })
}

struct State<'s, 'w> {
    watch: &'s Watch<'w>,
    /// For people.
    until: String,
    last: Option<Update<'w>>,
    /// Whether changes are told: not before everything has been looked at once.
    begun: bool,
    changes: Vec<Change>,
    before: BTreeMap<String, (Condition, Timestamp)>,
    look: Look,
    /// The second that was drawn last; none when there is something new.
    drawn: Option<u64>,
}

impl<'w> State<'_, 'w> {
    fn run(
        &mut self,
        terminal: &mut Terminal,
        signals: &Signals,
        updates: &Receiver<News<'w>>,
    ) -> Result<End, Error> {
        let mut keys = Keys::default();
        loop {
            let heard = self.listen(updates)?;
            if self.last.as_ref().is_some_and(|update| self.watch.is_over(update)) {
                return Ok(End::Done);
            }
            if Signals::came(&signals.quit) {
                self.watch.stop.request();
            }
            if self.watch.stop.requested() || !heard {
                return Ok(End::Stopped);
            }
            if Signals::came(&signals.suspend) {
                terminal.leave();
                // Stops here, and goes on when the shell says so.
                signal_hook::low_level::emulate_default_handler(SIGTSTP)
                    .map_err(|error| Error::own(format!("stop for the shell: {error}")))?;
                signals.resume.store(true, Ordering::Relaxed);
            }
            if Signals::came(&signals.resume) {
                terminal.take()?;
                self.drawn = None;
            }
            if Signals::came(&signals.resize) {
                terminal.resized();
                self.drawn = None;
            }
            self.draw(terminal)?;
            let Some(bytes) = Terminal::read(SLICE) else {
                self.watch.stop.request();
                return Ok(End::Stopped);
            };
            let ended = bytes.is_empty() && keys.is_waiting();
            keys.feed(&bytes);
            while let Some(key) = keys.next(ended) {
                if key == Key::Char('q') {
                    return Ok(End::Quit);
                }
                self.press(key, terminal.size());
                self.drawn = None;
            }
        }
    }

    /// Takes the news. False when there will be no more.
    fn listen(&mut self, updates: &Receiver<News<'w>>) -> Result<bool, Error> {
        loop {
            let update = match updates.try_recv() {
                Ok(update) => update?,
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            };
            let new = changes(&update.snapshot, self.watch.shows(), &mut self.before);
            if self.begun {
                if self.watch.args.bell && !new.is_empty() {
                    Terminal::ring()?;
                }
                self.changes.extend(new);
                let old = self.changes.len().saturating_sub(REMEMBERED);
                self.changes.drain(..old);
            }
            self.begun |= self.watch.has_begun(&update);
            self.drawn = None;
            self.last = Some(update);
        }
    }

    fn board<'b>(&'b self, update: &'b Update<'w>) -> Board<'b, 'w> {
        Board {
            snapshot: &update.snapshot,
            chosen: self.watch.chosen,
            until: &self.until,
            now: now(),
            running: self.watch.began.0.elapsed(),
            next: update.next.map(|next| next.saturating_duration_since(Instant::now())),
            reported: update.reported,
            recorded: self.watch.args.as_vantage.is_some()
                || self.watch.args.source == Some(crate::engine::facts::Sources::Engine),
            started: self.watch.began.1,
            changes: &self.changes,
            style: self.watch.global.style(),
        }
    }

    fn draw(&mut self, terminal: &mut Terminal) -> Result<(), Error> {
        let Some(update) = &self.last else { return Ok(()) };
        let second = Some(self.watch.began.0.elapsed().as_secs());
        if self.drawn == second {
            return Ok(());
        }
        self.drawn = second;
        let mut look = std::mem::take(&mut self.look);
        let style = self.watch.global.style();
        let lines = page::page(&self.board(update), &mut look, terminal.size());
        self.look = look;
        terminal.show(lines.into_iter().map(|line| (line.render(style), line.width())).collect())
    }

    fn press(&mut self, key: Key, size: Size) {
        let Some(update) = &self.last else { return };
        let board = self.board(update);
        let mut look = self.look.clone();
        let page = isize::try_from(size.rows / 2).unwrap_or(1);
        let by = match key {
            Key::Up | Key::Char('k') => -1,
            Key::Down | Key::Char('j') => 1,
            Key::PageUp => -page,
            Key::PageDown | Key::Char(' ') => page,
            Key::Home | Key::Char('g') => isize::MIN,
            Key::End | Key::Char('G') => isize::MAX,
            _ => 0,
        };
        match key {
            _ if by != 0 && look.sheet.is_some() => look.top.1 = look.top.1.saturating_add_signed(by),
            _ if by != 0 => page::choose(&board, &mut look, size, by),
            Key::Escape => back(&mut look),
            Key::Char('?') => open(&mut look, Some(Sheet::Help)),
            Key::Enter => {
                let sheet = about(&look, &board, size).map(Sheet::Details);
                open(&mut look, sheet);
            }
            Key::Char('t') => {
                let sheet = about(&look, &board, size).map(Sheet::Ticket);
                open(&mut look, sheet);
            }
            Key::Char('n') => show(&mut look, View::Next),
            Key::Char('a') => show(&mut look, View::All),
            Key::Char('r') => show(&mut look, View::Red),
            Key::Char('o') => show(&mut look, View::Owner),
            _ => {}
        }
        self.look = look;
    }
}

/// What a sheet would be about: what the open one is about, else the chosen row, else the first.
fn about(look: &Look, board: &Board<'_, '_>, size: Size) -> Option<Root> {
    match &look.sheet {
        Some(Sheet::Details(root) | Sheet::Ticket(root)) => Some(root.clone()),
        _ => page::current(board, look, size),
    }
}

/// Closes the sheet, else forgets the chosen row, else goes to the first view.
fn back(look: &mut Look) {
    if look.sheet.take().is_some() || look.chosen.take().is_some() {
        return;
    }
    look.view = View::Next;
}

/// Opens a sheet; the same once more closes it.
fn open(look: &mut Look, sheet: Option<Sheet>) {
    if let Some(Sheet::Details(root) | Sheet::Ticket(root)) = &sheet {
        look.chosen = Some(root.clone());
    }
    look.top.1 = 0;
    look.sheet = if look.sheet == sheet { None } else { sheet };
}

/// Goes to a view; from it, back to the first one.
fn show(look: &mut Look, view: View) {
    look.view = if look.view == view && look.sheet.is_none() { View::Next } else { view };
    look.sheet = None;
    look.top = (0, 0);
}

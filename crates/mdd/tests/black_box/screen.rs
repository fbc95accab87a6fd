//! `mdd watch` on a terminal: a real one, tmux, with real keys and real signals.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unicode_width::UnicodeWidthChar;

use crate::harness::{PATIENCE, Platform, alive, pid_in, until};

/// A terminal with a watch in it.
struct Screen<'p> {
    platform: &'p Platform,
    size: (usize, usize),
}

impl<'p> Screen<'p> {
    /// Starts `mdd watch iad2` with these arguments; `setup` is shell text that goes before.
    fn start(platform: &'p Platform, size: (usize, usize), setup: &str, arguments: &[&str]) -> Self {
        let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
        let program = env!("CARGO_BIN_EXE_mdd");
        let script = format!(
            "unset MDD_FILE MDD_STATE NO_COLOR; export MDD_PLUGIN_PATH='{}'\n{setup}\ntrap : INT QUIT\n\
             while [ ! -e go ]; do sleep 0.02; done\nstty -a >before\n\
             sh -c 'echo $$ >pid; exec \"$@\"' sh '{program}' watch iad2 {}\n\
             echo $? >code.draft; stty -a >after; mv code.draft code\nexec sleep 3600\n",
            platform.path("plugins").display(),
            quoted.join(" ")
        );
        std::fs::write(platform.path("watch.sh"), script).unwrap();
        Screen::open(platform, size, "sh watch.sh")
    }

    /// A terminal with a command in it. All that the command writes is kept.
    fn open(platform: &'p Platform, size: (usize, usize), command: &str) -> Self {
        let screen = Screen { platform, size };
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        screen.tmux(&["new-session", "-d", "-x", &columns, "-y", &rows, command]);
        screen.tmux(&["pipe-pane", "-O", &format!("cat >>'{}'", platform.path("raw").display())]);
        std::fs::write(platform.path("go"), "").unwrap();
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-u", "-f", "/dev/null", "-S"])
            .arg(self.platform.path("tmux"))
            .args(arguments)
            .current_dir(self.platform.path(""))
            .env_remove("TMUX")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "tmux {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        let mut arguments = vec!["send-keys"];
        arguments.extend(keys);
        self.tmux(&arguments);
    }

    fn resize(&mut self, columns: usize, rows: usize) {
        self.size = (columns, rows);
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// The lines as they are.
    fn lines(&self) -> Vec<String> {
        self.tmux(&["capture-pane", "-p"]).lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Waits until the screen is as wanted; its lines.
    #[track_caller]
    fn wait(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let lines = self.lines();
            if wanted(&lines) {
                return lines;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what} in:\n{}", lines.join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a line that holds this, blanks squeezed.
    #[track_caller]
    fn line(&self, wanted: &str) -> String {
        let squeezed = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let has = |line: &String| squeezed(line).contains(wanted);
        let lines = self.wait(&format!("line `{wanted}`"), |lines| lines.iter().any(has));
        lines.into_iter().find(has).unwrap()
    }

    /// Waits for the end of the watch: its exit code. The terminal is as it was before.
    #[track_caller]
    fn end(&self) -> i32 {
        let read = |name: &str| std::fs::read_to_string(self.platform.path(name));
        // All but the size, which is its user's.
        let modes = |name: &str| read(name).unwrap().split_once('\n').unwrap().1.to_owned();
        until("the watch ends", || read("code").is_ok());
        assert_eq!(modes("before"), modes("after"), "the terminal is not as it was");
        assert_eq!(self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]), "0 1\n");
        read("code").unwrap().trim().parse().unwrap()
    }

    fn pid(&self) -> i32 {
        let path = self.platform.path("pid");
        until("it has started", || pid_in(&path).is_some());
        pid_in(&path).unwrap()
    }

    /// All that was written to the terminal.
    fn raw(&self) -> String {
        String::from_utf8(std::fs::read(self.platform.path("raw")).unwrap()).unwrap()
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // This server and no other: it has a socket of its own.
        let sent = Command::new("tmux").arg("-S").arg(self.platform.path("tmux")).arg("kill-server").output();
        assert!(sent.is_ok() || std::thread::panicking());
    }
}

/// What was written, in parts: the sequence that each begins with, and the text behind it.
fn parts(raw: &str) -> Vec<(&str, &str)> {
    let mut parts = Vec::new();
    for piece in raw.split('\u{1b}').skip(1) {
        assert!(piece.starts_with('['), "a sequence that is not ours: {piece:?}");
        let end = piece.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(piece.len() - 1) + 1;
        parts.push((&piece[..end], &piece[end..]));
    }
    parts
}

/// Checks that nothing but our own sequences was written, and no line wider than the terminal.
#[track_caller]
fn is_ours(raw: &str, columns: usize) {
    let mut used = 0;
    for (sequence, text) in parts(raw) {
        match sequence {
            "[?1049h" | "[?25l" | "[H" | "[2J" | "[?25h" | "[?1049l" => used = 0,
            "[K" => {}
            at if at.ends_with(";1H") => used = 0,
            paint if paint.ends_with('m') && paint.len() <= 6 => {}
            other => panic!("`{other}` is none of ours"),
        }
        // Behind the last page come the lines that stay.
        for (at, line) in text.split('\n').enumerate() {
            used = if at > 0 { 0 } else { used };
            let line = line.trim_end_matches('\r');
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            used += line.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
            assert!(used <= columns, "{used} of {columns} columns: {line:?}");
        }
    }
}

/// Two that follow from each other, one that is late and foreign in its words, one of a real listener.
fn datacenter(port: u16) -> Platform {
    let mut platform = Platform::new().with_file_plugin();
    let nasty = "\\033]0;pwned\\007\\033[41mask 日本語日本語日本語 é́ at a-very-long-name.far-away.example.net:5432 \\033[2J[refused]";
    platform.plugin("check-nasty", &format!("printf '{nasty}\\n'; exit 2"));
    platform
        .switch(
            "door",
            &["milestone: network", "need: A key for the door.", "runbook: https://w.example/door"],
        )
        .switch("room", &["milestone: core", "depends_on: [door]"])
        .point("foreign", "[check-nasty]", &["milestone: network"])
        .point(
            "port",
            &format!("[check_tcp, -H, 127.0.0.1, -p, \"{port}\", -t, \"5\"]"),
            &["milestone: core"],
        )
        .point("dummy", "[check_dummy, \"1\", slow]", &["milestone: core"]);
    platform
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

const OFTEN: [&str; 4] = ["--as", "node", "--every", "200ms"];

#[test]
fn what_to_do_next_comes_first_and_blocked_ones_are_folded_into_their_cause() {
    let (_open, port) = listener();
    let platform = datacenter(port);
    let screen = Screen::start(&platform, (80, 24), "", &OFTEN);
    screen.line("2 of 5 proven");
    let lines =
        screen.wait("the whole page", |lines| lines.last().is_some_and(|line| line.contains("q quit")));
    assert_eq!(lines.len(), 24);
    assert!(
        lines[0].starts_with("iad2 · until done · 2 of 5 proven  ") && lines[0].contains("running 00:00:")
    );
    assert!(lines[1].starts_with("█████████░░░░░░░░░░░░░░░  40 %"), "{}", lines[1]);
    assert!(lines[3].starts_with("DO NEXT  overdue and regressed first"), "{}", lines[3]);
    assert!(lines[3].ends_with("✖ 2  ⧗ 1  ▲ 1  ✔ 1"), "{}", lines[3]);
    assert!(lines[4].starts_with("  ✖ door") && lines[4].contains("days overdue"), "{}", lines[4]);
    assert_eq!(lines[5], "    holds up 1: room");
    assert!(lines[6].starts_with("  ✖ foreign") && lines[6].contains("… [refused]  "), "{}", lines[6]);
    assert_eq!(lines[8], "  ✔ port   ▲ dummy");
    assert!(lines[22].ends_with("  start"), "{}", lines[22]);
    // A change, told where it happened and below.
    platform.set("door", 0, "open");
    let change = screen.line("✖ → ✔ door open");
    assert!(change.contains(':'), "{change}");
    screen.line("3 of 5 proven");
    screen.line("◌ room");
    screen.line("⧗ → ◌ room nothing there");
    screen.keys(&["q"]);
    assert_eq!(screen.end(), 1);
    screen.line("not done: 3 of 5 required points proven");
    // The page stays.
    screen.line("✖ → ✔ door open");
    is_ours(&screen.raw(), 80);
    assert!(!screen.raw().contains("pwned"));
}

#[test]
fn every_key_does_what_the_last_line_says() {
    let (_open, port) = listener();
    let platform = datacenter(port);
    let screen = Screen::start(&platform, (80, 24), "", &OFTEN);
    screen.line("DO NEXT");
    screen.line("2 of 5 proven");
    screen.keys(&["a"]);
    screen.line("ALL POINTS by group");
    screen.line("Network ✖ door nothing there");
    screen.line("⧗ room waits for door");
    screen.line("▲ dummy slow");
    screen.keys(&["r"]);
    screen.line("RED overdue");
    let lines = screen.wait("only two", |lines| !lines.iter().any(|line| line.contains("⧗ room")));
    assert_eq!(lines.iter().filter(|line| line.starts_with("  ✖")).count(), 2, "{lines:#?}");
    screen.keys(&["o"]);
    screen.line("BY OWNER");
    screen.line("Network #netops 2 to mend · 1 waiting for others · 2 done");
    // Chosen by letter and by arrow.
    screen.keys(&["n", "j"]);
    screen.line("› ✖ door");
    screen.keys(&["Down"]);
    screen.line("› ✖ foreign");
    screen.keys(&["k"]);
    screen.line("› ✖ door");
    screen.keys(&["t"]);
    screen.line("Point iad2/door");
    screen.line("Need A key for the door.");
    screen.line("Seen red: nothing there");
    screen.line("Try check-file");
    screen.line("Holds up room");
    screen.line("Pages https://w.example/door");
    screen.keys(&["Enter"]);
    screen.line("WHAT THE CHECK SAID");
    screen.line("red: CRITICAL, and its date has passed");
    screen.keys(&["Escape"]);
    screen.line("DO NEXT");
    screen.keys(&["?"]);
    screen.line("⧗ blocked failing, and what it waits for is down");
    let lines = screen.lines();
    assert_eq!((lines.len(), lines[23].as_str()), (24, "esc back   q quit"), "{lines:#?}");
    screen.keys(&["Escape", "x", "F5", "q"]);
    assert_eq!(screen.end(), 1);
    is_ours(&screen.raw(), 80);
}

#[test]
fn a_larger_terminal_shows_more_and_a_resized_one_is_redrawn() {
    let (_open, port) = listener();
    let platform = datacenter(port);
    let mut screen = Screen::start(&platform, (120, 40), "", &OFTEN);
    let lines = screen.wait("the page", |lines| lines.len() == 40 && lines[0].contains("2 of 5"));
    assert!(
        lines[4].contains("Network  #netops  nothing there") && lines[39].starts_with("n next"),
        "{lines:#?}"
    );
    assert_eq!(lines[0].chars().count(), 120, "{}", lines[0]);
    screen.resize(80, 24);
    let lines = screen.wait("the smaller page", |lines| {
        lines.len() == 24 && lines[23].ends_with("q quit") && lines[0].chars().count() == 80
    });
    assert!(lines[6].starts_with("  ✖ foreign") && lines[6].contains("… [refused]  "), "{lines:#?}");
    screen.resize(40, 10);
    let lines = screen.wait("the smallest page", |lines| {
        lines.len() == 10 && lines[0].starts_with("iad2") && lines[9].starts_with("n next")
    });
    assert!(lines[0].chars().count() <= 40 && lines[2].starts_with("DO NEXT"), "{lines:#?}");
    screen.resize(20, 5);
    screen.wait("hardly a page", |lines| lines.len() == 5 && lines[4].starts_with("n next"));
    screen.resize(90, 30);
    screen.wait("a page again", |lines| lines.len() == 30 && lines[0].chars().count() == 90);
    screen.keys(&["q"]);
    assert_eq!(screen.end(), 1);
    is_ours(&screen.raw(), 120);
}

#[test]
fn silent_hosts_delay_neither_keys_nor_others() {
    let mut platform = Platform::new().with_file_plugin();
    platform.plugin("check-silent", "sleep 60");
    for number in 0..12 {
        platform.point(&format!("silent-{number}"), "[check-silent]", &["timeout: 50s", "interval: 60s"]);
    }
    platform.switch("door", &["milestone: network"]);
    let screen = Screen::start(&platform, (80, 24), "", &["--every", "200ms"]);
    screen.line("✖ door");
    screen.line("first results: 1 of 13");
    platform.set("door", 0, "open");
    screen.line("1 of 13 proven");
    screen.keys(&["?"]);
    screen.line("SIGNS");
    screen.keys(&["Escape", "a"]);
    screen.line("✔ door");
    screen.line("not recorded");
    let pid = screen.pid();
    screen.keys(&["q"]);
    // Nothing is known to be wrong; of twelve nothing is known.
    assert_eq!(screen.end(), 3);
    assert!(!alive(pid));
}

#[test]
fn it_ends_by_itself_when_all_is_done() {
    let mut platform = Platform::new().with_file_plugin();
    platform
        .switch("door", &["milestone: network"])
        .switch("room", &["milestone: core", "depends_on: [door]"]);
    let screen =
        Screen::start(&platform, (80, 24), "", &["--as", "node", "--every", "200ms", "--until", "network"]);
    screen.line("until \"Network and names\"");
    screen.line("✖ door");
    platform.set("door", 0, "open");
    assert_eq!(screen.end(), 0);
    screen.line("Nothing is left to do.");
    screen.line("done: 1 of 1 required point proven");
}

/// Something that ends a watch.
type Way = Box<dyn Fn(&Screen<'_>)>;

#[test]
fn every_way_out_leaves_the_terminal_as_it_was() {
    let keys = |screen: &Screen<'_>| screen.keys(&["C-c"]);
    let signal =
        |wanted: Signal| move |screen: &Screen<'_>| kill(Pid::from_raw(screen.pid()), wanted).unwrap();
    let ways: [(&str, Way); 4] = [
        ("ctrl-c", Box::new(keys)),
        ("SIGTERM", Box::new(signal(Signal::SIGTERM))),
        ("SIGHUP", Box::new(signal(Signal::SIGHUP))),
        ("SIGQUIT", Box::new(signal(Signal::SIGQUIT))),
    ];
    for (name, way) in ways {
        let mut platform = Platform::new().with_file_plugin();
        platform.switch("door", &["milestone: network"]);
        let screen = Screen::start(&platform, (80, 24), "", &OFTEN);
        screen.line("✖ door");
        way(&screen);
        assert_eq!(screen.end(), 130, "{name}");
        screen.line("interrupted: not done: 0 of 1 required point proven");
    }
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]);
    let screen = Screen::start(&platform, (80, 24), "", &["--every", "200ms", "--timeout", "1s"]);
    assert_eq!(screen.end(), 4);
    screen.line("gave up after 1 s: not done");
    // Whoever closes the window does not leave it running.
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]);
    let screen = Screen::start(&platform, (80, 24), "", &OFTEN);
    screen.line("✖ door");
    let pid = screen.pid();
    drop(screen);
    until("it is gone with its terminal", || !alive(pid));
}

#[test]
fn a_shell_can_stop_it_and_have_it_go_on() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]);
    let screen = Screen::open(&platform, (80, 24), "bash --norc --noprofile -i");
    let program = env!("CARGO_BIN_EXE_mdd");
    let plugins: PathBuf = platform.path("plugins");
    screen.keys(&[&format!("PS1='ready> '; export MDD_PLUGIN_PATH='{}'", plugins.display()), "Enter"]);
    screen.wait("a prompt", |lines| lines.iter().any(|line| line.starts_with("ready>")));
    screen.keys(&["stty -a >before", "Enter"]);
    screen.keys(&[&format!("'{program}' watch iad2 --every 200ms"), "Enter"]);
    screen.line("✖ door");
    screen.keys(&["C-z"]);
    screen.line("Stopped");
    screen.keys(&["stty -a >stopped; echo saved", "Enter"]);
    screen.wait("that it is saved", |lines| lines.iter().any(|line| line == "saved"));
    platform.set("door", 2, "still shut");
    screen.keys(&["fg", "Enter"]);
    screen.line("✖ door Network #netops still shut");
    screen.keys(&["o"]);
    screen.line("BY OWNER");
    screen.keys(&["q"]);
    screen.line("not done: 0 of 1");
    screen.keys(&["stty -a >after; echo over", "Enter"]);
    screen.wait("the end", |lines| lines.iter().any(|line| line == "over"));
    let read = |name: &str| std::fs::read_to_string(platform.path(name)).unwrap();
    assert_eq!(read("before"), read("stopped"));
    assert_eq!(read("before"), read("after"));
}

#[test]
fn without_colours_and_without_unicode() {
    for (setup, arguments) in
        [("export NO_COLOR=1", OFTEN.to_vec()), ("", [&OFTEN[..], &["--color", "never"]].concat())]
    {
        let mut platform = Platform::new().with_file_plugin();
        platform.switch("door", &["milestone: network"]).switch("room", &["depends_on: [door]"]);
        let screen = Screen::start(&platform, (80, 24), setup, &arguments);
        screen.line("✖ door");
        screen.keys(&["q"]);
        screen.end();
        let raw = screen.raw();
        is_ours(&raw, 80);
        assert!(parts(&raw).iter().all(|(sequence, _)| !sequence.ends_with('m') || *sequence == "[0m"));
    }
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]).switch("room", &["depends_on: [door]"]);
    let screen = Screen::start(&platform, (80, 24), "", &[&OFTEN[..], &["--ascii"]].concat());
    screen.line("X door");
    screen.keys(&["j"]);
    screen.line("> X door");
    screen.keys(&["a"]);
    screen.line("= room waits for door");
    screen.keys(&["?"]);
    screen.line("= blocked");
    screen.keys(&["q"]);
    screen.end();
    assert!(screen.raw().is_ascii());
}

#[test]
fn lines_where_a_screen_is_not_wanted_and_a_bell() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]);
    let screen = Screen::start(&platform, (80, 24), "", &[&OFTEN[..], &["--plain", "--bell"]].concat());
    screen.line("start 1 red of 1");
    platform.set("door", 0, "open");
    assert_eq!(screen.end(), 0);
    screen.line("✖ → ✔ door open");
    let raw = screen.raw();
    assert!(!raw.contains("[?1049h") && raw.contains('\u{7}'), "{raw:?}");
    let platform_dumb = {
        let mut platform = Platform::new().with_file_plugin();
        platform.switch("door", &["milestone: network"]);
        platform
    };
    let screen = Screen::start(&platform_dumb, (80, 24), "export TERM=dumb", &OFTEN);
    screen.line("start 1 red of 1");
    screen.keys(&["C-c"]);
    assert_eq!(screen.end(), 130);
    // On a screen it rings too; into a pipe it cannot.
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]);
    let screen = Screen::start(&platform, (80, 24), "", &[&OFTEN[..], &["--bell"]].concat());
    screen.line("✖ door");
    screen.wait("the first look", |lines| !lines.iter().any(|line| line.contains("first results")));
    platform.set("door", 0, "open");
    assert_eq!(screen.end(), 0);
    assert!(screen.raw().contains('\u{7}'));
    platform.mdd(&["watch", "iad2", "--bell"]).exits(2);
}

//! Output that engines, their agents and shells make themselves. None of it is a plugin's result, whatever its exit code.
//!
//! A plugin may print a text that merely holds such words, so that a pattern always covers a whole line.

/// Where in an output the line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the first line that is not empty.
    First,
    /// It is the last one that is not empty: the engine has added it to what the plugin said.
    Last,
}

/// A line that no plugin writes.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Who writes it.
    pub by: &'static str,
    /// Where it stands.
    pub place: Place,
    /// The whole line: `#` is a decimal number, `@` a word or nothing, `*` any text.
    pub pattern: &'static str,
    /// One that was seen, or that the source writes.
    pub example: &'static str,
}

const fn first(by: &'static str, pattern: &'static str, example: &'static str) -> Line {
    Line { by, place: Place::First, pattern, example }
}

const fn last(by: &'static str, pattern: &'static str, example: &'static str) -> Line {
    Line { by, place: Place::Last, pattern, example }
}

const GO: &str = "Sensu Go";
const CLASSIC: &str = "Sensu Classic";
const NAGIOS: &str = "Nagios";
const NRPE: &str = "NRPE";
const ICINGA: &str = "Icinga";
const SHELL: &str = "the shell";

/// Every such line. A result of any engine is held against all of them: one may run another's client.
///
/// Sources: sensu-go `agent/check_handler.go`, `agent/transformers`, `backend/eventd`, `backend/keepalived`,
/// `cli/client`; sensu `lib/sensu/client/process.rb`, `lib/sensu/server/process.rb`, `lib/sensu/api`, sensu-spawn;
/// nagioscore `base/checks.c`; nrpe `src/nrpe.c`, `src/check_nrpe.c`, `src/utils.c`; icinga2 `lib/methods`, `lib/icinga`,
/// `lib/base/process-unix.cpp`, `lib/icinga/clusterevents-check.cpp`; messages of dash and bash.
pub const LINES: &[Line] = &[
    first(GO, "Last check execution was # seconds ago", "Last check execution was 313 seconds ago"),
    first(GO, "Execution timed out", "Execution timed out\n"),
    first(
        GO,
        "Keepalive last sent from * at *",
        "Keepalive last sent from node-1 at 2026-11-22 21:40:00 +0000 UTC",
    ),
    first(
        GO,
        "No keepalive sent from * for # seconds*",
        "No keepalive sent from node-1 for 121 seconds (>= 120)",
    ),
    first(
        GO,
        "unmatched token: *",
        "unmatched token: template: :1:9: executing \"\" at <.labels.x>: map has no entry",
    ),
    first(
        GO,
        "error while substituting check tokens: *",
        "error while substituting check tokens: unmatched token: .x",
    ),
    first(
        GO,
        "error getting assets for check: *",
        "error getting assets for check: error downloading asset: 404",
    ),
    first(GO, "error installing dependencies: *", "error installing dependencies: no space left on device"),
    first(GO, "error marshaling json from event: *", "error marshaling json from event: unsupported value"),
    first(GO, "given check is invalid: *", "given check is invalid: check name must not be empty"),
    first(GO, "could not synthesize the entity: *", "could not synthesize the entity: invalid"),
    first(
        GO,
        "could not unmarshal the check: *",
        "could not unmarshal the check: unexpected end of JSON input",
    ),
    first(GO, "check command denied by the agent allow list", "check command denied by the agent allow list"),
    first(
        GO,
        "check requested assets, but they are disabled on this agent",
        "check requested assets, but they are disabled on this agent",
    ),
    first(GO, "fork/exec *: *", "fork/exec /bin/sh: resource temporarily unavailable"),
    first(
        GO,
        "exec: *: executable file not found in $PATH",
        "exec: \"sh\": executable file not found in $PATH",
    ),
    first(GO, "Resolved manually *", "Resolved manually by sensuctl"),
    first(
        CLASSIC,
        "No keepalive sent from client for # seconds*",
        "No keepalive sent from client for 230 seconds (>=180)",
    ),
    first(CLASSIC, "Keepalive sent from client # seconds ago*", "Keepalive sent from client 12 seconds ago"),
    first(CLASSIC, "Unmatched client token(s): *", "Unmatched client token(s): db.port"),
    first(CLASSIC, "Unmatched check token(s): *", "Unmatched check token(s): address"),
    first(CLASSIC, "Unmatched command tokens: *", "Unmatched command tokens: db.port"),
    first(CLASSIC, "Check is not locally defined (safe mode)", "Check is not locally defined (safe mode)"),
    first(CLASSIC, "Unexpected error: *", "Unexpected error: Resource temporarily unavailable - fork(2)"),
    first(CLASSIC, "Resolving on request of the API", "Resolving on request of the API"),
    first(NAGIOS, "(Service check timed out*", "(Service check timed out after 60.01 seconds)"),
    first(NAGIOS, "(Host check timed out*", "(Host check timed out after 30.00 seconds)"),
    first(NAGIOS, "(Service check did not exit properly)", "(Service check did not exit properly)"),
    first(NAGIOS, "(Host check did not exit properly)", "(Host check did not exit properly)"),
    first(NAGIOS, "(Return code of #*", "(Return code of 127 is out of bounds. Check if plugin exists)"),
    first(NAGIOS, "(No output*", "(No output on stdout) stderr: cannot open"),
    first(NAGIOS, "(Error: Could not execute command)*", "(Error: Could not execute command)"),
    first(NAGIOS, "(Host assumed to be UP)", "(Host assumed to be UP)"),
    first(
        NAGIOS,
        "Warning: The results of @ * on host * are stale by *",
        "Warning: The results of service 'a' on host 'b' are stale by 0d 0h 1m 2s (threshold=0d 0h 3m 0s).",
    ),
    first(
        NAGIOS,
        "Check results for @ * on host * are stale by *",
        "Check results for service 'a' on host 'b' are stale by 0d 0h 1m 2s",
    ),
    first(NRPE, "NRPE: *", "NRPE: Unable to read output"),
    // Without a command to ask for it says that the agent is there, with exit code 0.
    first(NRPE, "NRPE v#*", "NRPE v4.1.0"),
    // With exit code 1.
    first(
        NRPE,
        "Could not resolve hostname *: *",
        "Could not resolve hostname node-1: Name or service not known",
    ),
    first(NRPE, "Incorrect command line arguments supplied", "Incorrect command line arguments supplied"),
    first(
        NRPE,
        "CHECK_NRPE: *",
        "CHECK_NRPE: Error - Could not connect to 10.0.0.5. Check system logs on 10.0.0.5",
    ),
    first(
        NRPE,
        "CHECK_NRPE STATE*: Socket timeout*",
        "CHECK_NRPE STATE CRITICAL: Socket timeout after 10 seconds.",
    ),
    first(
        NRPE,
        "connect to address @ port @: *",
        "connect to address 10.0.0.5 port 5666: Connection refused",
    ),
    first(NRPE, "connect to host @ port @: *", "connect to host 10.0.0.5 port 5666: Connection refused"),
    first(
        NRPE,
        "Remote @ does not support version 3/4 packets",
        "Remote 10.0.0.5 does not support version 3/4 packets",
    ),
    first(NRPE, "Remote @ accepted a version # packet", "Remote 10.0.0.5 accepted a version 2 packet"),
    first(
        NRPE,
        "Error: Received packet with invalid buffer size",
        "Error: Received packet with invalid buffer size",
    ),
    first(NRPE, "Error: Could not allocate memory for packet", "Error: Could not allocate memory for packet"),
    last(ICINGA, "*<Timeout exceeded.>", "partial<Timeout exceeded.>"),
    last(ICINGA, "*<Terminated by signal # (*).>", "partial<Terminated by signal 9 (Killed).>"),
    last(ICINGA, "*<Terminated with exit code # (0x*).>", "text<Terminated with exit code 127 (0x7f).>"),
    first(
        ICINGA,
        "execvpe(*) failed: *",
        "execvpe(/usr/lib/nagios/plugins/check-x) failed: No such file or directory",
    ),
    first(
        ICINGA,
        "Remote Icinga instance * is not connected to *",
        "Remote Icinga instance 'node-1' is not connected to 'master'",
    ),
    first(ICINGA, "Endpoint @ does not accept commands*", "Endpoint 'node-1' does not accept commands."),
    first(ICINGA, "Endpoint @ is not connected*", "Endpoint 'node-1' is not connected."),
    first(ICINGA, "Zone @ is not connected*", "Zone 'node' is not connected. Log lag: 5 seconds"),
    first(ICINGA, "No data received from *", "No data received from child endpoint 'node-1'"),
    first(ICINGA, "Check command * does not exist*", "Check command 'mdd_dns-internal' does not exist."),
    first(
        ICINGA,
        "Non-optional macro * used in argument * is missing*",
        "Non-optional macro 'address' used in argument '-H' is missing.",
    ),
    first(ICINGA, "No Passive Check Result Received.", "No Passive Check Result Received."),
    first(SHELL, "sh: *: not found", "sh: 1: check-dns: not found"),
    first(SHELL, "/bin/sh: *: not found", "/bin/sh: 1: check-dns: not found"),
    first(SHELL, "@sh: *: command not found", "bash: line 1: check-dns: command not found"),
    first(SHELL, "@sh: *: Permission denied", "sh: 1: /usr/lib/nagios/plugins/check-dns: Permission denied"),
    first(
        SHELL,
        "@sh: *: No such file or directory",
        "sh: line 1: /usr/lib/nagios/plugins/check-dns: No such file or directory",
    ),
    first(SHELL, "@sh: *: Exec format error", "sh: 1: /usr/lib/nagios/plugins/check-dns: Exec format error"),
    first(SHELL, "@sh: *: Text file busy", "sh: 1: /usr/lib/nagios/plugins/check-dns: Text file busy"),
    first(SHELL, "@sh: *: Cannot fork", "sh: 1: Cannot fork"),
    first(SHELL, "sh: #: Cannot fork", "sh: 1: Cannot fork"),
    first(SHELL, "sh: *: Syntax error: *", "sh: 1: Syntax error: Unterminated quoted string"),
    first(SHELL, "@sh: *syntax error*", "sh: -c: line 1: syntax error near unexpected token `('"),
];

/// Who has made an output, if it is no plugin's.
pub fn made_by(output: &str) -> Option<&'static Line> {
    let mut lines = output.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.next()?;
    let tail = lines.next_back().unwrap_or(head);
    LINES.iter().find(|line| {
        let text = match line.place {
            Place::First => head,
            Place::Last => tail,
        };
        covers(line.pattern, text)
    })
}

/// Whether a pattern covers a whole text.
fn covers(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            rest.is_empty() || text.char_indices().any(|(at, _)| covers(rest, &text[at..]))
        }
        Some('@') => {
            let word = text.find(char::is_whitespace).unwrap_or(text.len());
            let rest = &pattern[1..];
            (0..=word).any(|at| text.is_char_boundary(at) && covers(rest, &text[at..]))
        }
        Some('#') => {
            let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
            digits > 0 && covers(&pattern[1..], &text[digits..])
        }
        Some(c) => text.strip_prefix(c).is_some_and(|rest| covers(&pattern[c.len_utf8()..], rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_known_by_its_example_and_needs_the_whole_of_it() {
        for line in LINES {
            let found = made_by(line.example).unwrap_or_else(|| panic!("nobody made {:?}", line.example));
            assert!(covers(line.pattern, line.example.lines().last().unwrap().trim()), "{:?}", line.pattern);
            // Another's pattern may know it first, but somebody must.
            assert!(!found.by.is_empty());
            let quoted = format!("CHECK OK: the log says \"{}\" twice", line.example.lines().next().unwrap());
            assert!(made_by(&quoted).is_none(), "{quoted} is a plugin's own");
        }
    }

    #[test]
    fn plugins_may_use_the_same_words() {
        for own in [
            "HTTP CRITICAL: GET https://10.0.0.5/: no answer within 8 s [timeout]",
            "TCP CRITICAL: connect to 10.0.0.5:5666: refused [refused]",
            "connect to address 10.0.0.5 and port 443: Connection refused",
            "CRITICAL - Socket timeout after 10 seconds",
            "LOG OK: 0 lines with `Execution timed out` in syslog",
            "PROCS OK: 3 processes sh: all found",
            "SSH OK: 10.0.0.5:22 answers",
            "DNS CRITICAL: NXDOMAIN for mdd-probe.apps.iad2.example.net [nxdomain]",
            "NRPE OK: 10.0.0.5 answers",
            "OK\nlong text\nExecution timed out once yesterday",
            "OK: the agent says <Timeout exceeded.> now and then",
        ] {
            assert!(made_by(own).is_none(), "{own} is a plugin's own");
        }
        assert!(made_by("").is_none() && made_by("\n \n").is_none());
    }
}

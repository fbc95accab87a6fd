//! Connects to a TCP or UDP port or a Unix socket, says something, and checks the answer and the time.

mod judge;
mod options;
mod preset;
mod script;

use std::time::{Duration, Instant};

use net::{Answer, Dialogue, Stream};
use plugin::{Call, Check, Deadline, Dialect, Failure, Outcome, Reason, Result, State, units};

use judge::{Facts, Stage};
pub use options::CheckTcp;
use preset::Transport;
use script::Script;

impl Check for CheckTcp {
    const NAMESAKES: &'static [&'static str] = &[
        "check_tcp",
        "check_udp",
        "check_ftp",
        "check_imap",
        "check_simap",
        "check_pop",
        "check_spop",
        "check_ssmtp",
        "check_nntp",
        "check_nntps",
        "check_clamd",
        "check_jabber",
    ];

    const SAMPLE: &'static [&'static str] = &["-H", "127.0.0.1", "-p", "{port}"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        let script = Script::new(self, call)?;
        let facts = measure(&script, call);
        Ok(self.judge(&script, &facts, call))
    }

    // A name that does not resolve, and a socket that this user may not open, are a service that is down. An unexpected
    // answer only warns.
    fn c_state(reason: Reason) -> State {
        match reason {
            Reason::Usage | Reason::Stuck | Reason::Internal => State::Unknown,
            Reason::Content => State::Warning,
            _ => State::Critical,
        }
    }
}

fn measure(script: &Script, call: &Call) -> Facts {
    let started = Instant::now();
    let mut facts = Facts::of(script.target.to_string());
    let result = talk(script, call, &mut facts);
    // Waiting as told is not the other side's slowness.
    facts.time = started.elapsed().saturating_sub(facts.delayed);
    match result {
        Ok(answer) => facts.answer = answer,
        Err(failure) => facts.failure = Some(failure),
    }
    facts
}

fn talk(script: &Script, call: &Call, facts: &mut Facts) -> Result<Option<Answer>> {
    let deadline = &call.deadline;
    let endpoint = script.target.resolve(script.family, deadline)?;
    facts.stage = Stage::Connect;
    facts.lookup = Some(endpoint.lookup);
    facts.details.clone_from(&endpoint.details);
    facts.addresses = endpoint.addresses.iter().map(|address| address.ip().to_string()).collect();
    let mut conn = match script.transport {
        Transport::Tcp => endpoint.connect(deadline)?,
        Transport::Udp => endpoint.connect_udp(deadline)?,
    };
    facts.connected(&conn);
    let Some(wish) = &script.tls else {
        facts.stage = Stage::Talk;
        return say_and_listen(script, &mut conn, facts);
    };
    facts.stage = Stage::Handshake;
    let mut stream = tls::open(conn, &wish.host, &wish.options)?;
    let session = stream.session().clone();
    facts.handshake = Some(stream.took());
    let trust = session.trust.clone().map_err(|distrust| session.failure(&facts.peer, &distrust));
    let certificate = facts.state_of(wish, session, call.dialect);
    trust?;
    // There the C plugin ends.
    if call.dialect == Dialect::C && certificate != State::Ok {
        return Ok(None);
    }
    facts.stage = Stage::Talk;
    let answer = say_and_listen(script, &mut stream, facts);
    stream.close();
    answer
}

fn say_and_listen(script: &Script, conn: &mut impl Stream, facts: &mut Facts) -> Result<Option<Answer>> {
    let deadline = conn.conn().deadline().clone();
    let mut dialogue = Dialogue::new(conn);
    if let Some(text) = &script.send {
        let sent = dialogue.send(text);
        // One that has hung up already may have said something before; where that matters, reading will tell.
        if sent.is_err() && script.expect.is_none() {
            sent?;
        }
    }
    if let Some(delay) = script.delay {
        wait(delay, &deadline, &facts.peer)?;
        facts.delayed = delay;
    }
    let answer = match &script.expect {
        Some(expect) => {
            let asked = Instant::now();
            let answer = dialogue.expect(expect)?;
            facts.answered = Some(asked.elapsed());
            Some(answer)
        }
        None => None,
    };
    if let Some(text) = &script.quit {
        // A good-bye is courtesy: all that was to be found out is known by now.
        let _unheard = dialogue.send(text);
    }
    Ok(answer)
}

fn wait(delay: Duration, deadline: &Deadline, peer: &str) -> Result<()> {
    let left = deadline.step(format_args!("wait before reading from {peer}"))?;
    std::thread::sleep(delay.min(left));
    if delay <= left {
        return Ok(());
    }
    let delay = units::show_seconds(delay.as_secs_f64());
    Err(Failure::new(
        Reason::TimedOut,
        format!("{peer}: the timeout leaves no {delay} to wait before reading"),
    ))
}

//! A check of a service that answers passwords with a word, written as a plugin outside this repository would be.
//!
//! It can also go wrong on demand, which shows what the runner makes of it, and the tests hold it to that.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use plugin::{
    Call, Check, Context as _, Failure, Metric, Outcome, Range, Reason, Result, Thresholds, Unit, text,
};

/// Longest answer that is read, bytes.
const LIMIT: usize = 512;

/// Sends a password to a service and reads its answer
#[derive(Debug, clap::Parser)]
#[command(name = "check-answer", version)]
struct CheckAnswer {
    /// Address and port of the service
    #[arg(short = 'H', long, value_name = "ADDRESS:PORT")]
    service: Option<SocketAddr>,
    #[command(flatten)]
    password: plugin::SecretArgs,
    /// Text that the answer has to hold
    #[arg(short, long, value_name = "TEXT", default_value = "welcome")]
    expect: String,
    /// WARNING when the answer takes longer, seconds
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    warning: Option<Range>,
    /// CRITICAL when the answer takes longer, seconds
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    critical: Option<Range>,
    /// Go wrong in one way
    #[arg(long, value_name = "WAY")]
    fail: Option<Way>,
    /// Create this file just before going wrong
    #[arg(long, value_name = "FILE")]
    ready: Option<PathBuf>,
}

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Way {
    /// Panic in the thread of the check
    Panic,
    /// Panic in another thread, while the check waits
    PanicElsewhere,
    /// Panic while the command line is read
    PanicInOptions,
    /// Never return, whatever the deadline says
    Stick,
    /// End with an error that nobody gave a reason
    Error,
}

impl Check for CheckAnswer {
    fn rewrite(_name: &str, _dialect: plugin::Dialect, args: &mut Vec<std::ffi::OsString>) {
        assert!(!args.iter().any(|arg| arg == "panic-in-options"), "asked to, in the options");
    }

    fn run(&self, call: &Call) -> Result<Outcome> {
        let secret = self.password.read(&call.deadline)?;
        self.go_wrong(call)?;
        let Some(service) = self.service else {
            return Err(Failure::new(Reason::Usage, "--service is missing"));
        };
        let (password, warning) = match &secret {
            Some((secret, warning)) => (secret.expose(), warning.as_deref()),
            None => ("", None),
        };
        let (answer, seconds) = ask(call, service, password)?;
        let mut outcome = self.judge(service, &answer, seconds);
        if let Some(line) = warning {
            outcome = outcome.detail(line);
        }
        Ok(outcome.detail(format!("{secret:?}")))
    }
}

fn ask(call: &Call, service: SocketAddr, password: &str) -> Result<(String, f64)> {
    let started = call.deadline.elapsed();
    let connect = format!("connect to {service}");
    let left = call.deadline.step(&connect)?;
    let mut stream = TcpStream::connect_timeout(&service, left).map_err(|e| Failure::io(&connect, &e))?;
    let send = format!("send to {service}");
    stream.set_write_timeout(Some(call.deadline.step(&send)?))?;
    stream.write_all(format!("{password}\n").as_bytes()).map_err(|error| Failure::io(&send, &error))?;

    let mut answer = Vec::new();
    let mut buffer = [0; LIMIT];
    // Each read gets what is left of the whole: a service that drips does not get more time.
    while !answer.contains(&b'\n') && answer.len() < LIMIT {
        let read = format!("read from {service}");
        stream.set_read_timeout(Some(call.deadline.step(&read)?))?;
        match stream.read(&mut buffer).map_err(|error| Failure::io(&read, &error))? {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    let seconds = call.deadline.elapsed().saturating_sub(started).as_secs_f64();
    Ok((text::clean_bytes(&answer), seconds))
}

impl CheckAnswer {
    fn judge(&self, service: SocketAddr, answer: &str, seconds: f64) -> Outcome {
        let limits = Thresholds::new(self.warning.clone(), self.critical.clone());
        let metric = Metric::new("time", seconds).unit(Unit::Seconds).thresholds(&limits).min(0.0);
        let shown = format!("{service} said `{answer}`");
        let outcome = Outcome::new().fact("answer", answer);
        if answer.contains(&self.expect) {
            outcome.measured(metric, shown)
        } else {
            outcome.problem(plugin::State::Critical, Reason::Content, shown).metric(metric)
        }
    }

    fn go_wrong(&self, call: &Call) -> Result<()> {
        let Some(way) = self.fail else { return Ok(()) };
        call.deadline.step(format_args!("go wrong: {way:?}"))?;
        if let Some(ready) = &self.ready {
            std::fs::write(ready, "").because(Reason::Internal, "say that all is ready")?;
        }
        let for_ever = Duration::from_hours(1);
        match way {
            Way::Panic => panic!("asked to | with a bar"),
            Way::PanicElsewhere => {
                std::thread::spawn(|| panic!("asked to, elsewhere"));
                std::thread::sleep(for_ever);
            }
            Way::Stick => std::thread::sleep(for_ever),
            Way::Error => {
                "x".parse::<u8>()?;
            }
            Way::PanicInOptions => {}
        }
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    plugin::main::<CheckAnswer>()
}

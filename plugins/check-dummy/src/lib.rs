//! Returns the state it is told to, for trying out an agent, a handler or a contact.

use plugin::{Call, Check, Dialect, Failure, Outcome, Reason, Result, State, units};

/// Returns the state it is told to, after an optional delay
#[derive(Debug, clap::Parser)]
#[command(name = "check-dummy")]
pub struct CheckDummy {
    /// State to return: 0 to 3, or ok, warning, critical, unknown
    #[arg(value_name = "STATE", allow_negative_numbers = true)]
    state: String,
    /// Text to print
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Wait so long first, to try out an agent's timeout
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    delay: Option<std::time::Duration>,
}

impl Check for CheckDummy {
    const NAMESAKES: &'static [&'static str] = &["check_dummy"];
    const SAMPLE: &'static [&'static str] = &["0"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        if let Some(delay) = self.delay {
            let left = call.deadline.step("wait for the delay to pass")?;
            std::thread::sleep(delay.min(left));
            call.deadline.step("return the state")?;
        }
        self.judge(call.dialect)
    }
}

impl CheckDummy {
    fn judge(&self, dialect: Dialect) -> Result<Outcome> {
        // A number may have leading zeros, as atoi of the C plugin reads it.
        let state = match (self.state.parse::<u8>(), dialect) {
            (Ok(code), _) => State::from_code(code).ok_or_else(|| format!("{code} is no state; 0 to 3 are")),
            (Err(_), Dialect::Own) => self.state.parse(),
            (Err(_), Dialect::C) => {
                Err(format!("`{}` is no number; as check_dummy it takes 0 to 3", self.state))
            }
        };
        let state: State = state.map_err(|error| Failure::new(Reason::Usage, error))?;
        Ok(Outcome::new().finding(state, self.text.as_deref().unwrap_or("as told")))
    }
}

#[cfg(test)]
mod tests {
    use super::CheckDummy;
    use clap::Parser as _;
    use plugin::{Dialect, Reason, State};

    fn judge(args: &[&str], dialect: Dialect) -> plugin::Result<(State, String)> {
        let check = CheckDummy::try_parse_from([&["check-dummy"], args].concat()).expect("readable");
        let outcome = check.judge(dialect)?;
        Ok((outcome.state(), outcome.findings()[0].text.clone()))
    }

    #[test]
    fn it_does_as_it_is_told() {
        assert_eq!(judge(&["00"], Dialect::Own), Ok((State::Ok, "as told".into())));
        let burns = Ok((State::Critical, "the disk burns".into()));
        assert_eq!(judge(&["critical", "the disk burns"], Dialect::Own), burns);
        assert_eq!(judge(&["2", "the disk burns"], Dialect::C), burns);
    }

    #[test]
    fn no_other_state_exists() {
        let reason = |args: &[&str], dialect| judge(args, dialect).map_err(|failure| failure.reason);
        for bad in ["4", "-1", "fine", ""] {
            assert_eq!(reason(&[bad], Dialect::Own), Err(Reason::Usage), "{bad}");
        }
        assert_eq!(reason(&["ok"], Dialect::C), Err(Reason::Usage));
    }
}

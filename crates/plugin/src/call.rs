//! How a plugin was called: name, dialect, verbosity, deadline.

use crate::{Deadline, Dialect, Failure, Outcome, Reason, State};

/// What a plugin may know of its call besides its own options.
#[derive(Debug, Clone)]
pub struct Call {
    /// The name it was called by, without its folder: `check_ftp`.
    pub name: String,
    /// Whose states, labels and units to use.
    pub dialect: Dialect,
    /// How many `-v`.
    pub verbosity: u8,
    /// When the run has to be over.
    pub deadline: Deadline,
    /// Whether the output shows facts ([`Outcome::fact`]): ones that cost much to make need not be made otherwise.
    pub shows_facts: bool,
    pub(crate) timeout_state: Option<State>,
    pub(crate) c_state: fn(Reason) -> State,
}

impl Call {
    /// A call in the suite's own dialect, for tests of a plugin.
    pub fn own(name: &str, deadline: Deadline) -> Call {
        Call {
            name: name.to_owned(),
            dialect: Dialect::Own,
            verbosity: 0,
            deadline,
            shows_facts: true,
            timeout_state: None,
            c_state: crate::dialect::c_state,
        }
    }

    /// The state of a failure: what `-t N:STATE` says of a timeout, else the dialect's table, else the plugin's own for the C dialect.
    pub fn state(&self, reason: Reason) -> State {
        match (reason, self.timeout_state, self.dialect) {
            (Reason::TimedOut | Reason::Stuck, Some(state), _) => state,
            (reason, _, Dialect::C) => (self.c_state)(reason),
            (reason, _, Dialect::Own) => Dialect::Own.state(reason),
        }
    }

    /// An outcome that consists of one failure.
    pub fn failed(&self, failure: &Failure) -> Outcome {
        Outcome::new().failed(self.state(failure.reason), failure)
    }
}

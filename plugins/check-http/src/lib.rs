//! Asks a web server and judges its status, headers, content, certificate and time.

mod c;
mod certificate;
mod content;
mod expect;
mod facts;
mod json_path;
mod judge;
mod measure;
mod options;
mod place;
mod plan;
mod security;

use std::ffi::OsString;

use plugin::{Call, Check, Dialect, Outcome, Reason, Result, State};

pub use options::CheckHttp;
use plan::Plan;

impl Check for CheckHttp {
    const NAMESAKES: &'static [&'static str] = &["check_http", "check_curl"];

    const SAMPLE: &'static [&'static str] = &["-H", "127.0.0.1", "-p", "{http}"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        let plan = Plan::new(self, call)?;
        let facts = measure::measure(&plan, &call.deadline)?;
        Ok(judge::judge(&plan, &facts, call))
    }

    fn rewrite(_name: &str, dialect: Dialect, args: &mut Vec<OsString>) {
        c::rewrite(dialect, args);
    }

    fn c_state(reason: Reason) -> State {
        c::state(reason)
    }
}

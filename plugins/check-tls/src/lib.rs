//! Checks the certificates and the protocol of a TLS server, after STARTTLS where asked, or certificate files.

mod chain;
mod files;
mod judge;
mod limit;
mod measure;
mod options;

use plugin::{Call, Check, Outcome, Result};

pub use options::CheckTls;

impl Check for CheckTls {
    // Whether a certificate is trusted depends on who asks; that there is a server does not.
    const SAMPLE: &'static [&'static str] = &["-H", "127.0.0.1", "-p", "{tls}", "--insecure"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        self.validate()?;
        if self.file.is_empty() {
            let facts = measure::measure(self, call)?;
            Ok(self.judge(&facts, call))
        } else {
            let files = files::read(&self.file, &call.deadline)?;
            Ok(self.judge_files(&files, tls::now(), call))
        }
    }
}

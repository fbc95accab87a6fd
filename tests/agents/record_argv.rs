//! A plugin that writes down how it was called: into the file `out/ARGV[1]` beside it, each argument with a NUL behind it,
//! then `PROBE=…` where its environment has that.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;

fn main() -> ExitCode {
    match record() {
        Ok(()) => {
            println!("RECORD OK");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("RECORD CRITICAL - {error}");
            ExitCode::from(2)
        }
    }
}

fn record() -> std::io::Result<()> {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut record: Vec<u8> = argv[1..].iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
    if let Some(value) = std::env::var_os("PROBE") {
        record.extend([b"PROBE=", value.into_vec().as_slice(), b"\0"].concat());
    }
    let out = std::env::current_exe()?.with_file_name("out");
    let name = argv.get(1).cloned().unwrap_or_else(|| "nothing".into());
    // In one step: whoever waits for the file reads it whole.
    let draft = out.join(format!(".{}", std::process::id()));
    std::fs::write(&draft, record)?;
    std::fs::rename(draft, out.join(name))
}

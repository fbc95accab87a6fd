//! Starting other programs: shown before they run, judged by how they end.

use std::path::Path;
use std::process::{Command, Stdio};

/// What went wrong, as one line for a person.
pub type Result<T> = std::result::Result<T, String>;

/// The root of the workspace, where every command runs.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// A program to be run at the root of the workspace.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs us, so that both agree on the toolchain.
pub fn cargo(args: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), args)
}

/// `$ cargo fmt --all --check`: a copy of this line does the same in a terminal.
pub fn show(command: &Command) {
    let args: Vec<_> = command.get_args().map(|arg| quoted(&arg.to_string_lossy())).collect();
    println!("$ {} {}", name(command), args.join(" "));
}

/// Its name without its folder, for messages.
fn name(command: &Command) -> String {
    Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Shows and runs the command; anything but exit 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    show(command);
    let name = name(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let first = command.get_args().next().unwrap_or_default().to_string_lossy();
            Err(format!("{name} {first}: {status}"))
        }
        Err(error) => Err(format!("start {name}: {error}")),
    }
}

/// What a command prints, whatever its exit code; an error when it cannot be started.
pub fn output_of(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output = command.stderr(Stdio::null()).output().map_err(|error| format!("start {name}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command can be started and ends with exit 0; what it prints is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// One shell word: quoted where a shell would read it otherwise.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_shell_reads_them() {
        assert_eq!(quoted("--check"), "--check");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        assert_eq!(run(&mut command("false", &["a", "b"])), Err("false a: exit status: 1".into()));
        let error = run(&mut command("no-such-program", &[])).unwrap_err();
        assert!(error.starts_with("start no-such-program: "), "{error}");
    }
}

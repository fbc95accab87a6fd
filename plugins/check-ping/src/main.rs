//! See the library.

fn main() -> std::process::ExitCode {
    plugin::main::<check_ping::CheckPing>()
}

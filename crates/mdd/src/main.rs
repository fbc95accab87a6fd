//! See the library.

fn main() -> std::process::ExitCode {
    mdd::cli::main()
}

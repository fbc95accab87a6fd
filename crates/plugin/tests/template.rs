//! What `cargo xtask new` starts a check from compiles against this crate, and its own tests pass.

#[path = "../../xtask/template/lib.rs"]
mod template;

use template::CheckThing;

#[test]
fn its_sample_is_accepted() {
    use clap::Parser as _;
    use plugin::Check as _;

    let line = std::iter::once("check-thing").chain(CheckThing::SAMPLE.iter().copied());
    assert!(CheckThing::try_parse_from(line).is_ok());
}

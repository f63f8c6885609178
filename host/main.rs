//! The program `host`: parse, run one verb, exit with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(host::verbs::main())
}

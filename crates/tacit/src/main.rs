//! Organisations learn together, infer together, and tell each other nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    tacit::main(std::env::args_os()).into()
}

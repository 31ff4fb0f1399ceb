//! The one binary.

use std::process::ExitCode;

use clap::Parser;
use tribunal::cli::Cli;
use tribunal::cli::exit_code::BAD_ARGUMENTS;

fn main() -> ExitCode {
    // The lab starts this very program for its own roles, which have to come before any thread exists.
    if let Some(code) = nemesis::lab::entry() {
        return code;
    }
    match Cli::try_parse() {
        Ok(cli) => ExitCode::from(cli.execute()),
        Err(error) => {
            // Help and version are no errors; when the terminal is gone there is nobody to tell.
            drop(error.print());
            ExitCode::from(if error.use_stderr() { BAD_ARGUMENTS } else { 0 })
        }
    }
}

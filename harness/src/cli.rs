//! The command line: what can be asked for, and which part of the program answers.

pub mod check;
pub mod convert;
pub mod detect;
pub mod doctor;
pub mod duration;
pub mod engine;
pub mod exit_code;
pub mod list;
pub mod memory;
pub mod node;
pub mod refusal;
pub mod replay;
pub mod run;
pub mod series;
pub mod shrink;
pub mod sweep;
pub mod verify;

use clap::{Parser, Subcommand};

pub use refusal::Refusal;

/// Puts replicated systems on trial: real processes, real faults, recorded testimony, a verdict with evidence.
#[derive(Debug, Parser)]
#[command(name = "tribunal", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts a system on trial and prints the verdict
    Run(Box<run::RunArgs>),
    /// Runs a run again from its folder: the same, byte for byte, or how often in the same way
    Replay(replay::ReplayArgs),
    /// Finds the smallest case that still fails as a run did
    Shrink(shrink::ShrinkArgs),
    /// Judges recorded histories, from trials or from anywhere else
    Check(check::CheckArgs),
    /// Verifies the certificate of a valid history, without the checker
    Verify(verify::VerifyArgs),
    /// Writes a recorded history in another form
    Convert(convert::ConvertArgs),
    /// Says how soon each known way to be wrong is caught in the simulated world, and by whom
    Detect(detect::DetectArgs),
    /// Lists the systems, workloads, nemeses or flaws
    List(list::ListArgs),
    /// Says what this machine can do, by doing it, and what would enable the rest
    Doctor(doctor::DoctorArgs),
    /// Runs one node of one of our own systems
    #[command(hide = true)]
    Node(node::NodeArgs),
    /// Runs a trial inside the lab
    #[command(hide = true)]
    Engine(engine::EngineArgs),
}

impl Cli {
    /// Does what was asked; the exit code says how it ended.
    #[must_use]
    pub fn execute(self) -> u8 {
        let done = match self.command {
            Command::Run(args) => args.execute(),
            Command::Replay(args) => args.execute(),
            Command::Shrink(args) => args.execute(),
            Command::Check(args) => args.execute(),
            Command::Verify(args) => args.execute(),
            Command::Convert(args) => args.execute(),
            Command::Detect(args) => args.execute(),
            Command::List(args) => args.execute(),
            Command::Doctor(args) => args.execute(),
            Command::Node(args) => args.execute(),
            Command::Engine(args) => args.execute(),
        };
        done.unwrap_or_else(|refusal| refusal.report())
    }
}

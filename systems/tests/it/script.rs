//! Protocol tests as text: a script of commands, each with what is seen when it is carried out, to be read in review.
//!
//! A script is a file of `testdata/`. Blocks of commands are followed by `---` and by what was seen; `UPDATE_GOLDENFILES=1` writes the
//! latter anew. Every script is its own world, and everything that must hold of any run is checked at its end. What a system has to
//! say to be scripted is [`Scripted`]; the commands are the same for all. CONTRIBUTING.md lists them.

use std::fs;
use std::path::{Path, PathBuf};

use goldenscript::Runner;

mod commands;
mod kinds;
mod prose;
mod stage;
mod words;

pub(crate) use stage::{Scripted, Stage};
pub(crate) use words::Words;

/// Runs every script of `testdata/<folder>`, each with a runner of its own.
pub(crate) fn run_all<R: Runner>(folder: &str, runner: impl Fn() -> R) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "no script in {}", folder.display());
    for script in scripts {
        println!("{}", script.display());
        if let Err(error) = goldenscript::run(&mut runner(), &script) {
            panic!("{}: {error}", script.display());
        }
    }
}

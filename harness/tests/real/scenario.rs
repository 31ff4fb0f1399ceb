//! What is tried inside of a lab, each scenario by an engine of its own.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use libtest_mimic::Failed;
use nemesis::lab::{self, EngineCommand};

use crate::runner::this_binary;
use crate::wait::await_some;
use crate::{ENGINE, OUTER, crashes, failover, partitions};

/// Where a scenario may write, told by the environment.
const SCRATCH: &str = "TRIBUNAL_TEST_SCRATCH";

/// No scenario takes as long; it is ended then.
const LIMIT: Duration = Duration::from_secs(90);

/// Every scenario, by the claim it is about.
#[rustfmt::skip]
pub(crate) const ALL: &[(&str, fn())] = &[
    ("pb4_the_backup_of_a_primary_that_died_has_every_old_value", failover::primary_dies),
    ("pb5_when_the_last_server_died_a_new_one_answers_nothing", failover::last_server_dies),
    ("pb5_when_the_last_server_died_it_answers_nothing_when_it_comes_back_empty", failover::last_server_returns),
    ("pb12_clients_get_what_they_put_while_servers_die_and_come_back", crashes::repeated),
    ("pb13_appends_happen_once_and_in_order_while_servers_die_and_packets_are_lost", crashes::repeated_and_unreliable),
    ("pb14_a_get_that_waited_at_a_paused_old_primary_is_not_answered", partitions::get_at_paused_primary),
    ("pb14_a_get_that_was_long_under_way_to_an_old_primary_is_not_answered", partitions::get_long_under_way),
    ("pb14_the_same_get_would_be_answered_by_a_primary_that_reads_locally", partitions::get_answered_by_flawed_primary),
    ("pb15_a_partitioned_old_primary_answers_nothing_even_when_its_backup_died", partitions::successor_dies),
];

/// Runs a scenario in an outer process of its own.
pub(crate) fn confined(name: &str) -> Result<(), Failed> {
    let scratch = tempfile::tempdir()?;
    let said = scratch.path().join("said");
    let out = File::create(&said)?;
    let mut outer = this_binary()
        .args([OUTER, name])
        .env(SCRATCH, scratch.path())
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()?;
    let ended = await_some(LIMIT, || outer.try_wait().transpose());
    if ended.is_none() {
        outer.kill()?;
        outer.wait()?;
    }
    match ended.transpose()? {
        Some(status) if status.success() => Ok(()),
        status => {
            let said = fs::read_to_string(said).unwrap_or_default();
            let how = status.map_or_else(
                || format!("not over after {LIMIT:?}"),
                |status| status.to_string(),
            );
            Err(format!(
                "{how}; its nodes' logs lie in {}\n{said}",
                scratch.keep().display()
            )
            .into())
        }
    }
}

/// Plays the outer process.
pub(crate) fn outer(name: &str) -> ExitCode {
    let args = [ENGINE, name].map(Into::into).to_vec();
    match lab::confine(&EngineCommand {
        args,
        env: Vec::new(),
    }) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the engine.
pub(crate) fn engine(name: &str) -> ExitCode {
    let (_, scenario) = ALL
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a known scenario");
    scenario();
    ExitCode::SUCCESS
}

/// Where this scenario may write.
pub(crate) fn scratch() -> PathBuf {
    std::env::var_os(SCRATCH)
        .expect("the runner tells where to write")
        .into()
}

//! The chain of processes: whichever is killed, at whatever moment, nothing is left; and what ends in order says so.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::engine::ENDED_IN_ORDER;
use crate::marks::{MARK, await_some, await_that, holders, marked, marked_as, mounts, namespaces};
use crate::runner::{SCRATCH, Scratch, User, this_binary};
use crate::{ENGINE, OUTER, SERVER};

/// After this long nothing is left.
const LEFTOVER_LIMIT: Duration = Duration::from_secs(2);

/// After this long what is to be there is there.
const APPEARANCE_LIMIT: Duration = Duration::from_secs(10);

/// A whole lab is up after about this long; kills come at moments up to twice as late.
const SETUP_US: u64 = 30_000;

/// The processes of the chain, by their first argument.
const VICTIMS: [&str; 6] = [OUTER, "lab-gate", "lab-init", ENGINE, "lab-node", SERVER];

/// So often is each of them killed while the lab is made, and as often when it is there.
const KILLS_EACH: u64 = 4;

type Test = fn(User) -> Result<(), Failed>;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a_kill_while_the_lab_is_made_leaves_nothing", kill_at_random),
    ("a_kill_when_the_lab_is_there_leaves_nothing", kill_when_ready),
    ("the_engines_exit_code_is_passed_on", exit_codes),
    ("a_first_signal_ends_in_order_and_a_second_at_once", signals),
];

/// A chain that was started, by its outer process.
struct Chain {
    outer: Child,
    mark: String,
    _scratch: Scratch,
}

impl Chain {
    fn start(user: User, scenario: &str) -> Self {
        static CHAINS: AtomicU64 = AtomicU64::new(0);
        let mark = format!(
            "{}-{}",
            std::process::id(),
            CHAINS.fetch_add(1, Ordering::Relaxed)
        );
        let scratch = Scratch::new(&mark);
        let mut command: Command = this_binary(user);
        command
            .args([OUTER, scenario])
            .env(MARK, &mark)
            .env(SCRATCH, &scratch.0);
        let outer = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self {
            outer: outer.expect("this binary can be started"),
            mark,
            _scratch: scratch,
        }
    }

    fn await_ready(&mut self) {
        let output = self.outer.stdout.as_mut().expect("it is a pipe");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the engine speaks");
        assert_eq!(line, "ready\n");
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.outer.id().cast_signed()), signal).expect("it has not been waited for");
    }

    /// Kills a process of the chain, if it is there.
    fn kill(&self, victim: &str) {
        if let Some(victim) = marked_as(&self.mark, victim) {
            let _ = kill(Pid::from_raw(victim.pid), Signal::SIGKILL);
        }
    }

    /// Checks that in time there is no process of it, and nobody in the namespaces it had.
    fn expect_nothing_left(mut self, namespaces: &BTreeSet<PathBuf>) {
        let begin = Instant::now();
        let _ = self.outer.wait();
        let gone = await_that(LEFTOVER_LIMIT, || {
            reap_orphans();
            marked(&self.mark).is_empty() && holders(&self.mark, namespaces).is_empty()
        });
        assert!(
            gone,
            "left: {:?}, in its namespaces: {:?}",
            marked(&self.mark),
            holders(&self.mark, namespaces)
        );
        assert!(begin.elapsed() < LEFTOVER_LIMIT, "it took {:?}", begin.elapsed());
    }
}

/// The gate of a killed outer process is left to us: the machine's own init may take its time.
fn reap_orphans() {
    while waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)).is_ok_and(|it| it != WaitStatus::StillAlive)
    {
    }
}

/// The namespaces the chain has and we have not.
fn own_namespaces(chain: &Chain) -> BTreeSet<PathBuf> {
    let ours = namespaces([std::process::id().cast_signed()]);
    let theirs = namespaces(marked(&chain.mark).into_iter().map(|process| process.pid));
    theirs.difference(&ours).cloned().collect()
}

/// A number below `bound` that is the same in each run of the tests.
fn drawn(round: u64, bound: u64) -> u64 {
    (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) % bound
}

fn kill_at_random(user: User) -> Result<(), Failed> {
    let mounts_before = mounts();
    for round in 0..KILLS_EACH * VICTIMS.len() as u64 {
        let victim = VICTIMS[usize::try_from(round).unwrap() % VICTIMS.len()];
        let chain = Chain::start(user, "linger");
        let moment = Instant::now() + Duration::from_micros(drawn(round, SETUP_US * 2));
        await_that(APPEARANCE_LIMIT, || Instant::now() >= moment);
        let there = await_some(APPEARANCE_LIMIT, || marked_as(&chain.mark, victim));
        assert!(there.is_some(), "no {victim}: {:?}", marked(&chain.mark));
        finish(chain, victim);
    }
    assert_eq!(mounts(), mounts_before);
    Ok(())
}

fn kill_when_ready(user: User) -> Result<(), Failed> {
    let mounts_before = mounts();
    for round in 0..KILLS_EACH * VICTIMS.len() as u64 {
        let victim = VICTIMS[usize::try_from(round).unwrap() % VICTIMS.len()];
        let mut chain = Chain::start(user, "linger");
        chain.await_ready();
        finish(chain, victim);
    }
    assert_eq!(mounts(), mounts_before);
    Ok(())
}

/// Kills the victim and looks at what is left. The end of a node is not the end of the chain, whose head is cut off then.
fn finish(chain: Chain, victim: &str) {
    let namespaces = own_namespaces(&chain);
    chain.kill(victim);
    if ["lab-node", SERVER].contains(&victim) {
        chain.kill(OUTER);
    }
    chain.expect_nothing_left(&namespaces);
}

fn exit_codes(user: User) -> Result<(), Failed> {
    for (scenario, expected) in [("seven", 7), ("abort", 128 + 6)] {
        let mut chain = Chain::start(user, scenario);
        assert_eq!(chain.outer.wait()?.code(), Some(expected), "{scenario}");
    }
    Ok(())
}

fn signals(user: User) -> Result<(), Failed> {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut chain = Chain::start(user, "end-in-order");
        chain.await_ready();
        chain.signal(signal);
        assert_eq!(
            chain.outer.wait()?.code(),
            Some(i32::from(ENDED_IN_ORDER)),
            "{signal}"
        );
    }
    let mut chain = Chain::start(user, "deaf");
    chain.await_ready();
    chain.signal(Signal::SIGINT);
    chain.signal(Signal::SIGTERM);
    let code = chain.outer.wait()?.code();
    assert_eq!(
        code,
        Some(128 + 9),
        "a deaf engine is killed by the second signal"
    );
    assert!(await_that(LEFTOVER_LIMIT, || marked(&chain.mark).is_empty()));
    Ok(())
}

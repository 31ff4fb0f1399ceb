//! Servers die one after another (MIT 6.824 lab 2B, `TestBasicFail`).

use std::time::{Duration, Instant};

use systems::{Conclusion, NodeId};

use crate::trial::{Cast, Pair, Trial};

/// How long nobody may answer.
const SILENCE: Duration = Duration::from_secs(2);

const OLD: [(&str, &str); 3] = [("1", "v1"), ("2", "v2"), ("3", "v3")];

/// Two of three servers, with some values in them.
fn pair_with_values() -> (Trial, Pair) {
    let mut trial = Trial::open(&Cast {
        servers: 3,
        started: 2,
        flaw: None,
    });
    let pair = trial.await_pair();
    let mut client = trial.client();
    for (key, value) in OLD {
        client.put(key, value);
    }
    client.append("1", "+");
    client.append("4", "new");
    (trial, pair)
}

fn expect_old_values(trial: &mut Trial) {
    let mut client = trial.client();
    for (key, value) in [("1", "v1+"), ("2", "v2"), ("3", "v3"), ("4", "new")] {
        assert_eq!(client.get(key).as_deref(), Some(value), "of {key}");
    }
    assert_eq!(client.get("5"), None);
}

pub(crate) fn primary_dies() {
    let (mut trial, Pair { primary, backup }) = pair_with_values();
    trial.kill(primary);
    trial.await_primary(backup);
    expect_old_values(&mut trial);
    let mut client = trial.client();
    client.put("2", "later");
    // The third server takes the place of the first, and then of the second.
    let third = NodeId::replica(3);
    trial.start(third);
    trial.await_pair_that("the new one is backup", |pair| {
        pair == Pair {
            primary: backup,
            backup: third,
        }
    });
    trial.kill(backup);
    trial.await_primary(third);
    assert_eq!(trial.client().get("2").as_deref(), Some("later"));
    assert_eq!(trial.client().get("1").as_deref(), Some("v1+"));
}

pub(crate) fn last_server_dies() {
    let (mut trial, Pair { primary, backup }) = pair_with_values();
    trial.kill(primary);
    trial.await_primary(backup);
    expect_old_values(&mut trial);
    trial.kill(backup);
    let third = NodeId::replica(3);
    trial.start(third);
    trial.await_lives(third, 1);
    expect_silence(&mut trial);
    // Nor does anybody answer who comes back with nothing.
    trial.start(primary);
    trial.start(backup);
    expect_silence(&mut trial);
    let reason = trial.lost().expect("by its own claim the cluster is lost");
    assert!(reason.contains("died"), "{reason}");
}

pub(crate) fn last_server_returns() {
    let (mut trial, Pair { primary, backup }) = pair_with_values();
    trial.kill(primary);
    trial.await_primary(backup);
    expect_old_values(&mut trial);
    // Nobody else is there to take its place, or to be asked.
    trial.kill(backup);
    trial.start(backup);
    trial.await_lives(backup, 2);
    expect_silence(&mut trial);
    trial.start(primary);
    trial.start(NodeId::replica(3));
    expect_silence(&mut trial);
    let reason = trial.lost().expect("by its own claim the cluster is lost");
    assert!(reason.contains("it was alone"), "{reason}");
}

fn expect_silence(trial: &mut Trial) {
    let begin = Instant::now();
    let conclusion = trial.client_for(SILENCE).try_get("1");
    assert!(
        !matches!(conclusion, Conclusion::Answered(_)),
        "somebody answered: {conclusion:?}"
    );
    assert!(
        SILENCE <= begin.elapsed(),
        "the client gave up before its time: {conclusion:?}"
    );
}

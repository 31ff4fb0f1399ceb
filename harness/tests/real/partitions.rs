//! An old primary that does not know that it is old (MIT 6.824 lab 2B, `TestPartition1` and `TestPartition2`).

use std::time::Duration;

use nemesis::lab::Shape;
use systems::NodeId;
use systems::service::kv::Answer;
use tribunal::adapter::pb::Pb;

use crate::clients::{Direct, Said};
use crate::trial::{Cast, LIMIT, Pair, Trial};
use crate::wait::await_that;

/// Long enough for the view service to have given up the old primary, and for a put at the new one.
const UNDER_WAY: Duration = Duration::from_millis(3_000);

/// A pair at which `a` is 1, and a client that has just been told so by the primary itself.
fn pair_that_serves(cast: &Cast) -> (Trial, Pair, Direct) {
    let mut trial = Trial::open(cast);
    let pair = trial.await_pair();
    trial.client().put("a", "1");
    let mut direct = trial.direct(pair.primary);
    assert_eq!(direct.get("a"), answer("1"), "the primary serves");
    (trial, pair, direct)
}

fn answer(value: &str) -> Said {
    Said::Answer(Answer::Value(Some(value.to_owned())))
}

/// What a primary says to a get that waited in its socket while another took its place.
fn ask_paused_primary(cast: &Cast) -> (Said, Trial, NodeId) {
    let (
        mut trial,
        Pair {
            primary: old,
            backup: new,
        },
        direct,
    ) = pair_that_serves(cast);
    trial.cut(old, Pb::service());
    trial.pause(old);
    let before = trial.requests_arrived(old);
    let pending = direct.get_meanwhile("a");
    assert!(
        await_that(LIMIT, || before < trial.requests_arrived(old)),
        "the get did not reach {old}"
    );
    trial.await_primary(new);
    trial.client().put("a", "111");
    assert!(pending.is_open(), "a node that stands still has answered");
    trial.resume(old);
    (pending.said(), trial, old)
}

pub(crate) fn get_at_paused_primary() {
    let (said, mut trial, old) = ask_paused_primary(&Cast {
        servers: 2,
        started: 2,
        flaw: None,
    });
    assert!(
        !matches!(said, Said::Answer(_)),
        "{old} was not primary any more and said {said:?}"
    );
    assert_eq!(trial.client().get("a").as_deref(), Some("111"));
    // Nor does it answer when it is asked again, nor when it hears of the view service again.
    let mut direct = trial.direct(old);
    assert!(!matches!(direct.get("a"), Said::Answer(_)));
    trial.mend(old, Pb::service());
    trial.await_pair_that("the old primary is backup", |pair| pair.backup == old);
    assert!(matches!(direct.get("a"), Said::Refusal(_)), "a backup refuses");
    assert_eq!(trial.client().get("a").as_deref(), Some("111"));
}

/// The scenario would notice: it does, where the primary is told to be wrong.
pub(crate) fn get_answered_by_flawed_primary() {
    let flaw = Some("pb-get-local-read");
    let (said, ..) = ask_paused_primary(&Cast {
        servers: 2,
        started: 2,
        flaw,
    });
    assert_eq!(said, answer("1"), "this primary reads locally");
}

pub(crate) fn get_long_under_way() {
    let cast = Cast {
        servers: 2,
        started: 2,
        flaw: None,
    };
    let (
        mut trial,
        Pair {
            primary: old,
            backup: new,
        },
        direct,
    ) = pair_that_serves(&cast);
    trial.shape_requests(
        old,
        &Shape {
            delay: UNDER_WAY,
            ..Shape::PLAIN
        },
    );
    let before = trial.requests_arrived(old);
    let pending = direct.get_meanwhile("a");
    trial.cut(old, Pb::service());
    trial.await_primary(new);
    trial.client().put("a", "111");
    assert_eq!(
        trial.requests_arrived(old),
        before,
        "the get arrived too early for this to show anything"
    );
    let said = pending.said();
    assert!(before < trial.requests_arrived(old), "the get arrived in the end");
    assert!(
        !matches!(said, Said::Answer(_)),
        "{old} was not primary any more and said {said:?}"
    );
    assert_eq!(trial.client().get("a").as_deref(), Some("111"));
}

pub(crate) fn successor_dies() {
    let cast = Cast {
        servers: 3,
        started: 3,
        flaw: None,
    };
    let (
        mut trial,
        Pair {
            primary: old,
            backup: second,
        },
        direct,
    ) = pair_that_serves(&cast);
    trial.cut(old, Pb::service());
    trial.pause(old);
    let before = trial.requests_arrived(old);
    let pending = direct.get_meanwhile("a");
    assert!(
        await_that(LIMIT, || before < trial.requests_arrived(old)),
        "the get did not reach {old}"
    );
    let third = trial
        .await_pair_that("the old backup and the idle one", |pair| {
            pair.primary == second && pair.backup != old
        })
        .backup;
    trial.client().put("a", "2");
    trial.kill(second);
    trial.resume(old);
    let said = pending.said();
    assert!(
        !matches!(said, Said::Answer(_)),
        "{old} has nobody to confirm it and said {said:?}"
    );
    trial.await_primary(third);
    assert_eq!(trial.client().get("a").as_deref(), Some("2"));
    trial.mend(old, Pb::service());
    trial.await_pair_that("the old primary is backup", |pair| {
        pair == Pair {
            primary: third,
            backup: old,
        }
    });
    assert!(
        matches!(trial.direct(old).get("a"), Said::Refusal(_)),
        "a backup refuses"
    );
    assert_eq!(trial.client().get("a").as_deref(), Some("2"));
}

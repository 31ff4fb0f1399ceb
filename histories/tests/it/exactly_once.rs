//! Each way to break exactly-once append is found and told in its own words.

use histories::{Checker, ExactlyOnce, Limits, Verdict};

use crate::script::history;

/// What the checker says of the script, a line for each finding.
fn check(script: &str, expected: &[&str]) {
    let report = ExactlyOnce.check(&history(script), &Limits::patient());
    let told: Vec<String> = match report.verdict {
        Verdict::Valid => Vec::new(),
        Verdict::Unknown(reason) => vec![format!("unknown: {reason}")],
        Verdict::Invalid(anomalies) => anomalies
            .iter()
            .map(|anomaly| format!("{}: {}", anomaly.kind, anomaly.sentence))
            .collect(),
    };
    assert_eq!(told, expected, "{script}");
}

#[test]
fn a_sound_history_is_valid() {
    check(
        "0 append t1
         1 append t2
         0 info
         2 read
         2 ok [t2]
         1 ok
         2 read
         2 ok [t2 t1]
         1 append t3
         1 fail
         2 append t4
         1 read
         1 ok [t2 t1 t4]",
        &[],
    );
}

#[test]
fn a_lost_append_is_found() {
    check(
        "0 append t1
         0 ok
         0 append t2
         0 ok
         1 read
         1 ok [t2]",
        &[
            "lost-append: append t1 was acknowledged at 2.000 s; the read called at 5.000 s does not contain it",
        ],
    );
}

#[test]
fn an_append_that_was_read_and_is_gone_is_lost() {
    check(
        "0 append t1
         1 read
         1 ok [t1]
         1 read
         1 ok []
         0 info",
        &["lost-append: the read that returned at 3.000 s contains t1; the read called at 4.000 s does not"],
    );
}

#[test]
fn an_append_overtaken_by_what_was_read_without_it_is_lost() {
    check(
        "2 read
         0 append t1
         0 ok
         0 append t2
         2 ok [t2]
         0 ok",
        &[
            "lost-append: append t1 was acknowledged at 3.000 s before append t2 was called at 4.000 s, but t2 was read and \
           t1 was not",
        ],
    );
}

#[test]
fn a_read_that_lags_is_stale() {
    check(
        "0 append t1
         0 ok
         1 read
         1 ok []
         1 read
         1 ok [t1]",
        &[
            "stale-read: append t1 was acknowledged at 2.000 s; the read called at 3.000 s does not contain it, though a \
           later one does",
        ],
    );
}

#[test]
fn a_duplicate_is_found() {
    check(
        "0 append t1
         0 ok
         1 append t2
         1 ok
         1 read
         1 ok [t1 t2 t1]",
        &[
            "duplicate-append: append t1 was asked for once; the read of process 1 (called at 5.000 s, returned [t1, t2, \
           t1] at 6.000 s) contains it 2 times",
        ],
    );
}

#[test]
fn a_phantom_is_found() {
    check(
        "0 append t1
         0 ok
         1 read
         1 ok [t1 t7]",
        &[
            "phantom: the read of process 1 (called at 3.000 s, returned [t1, t7] at 4.000 s) contains t7, which nobody \
           appended",
        ],
    );
    check(
        "1 read
         1 ok [t1]
         0 append t1
         0 ok",
        &["phantom: the read that returned at 2.000 s contains t1, whose append was called only at 3.000 s"],
    );
}

#[test]
fn reads_in_different_orders_are_found() {
    check(
        "0 append t1
         1 append t2
         0 ok
         1 ok
         1 read
         1 ok [t1 t2]
         1 read
         1 ok [t2 t1]",
        &[
            "reordered: the read of process 1 (called at 7.000 s, returned [t2, t1] at 8.000 s) has t2 before t1, and the \
           read of process 1 (called at 5.000 s, returned [t1, t2] at 6.000 s) has them in the other order",
        ],
    );
}

#[test]
fn an_order_against_real_time_is_found() {
    check(
        "0 append t1
         0 ok
         0 append t2
         0 ok
         1 read
         1 ok [t2 t1]",
        &[
            "reordered: append t1 was acknowledged at 2.000 s before append t2 was called at 3.000 s, yet t2 stands \
           before t1",
        ],
    );
}

#[test]
fn a_refused_append_that_appears_is_resurrected() {
    check(
        "0 append t1
         0 fail
         1 read
         1 ok [t1]",
        &[
            "resurrected: the append t1 of process 0 (called at 1.000 s, refused at 2.000 s) must not take effect, but the \
           read of process 1 (called at 3.000 s, returned [t1] at 4.000 s) contains t1",
        ],
    );
}

#[test]
fn a_refused_append_that_was_tried_again_may_appear() {
    check(
        "0 append t1
         0 fail
         0 append t1
         0 ok
         1 read
         1 ok [t1]",
        &[],
    );
}

#[test]
fn a_token_that_appears_in_an_earlier_place_is_resurrected() {
    check(
        "0 append t1
         1 append t2
         1 ok
         2 read
         2 ok [t2]
         2 read
         2 ok [t1 t2]
         0 info",
        &[
            "resurrected: the read of process 2 (called at 4.000 s, returned [t2] at 5.000 s) has t2 and not t1, but later \
           the read of process 2 (called at 6.000 s, returned [t1, t2] at 7.000 s) has t1 in that place",
        ],
    );
}

#[test]
fn a_token_that_was_gone_and_came_back_is_resurrected() {
    check(
        "0 append t1
         0 ok
         2 read
         2 ok [t1]
         2 read
         2 ok []
         2 read
         2 ok [t1]",
        &[
            "resurrected: the read that returned at 4.000 s contains t1; the read called at 5.000 s does not, though a \
           later one does",
        ],
    );
}

#[test]
fn a_fragment_is_partly_applied() {
    check(
        "0 append t12
         0 info
         2 read
         2 ok [t1]",
        &[
            "partly-applied: the read of process 2 (called at 3.000 s, returned [t1] at 4.000 s) contains t1, which is only \
           a part of append t12",
        ],
    );
}

#[test]
fn a_token_appended_twice_on_purpose_cannot_be_judged() {
    check(
        "0 append t1
         0 ok
         0 append t1
         0 ok",
        &[
            "unknown: key k1: the append t1 of process 0 (called at 1.000 s, acknowledged at 2.000 s) and the append t1 of \
           process 0 (called at 3.000 s, acknowledged at 4.000 s) add the same token; whether it was applied once cannot \
           be told",
        ],
    );
}

#[test]
fn nothing_is_not_valid() {
    check("", &["unknown: vacuous: the history holds no operation"]);
}

#[test]
fn findings_about_one_list_are_limited() {
    let appends: String = (0..100)
        .map(|token| format!("0 append t{token}\n0 ok\n"))
        .collect();
    let report = ExactlyOnce.check(&history(&format!("{appends}1 read\n1 ok []")), &Limits::patient());
    let Verdict::Invalid(anomalies) = report.verdict else {
        panic!("{:?}", report.verdict)
    };
    assert_eq!(
        anomalies.len(),
        histories::checker::exactly_once::ANOMALIES_PER_KEY_MAX
    );
}

/// Ten thousand reads that all lack the same append must not take ten thousand times as long as one.
#[test]
fn a_token_that_many_reads_lack_is_told_once() {
    let mut script = "0 append t1\n0 ok\n0 append t2\n0 ok\n".to_owned();
    script.push_str(&"1 read\n1 ok [t1]\n".repeat(10_000));
    let report = ExactlyOnce.check(&history(&script), &Limits::patient());
    let Verdict::Invalid(anomalies) = report.verdict else {
        panic!("{:?}", report.verdict)
    };
    assert_eq!(anomalies.len(), 1);
}

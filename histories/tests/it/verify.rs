//! The verifier: what it accepts shows something, and whatever is changed about a certificate is found.

use fastrand::Rng;
use histories::checker::certificate::Certificate;
use histories::format::certificate::{self, Certified};
use histories::history::{History, OperationId};
use histories::verify::{Doubt, verify};
use histories::{Key, Limits, Linearizable, ModelName};

use crate::generate::{self, End, Shape, Sort};
use crate::oracle::is_linearizable;
use crate::script::history;

const MODELS: [(Sort, ModelName); 11] = [
    (Sort::Register, ModelName::Register),
    (Sort::CasRegister, ModelName::CasRegister),
    (Sort::UniqueCas, ModelName::CasRegister),
    (Sort::Append, ModelName::Append),
    (Sort::Kv, ModelName::Kv),
    (Sort::MixedSet, ModelName::Set),
    (Sort::Lock, ModelName::Lock),
    (Sort::Mutex, ModelName::Lock),
    (Sort::UnitCounter, ModelName::Counter),
    (Sort::Counter, ModelName::Counter),
    (Sort::Queue, ModelName::Queue),
];

/// All orders of some of the operations.
fn orders(history: &History) -> Vec<Vec<OperationId>> {
    let ids: Vec<OperationId> = (0..).map(OperationId).take(history.operations().len()).collect();
    let (mut all, mut left) = (Vec::new(), vec![Vec::new()]);
    while let Some(order) = left.pop() {
        for &id in &ids {
            if !order.contains(&id) {
                left.push([&order[..], &[id]].concat());
            }
        }
        all.push(order);
    }
    all
}

fn certificate(history: &History, order: Vec<OperationId>) -> Certificate {
    let is_left_out = |id: &OperationId| !order.contains(id) && history.operation(*id).is_indeterminate();
    let ids = (0..).map(OperationId).take(history.operations().len());
    Certificate {
        key: Some(Key::from("k")),
        left_out: ids.filter(is_left_out).collect(),
        order,
    }
}

/// Of all orders of small histories it accepts one if and only if the oracle says that there is one.
#[test]
fn an_order_is_accepted_exactly_if_the_history_is_linearizable() {
    let mut valid = 0;
    for seed in 0..1_000 {
        let mut rng = Rng::with_seed(seed);
        let (sort, model) = MODELS[rng.usize(..MODELS.len())];
        let shape = Shape {
            sort,
            operations: rng.usize(3..7),
            clients: 3,
            values: 3,
            unknown_percent: [0, 40][rng.usize(..2)],
            wrong_percent: 0,
            lies_percent: 100,
            end: End::Early,
        };
        let history = generate::history(&mut rng, shape);
        let shows = |order| verify(&history, model, &[certificate(&history, order)]).is_ok();
        let accepted = orders(&history).into_iter().any(shows);
        assert_eq!(
            accepted,
            is_linearizable(&history, model, |_| true),
            "seed {seed}"
        );
        valid += u32::from(accepted);
    }
    assert!(
        (250..900).contains(&valid),
        "{valid} of 1000 histories are linearizable"
    );
}

fn certified(history: &History, model: ModelName) -> Vec<Certificate> {
    Linearizable::new(model)
        .judge(history, &Limits::patient())
        .expect("the model knows all operations")
        .certificates
}

const SCRIPT: &str = "0 write 1
    1 write 2
    0 ok 1
    2 write 9
    1 ok 2
    2 info
    0 read
    0 ok 2
    1 write 3
    1 fail";

/// What is said of the certificate of `SCRIPT` after `change`.
fn check(change: impl Fn(&mut Vec<Certificate>), expected: &str) {
    let history = history(SCRIPT);
    let mut certificates = certified(&history, ModelName::Register);
    assert_eq!(verify(&history, ModelName::Register, &certificates), Ok(()));
    change(&mut certificates);
    let doubt =
        verify(&history, ModelName::Register, &certificates).map_err(|doubt: Doubt| doubt.to_string());
    assert_eq!(doubt, Err(expected.to_owned()));
}

#[test]
fn whatever_is_changed_is_found() {
    check(|all| all[0].order.truncate(2), "operation 6 stands nowhere");
    check(|all| all.clear(), "operation 0 stands nowhere");
    check(
        |all| all[0].order.push(OperationId(0)),
        "operation 0 stands there twice",
    );
    check(
        |all| all[0].order.push(OperationId(99)),
        "there is no operation 99",
    );
    check(
        |all| all[0].order.swap(0, 1),
        "operation 6 cannot have been answered so in its place",
    );
    check(
        |all| all[0].order.reverse(),
        "operation 6 cannot have been answered so in its place",
    );
    check(|all| all[0].left_out.clear(), "operation 3 stands nowhere");
    check(
        |all| all[0].left_out.push(OperationId(4)),
        "operation 8 does not belong there",
    );
    check(
        |all| all[0].order.push(OperationId(4)),
        "operation 8 does not belong there",
    );
    check(|all| all[0].key = None, "operation 0 is about another object");
    check(|all| all.push(all[0].clone()), "an object has two certificates");
}

#[test]
fn what_returned_before_something_earlier_was_called_is_found() {
    let history = history("0 write 1\n0 ok 1\n1 write 1\n1 ok 1");
    let mut certificates = certified(&history, ModelName::Register);
    certificates[0].order.reverse();
    assert_eq!(
        verify(&history, ModelName::Register, &certificates),
        Err(Doubt::TooLate(histories::journal::Index(0)))
    );
}

#[test]
fn certificates_are_written_and_read_back() {
    let certificates = certified(&history(SCRIPT), ModelName::Register);
    let mut bytes = Vec::new();
    certificate::write(&mut bytes, ModelName::Register, 5, &certificates).expect("memory takes everything");
    let text = String::from_utf8(bytes).expect("JSON is UTF-8");
    assert_eq!(
        text,
        "{\"format\":1,\"model\":\"register\",\"operations\":5}\n{\"key\":\"k1\",\"order\":[0,1,3],\"left_out\":[2]}\n"
    );
    let read = certificate::read(text.as_bytes(), "certificate").unwrap();
    assert_eq!(
        read,
        Certified {
            model: ModelName::Register,
            operations: 5,
            certificates
        }
    );
}

#[test]
fn what_is_no_certificate_is_refused_with_its_line() {
    let told = |text: &str| certificate::read(text.as_bytes(), "c").unwrap_err().to_string();
    let head = "{\"format\":1,\"model\":\"register\",\"operations\":5}\n";
    assert_eq!(
        told(""),
        "c line 1: no line of a certificate: EOF while parsing a value at column 0"
    );
    assert_eq!(
        told(&head.replace(":1", ":2")),
        "c line 1: format version 2 is not known; this program reads version 1"
    );
    assert!(told(&head.replace("reg", "rag")).starts_with("c line 1: unknown model `ragister`; known are "));
    assert!(
        told(&format!("{head}{{\"key\":null}}"))
            .starts_with("c line 2: no line of a certificate: missing field")
    );
    assert!(
        told(&format!("{head}{{\"key\":null,\"order\":[-1],\"left_out\":[]}}")).starts_with("c line 2: ")
    );
}

//! Any bytes as frames, as the first words of a connection, and as everything that travels or is kept: each is read or refused without a
//! panic and without asking for more memory than there are bytes, and what was read stays the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use systems::codec::{
    FRAME_HEADER_LENGTH, FRAME_PAYLOAD_MAX, HELLO_PAYLOAD_MAX, Hello, Parsed, Position, decode, encode, frame,
    parse,
};
use systems::service::kv::{Answer, Op};
use systems::{group, paxos, pb, vr};

fuzz_target!(|bytes: &[u8]| {
    is_framed(bytes);
    for payload_max in [HELLO_PAYLOAD_MAX, FRAME_PAYLOAD_MAX] {
        if let Ok(Parsed::Whole(payload)) = parse(bytes, Position::WIRE, payload_max) {
            assert!(payload.len() <= payload_max && payload.end <= bytes.len());
        }
    }
    if let Ok(hello) = Hello::decode(bytes) {
        let again = hello.encode();
        assert_eq!(Hello::decode(&again[FRAME_HEADER_LENGTH..]), Ok(hello));
    }
    comes_back::<pb::message::Message>(bytes);
    comes_back::<pb::message::Request>(bytes);
    comes_back::<pb::message::Response>(bytes);
    comes_back::<pb::message::Record>(bytes);
    comes_back::<vr::message::Message<Op>>(bytes);
    comes_back::<vr::message::Record<Op>>(bytes);
    comes_back::<paxos::message::Message>(bytes);
    comes_back::<paxos::message::Record>(bytes);
    comes_back::<group::Request<Op>>(bytes);
    comes_back::<group::Response<Answer>>(bytes);
});

/// The bytes are a payload as good as any: in a frame they are found again, in a part of it they are waited for, elsewhere refused.
fn is_framed(payload: &[u8]) {
    let position = Position(payload.first().copied().map_or(0, u64::from));
    let framed = frame(payload, position).expect("the fuzzer makes no payloads that long");
    let Ok(Parsed::Whole(found)) = parse(&framed, position, FRAME_PAYLOAD_MAX) else {
        panic!("a frame is not found")
    };
    assert_eq!(&framed[found], payload);
    for length in 0..framed.len().min(FRAME_HEADER_LENGTH + 4) {
        assert!(matches!(parse(&framed[..length], position, FRAME_PAYLOAD_MAX), Ok(Parsed::Partial(_))));
    }
    assert!(parse(&framed, Position(position.0 + 1), FRAME_PAYLOAD_MAX).is_err());
}

fn comes_back<T: Serialize + DeserializeOwned>(payload: &[u8]) {
    let Ok(value) = decode::<T>(payload) else { return };
    let written = encode(&value, Position::WIRE).expect("what was read can be written");
    let again: T = decode(&written[FRAME_HEADER_LENGTH..]).expect("what was written can be read");
    assert_eq!(encode(&again, Position::WIRE).expect("it was written before"), written);
}

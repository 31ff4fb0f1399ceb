//! Faults of the network: they hold, they are of the size that was ordered, and they end.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use nemesis::lab::{Counters, Lab, Passage, Shape};
use systems::NodeId;

use crate::engine::{clients, connect, lab_of, link, ping, server};
use crate::marks::await_that;

const N1: fn() -> NodeId = || NodeId::replica(1);
const N2: fn() -> NodeId = || NodeId::replica(2);

/// Long enough for a byte that could come to have come, many times over.
const STALL: Duration = Duration::from_millis(100);

/// Long enough for TCP to have tried again.
const RECOVERY: Duration = Duration::from_secs(10);

fn echo_lab() -> (Lab, TcpStream) {
    let mut lab = lab_of(2);
    lab.start(N1(), &server("echo")).unwrap();
    let mut stream = connect(&lab, N1());
    ping(&mut stream).unwrap();
    (lab, stream)
}

pub(crate) fn cut_and_mend() {
    let (lab, mut stream) = echo_lab();
    for link in [link(clients(), N1()), link(N1(), clients())] {
        lab.cut(link).unwrap();
        stream.set_read_timeout(Some(STALL)).unwrap();
        let stalled = ping(&mut stream).expect_err("nothing can come back");
        assert_eq!(stalled.kind(), io::ErrorKind::WouldBlock, "{stalled}");
        lab.mend(link).unwrap();
        stream.set_read_timeout(Some(RECOVERY)).unwrap();
        stream.read_exact(&mut [0]).expect("the same connection goes on");
    }
    let counted = lab.counters(link(N1(), clients())).unwrap();
    assert!(counted.dropped > 0 && counted.forwarded > 0, "{counted:?}");
}

pub(crate) fn probes_and_counters() {
    let mut lab = lab_of(2);
    let (there, back) = (link(N1(), N2()), link(N2(), N1()));
    assert_eq!(lab.probe(there).unwrap(), Passage::Arrived);
    let before = (lab.counters(there).unwrap(), lab.counters(back).unwrap());
    lab.cut(there).unwrap();
    assert!(lab.is_cut(there).unwrap() && !lab.is_cut(back).unwrap());
    assert_eq!(lab.probe(there).unwrap(), Passage::Dropped);
    assert_eq!(lab.probe(back).unwrap(), Passage::Arrived);
    let after = (lab.counters(there).unwrap(), lab.counters(back).unwrap());
    let (dropped, forwarded) = (before.0.dropped + 1, before.1.forwarded + 1);
    assert_eq!(after.0, Counters { dropped, ..before.0 });
    assert_eq!(
        after.1,
        Counters {
            forwarded,
            ..before.1
        }
    );
    lab.mend(there).unwrap();
    assert_eq!(lab.probe(there).unwrap(), Passage::Arrived);
    lab.set_shape(
        there,
        &Shape {
            loss_ppm: 1_000_000,
            ..Shape::PLAIN
        },
    )
    .unwrap();
    assert_eq!(lab.probe(there).unwrap(), Passage::Lost);
}

pub(crate) fn probe_of_a_node_that_is_down() {
    let mut lab = lab_of(1);
    let there = link(clients(), N1());
    assert_eq!(lab.probe(there).unwrap(), Passage::Arrived);
    lab.start(N1(), &server("echo")).unwrap();
    lab.pause(N1()).unwrap();
    assert_eq!(lab.probe(there).unwrap(), Passage::Arrived);
    lab.kill(N1()).unwrap();
    assert_eq!(lab.probe(there).unwrap(), Passage::Arrived);
}

pub(crate) fn delays() {
    let (lab, mut stream) = echo_lab();
    let (delay, jitter) = (Duration::from_millis(20), Duration::from_millis(20));
    let mut times_with = |shape: Shape| {
        lab.set_shape(link(clients(), N1()), &shape).unwrap();
        times_of_pings(&mut stream, 30)
    };
    // A busy machine makes any packet late; that the quickest is not, it cannot fake.
    let times = times_with(Shape {
        delay,
        ..Shape::PLAIN
    });
    assert!((delay..delay + jitter / 2).contains(&times[0]), "{times:?}");
    let times = times_with(Shape {
        delay,
        jitter,
        ..Shape::PLAIN
    });
    assert!((delay..delay + jitter / 2).contains(&times[0]), "{times:?}");
    assert!(times[25] - times[5] > jitter / 4, "there is no jitter: {times:?}");
    let times = times_with(Shape::PLAIN);
    assert!(times[0] < delay / 2, "the delay was not taken off: {times:?}");
}

/// Round trips, the shortest first.
fn times_of_pings(stream: &mut TcpStream, count: usize) -> Vec<Duration> {
    let time = |_| {
        let begin = Instant::now();
        ping(stream).unwrap();
        begin.elapsed()
    };
    let mut times: Vec<Duration> = (0..count).map(time).collect();
    times.sort_unstable();
    times
}

pub(crate) fn cut_of_what_is_on_its_way() {
    let lab = lab_of(1);
    let there = link(clients(), N1());
    let delay = Duration::from_millis(500);
    lab.set_shape(
        there,
        &Shape {
            delay,
            ..Shape::PLAIN
        },
    )
    .unwrap();
    let socket = UdpSocket::bind((lab.address(clients()).unwrap(), 0)).unwrap();
    socket.send_to(&[0], (lab.address(N1()).unwrap(), 9)).unwrap();
    // Long enough for the switch to have it, and not for it to have arrived.
    std::thread::sleep(STALL);
    assert_eq!(
        lab.counters(there).unwrap(),
        Counters {
            forwarded: 0,
            dropped: 0
        }
    );
    lab.cut(there).unwrap();
    assert!(await_that(RECOVERY, || lab.counters(there).unwrap().dropped == 1));
    assert_eq!(lab.counters(there).unwrap().forwarded, 0);
}

pub(crate) fn bandwidth() {
    const PACKETS: u64 = 600;
    const PACKET_BYTES: u64 = 1400;
    const BYTES_PER_SECOND: u64 = 4_000_000;
    let lab = lab_of(1);
    let shape = Shape {
        bytes_per_second: BYTES_PER_SECOND,
        ..Shape::PLAIN
    };
    lab.set_shape(link(clients(), N1()), &shape).unwrap();
    let begin = Instant::now();
    // All at once: the line's queue has room for a quarter of a second.
    let (dropped, forwarded) = send_datagrams(&lab, PACKETS, PACKET_BYTES);
    let took = begin.elapsed();
    assert_eq!((dropped, forwarded), (0, PACKETS));
    let ordered = Duration::from_micros(PACKETS * (PACKET_BYTES + 28) * 1_000_000 / BYTES_PER_SECOND);
    assert!(
        (ordered..ordered * 2).contains(&took),
        "it took {took:?} and not {ordered:?}"
    );
}

pub(crate) fn loss() {
    let lab = lab_of(1);
    lab.set_shape(
        link(clients(), N1()),
        &Shape {
            loss_ppm: 100_000,
            ..Shape::PLAIN
        },
    )
    .unwrap();
    let (dropped, _) = send_datagrams(&lab, 2000, 100);
    assert!((140..260).contains(&dropped), "{dropped} of 2000 were lost");
}

/// Otherwise one packet would be 64 KiB, and rules about packets would hit forty at once.
pub(crate) fn segmentation() {
    const BYTES: u64 = 4 << 20;
    const WIRE_PACKETS: u64 = BYTES / 1448;
    let mut lab = lab_of(1);
    lab.start(N1(), &server("sink")).unwrap();
    let there = link(clients(), N1());
    let rare_loss = Shape {
        loss_ppm: 1,
        ..Shape::PLAIN
    };
    for (shape, expected) in [
        (Shape::PLAIN, 0..WIRE_PACKETS / 4),
        (rare_loss, WIRE_PACKETS..WIRE_PACKETS * 2),
        (Shape::PLAIN, 0..WIRE_PACKETS / 4),
    ] {
        lab.set_shape(there, &shape).unwrap();
        let before = lab.counters(there).unwrap();
        let mut stream = connect(&lab, N1());
        stream.write_all(&vec![0; BYTES as usize]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        let packets = lab.counters(there).unwrap().forwarded - before.forwarded;
        assert!(expected.contains(&packets), "{packets} packets with {shape:?}");
    }
}

/// Sends so many datagrams of so many bytes from the clients to a node and waits until each has met its fate: dropped, forwarded.
fn send_datagrams(lab: &Lab, packets: u64, bytes: u64) -> (u64, u64) {
    let there = link(clients(), N1());
    let before = lab.counters(there).unwrap();
    let socket = UdpSocket::bind((lab.address(clients()).unwrap(), 0)).unwrap();
    for _ in 0..packets {
        // The lab's own socket takes them, so that nothing is sent back.
        socket
            .send_to(&vec![0; bytes as usize], (lab.address(N1()).unwrap(), 9))
            .unwrap();
    }
    let seen = || {
        let now = lab.counters(there).unwrap();
        (now.dropped - before.dropped, now.forwarded - before.forwarded)
    };
    assert!(
        await_that(RECOVERY, || seen().0 + seen().1 == packets),
        "{:?} of {packets}",
        seen()
    );
    seen()
}

//! Nodes find each other again after everything that can happen to a network.

use std::fs;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{SockFilter, SockRef};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::node::{Town, ask, eventually, node, test};
use crate::toy::{Answer, Ask};

#[test]
fn a_node_that_was_restarted_is_spoken_to_again_at_once() {
    test(async {
        let mut town = Town::all_running(2).await;
        eventually(|| 0 < town.last_ping(node(1), node(2))).await;
        town.kill(node(2)).await;
        let ticks = town.ticks(node(1));
        eventually(|| ticks + 150 < town.ticks(node(1))).await;
        town.start(node(2)).await;
        let (started, ping) = (Instant::now(), town.ticks(node(1)) as u64);
        eventually(|| ping < town.last_ping(node(1), node(2))).await;
        println!("spoken to {:?} after the start", started.elapsed());
        assert!(started.elapsed().as_millis() < 1000, "{:?}", started.elapsed());
    });
}

#[test]
fn messages_flow_within_a_second_of_the_heal_of_a_cut_too_short_to_notice() {
    cut_and_heal(10);
    cut_and_heal(40);
}

#[test]
fn messages_flow_within_a_second_of_the_heal_of_a_cut_that_ended_connections() {
    cut_and_heal(60);
    cut_and_heal(100);
}

#[test]
fn messages_flow_within_a_second_of_the_heal_of_a_cut_so_long_that_tcp_had_lost_patience() {
    cut_and_heal(450);
}

#[test]
fn a_client_is_answered_within_a_second_of_a_heal() {
    for ticks in [20, 100, 170] {
        test(async {
            let town = Town::all_running(1).await;
            let mut client = town.client(1);
            ask(&mut client, node(1), Ask::Seed).await;
            set_cut(&town, Some(&[SockFilter::new(BPF_RETURN, 0, 0, 0)]));
            let before = town.ticks(node(1));
            let asked = tokio::task::spawn_local(async move { ask(&mut client, node(1), Ask::Seed).await });
            eventually(|| before + ticks < town.ticks(node(1))).await;
            assert!(!asked.is_finished(), "the cut leaks");
            set_cut(&town, None);
            let healed = Instant::now();
            asked.await.unwrap();
            println!("answered {:?} after the heal", healed.elapsed());
            assert!(
                healed.elapsed().as_millis() < 1500,
                "{:?} after {ticks} ticks",
                healed.elapsed()
            );
        });
    }
}

/// Cuts two nodes off from each other for so many ticks, and heals them.
fn cut_and_heal(ticks: u64) {
    test(async {
        let town = Town::all_running(2).await;
        let (one, two) = (node(1), node(2));
        let heard = || (town.last_ping(one, two), town.last_ping(two, one));
        let ticked = || (town.ticks(one) as u64, town.ticks(two) as u64);
        eventually(|| 0 < heard().0 && 0 < heard().1).await;
        set_cut(&town, Some(&[SockFilter::new(BPF_RETURN, 0, 0, 0)]));
        let (begun, before) = (Instant::now(), heard());
        eventually(|| before.0 + ticks < ticked().0 && before.1 + ticks < ticked().1).await;
        let (after, cut, now) = (heard(), begun.elapsed(), ticked());
        // What had arrived before the cut and was not yet read still counts.
        assert!(
            after.0 <= before.0 + 5 && after.1 <= before.1 + 5,
            "the cut leaks"
        );
        set_cut(&town, None);
        let healed = Instant::now();
        eventually(|| now.0 < heard().0 && now.1 < heard().1).await;
        println!(
            "cut for {cut:?}, both directions flow {:?} after the heal",
            healed.elapsed()
        );
        assert!(
            healed.elapsed().as_millis() < 1500,
            "{:?} after a cut of {cut:?}",
            healed.elapsed()
        );
    });
}

#[test]
fn a_node_that_reads_nothing_holds_up_nobody() {
    test(async {
        let mut town = Town::new(2);
        // It accepts, and that is all.
        let deaf = TcpListener::bind(town.peers[&node(2)]).await.unwrap();
        town.start(node(1)).await;
        let (_connection, _) = deaf.accept().await.unwrap();
        let (mut client, before) = (town.client(1), resident_bytes());
        for _ in 0..5000 {
            ask(&mut client, node(1), Ask::Tell(node(2), 64 * 1024)).await;
        }
        assert_eq!(
            ask(&mut client, node(1), Ask::Echo(vec![1])).await,
            Answer::Echo(vec![1])
        );
        // 320 MB were meant for it.
        let held = resident_bytes().saturating_sub(before);
        println!("{held} bytes are held for a deaf node");
        assert!(held < 150 * 1024 * 1024, "{held} bytes are held for a deaf node");
    });
}

#[test]
fn long_messages_do_not_hold_up_pings() {
    test(async {
        let town = Town::all_running(2).await;
        let mut client = town.client(1);
        for _ in 0..500 {
            ask(&mut client, node(1), Ask::Tell(node(2), 256 * 1024)).await;
        }
        let ping = town.ticks(node(1)) as u64;
        let asked = Instant::now();
        eventually(|| ping < town.last_ping(node(1), node(2))).await;
        println!("a ping arrives {:?} after 128 MB of messages", asked.elapsed());
        assert!(asked.elapsed().as_millis() < 1000, "{:?}", asked.elapsed());
    });
}

/// Ends a classic BPF program, with how many bytes of the packet to keep.
const BPF_RETURN: u16 = 0x06;

/// Makes every socket of the town's nodes deaf, as they are behind a cut cable: what is sent to them is dropped before TCP sees it, also
/// by their listeners. `None` heals. Sockets made meanwhile cannot be heard by these listeners.
fn set_cut(town: &Town, filter: Option<&[SockFilter]>) {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let Ok(number) = entry.unwrap().file_name().to_string_lossy().parse() else {
            continue;
        };
        let Ok(copy) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) else {
            continue;
        };
        let socket = SockRef::from(&copy);
        let is_of_town = [socket.local_addr(), socket.peer_addr()]
            .into_iter()
            .flatten()
            .any(|address| {
                address
                    .as_socket()
                    .is_some_and(|address| town.peers.values().any(|&peer| peer == address))
            });
        if !is_of_town {
            continue;
        }
        match filter {
            Some(filter) => socket.attach_filter(filter).unwrap(),
            // There is none on a connection that was made meanwhile.
            None => _ = socket.detach_filter(),
        }
    }
}

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

//! What a node keeps, and what it says of itself.

use std::fs;

use crate::node::{Town, ask, eventually, node, test};
use crate::toy::{Answer, Ask, Event};
use systems::server::ServerError;

#[test]
fn what_was_acknowledged_is_on_disk_before_and_there_after_every_restart() {
    test(async {
        let mut town = Town::all_running(1).await;
        let mut client = town.client(1);
        let mut expected = Vec::new();
        for life in 0..3 {
            for number in 0..10 {
                let text = format!("life {life} number {number}");
                ask(&mut client, node(1), Ask::Keep(text.clone())).await;
                let bytes = fs::read(town.data(node(1)).join("log")).unwrap();
                assert!(bytes.ends_with(text.as_bytes()), "{text} was acknowledged first");
                expected.push(text);
            }
            town.kill(node(1)).await;
            town.start(node(1)).await;
            assert_eq!(
                ask(&mut client, node(1), Ask::Kept).await,
                Answer::Kept(expected.clone())
            );
        }
    });
}

#[test]
fn a_node_with_a_torn_log_starts_with_what_is_whole() {
    test(async {
        let mut town = Town::all_running(1).await;
        let mut client = town.client(1);
        for text in ["first", "second"] {
            ask(&mut client, node(1), Ask::Keep(text.to_owned())).await;
        }
        town.kill(node(1)).await;
        let path = town.data(node(1)).join("log");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        town.start(node(1)).await;
        ask(&mut client, node(1), Ask::Keep("third".to_owned())).await;
        let kept = ["first", "third"].map(str::to_owned).to_vec();
        assert_eq!(ask(&mut client, node(1), Ask::Kept).await, Answer::Kept(kept));
    });
}

#[test]
fn a_node_with_a_damaged_log_does_not_start() {
    test(async {
        let mut town = Town::all_running(1).await;
        let mut client = town.client(1);
        for text in ["first", "second"] {
            ask(&mut client, node(1), Ask::Keep(text.to_owned())).await;
        }
        town.kill(node(1)).await;
        let path = town.data(node(1)).join("log");
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(5).position(|window| window == b"first").unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = open_released(&town).await.to_string();
        assert!(
            error.starts_with(&format!("read {}: it is damaged at byte ", path.display())),
            "{error}"
        );
    });
}

/// The error of starting the first node, once its earlier life has given up its address.
async fn open_released(town: &Town) -> ServerError {
    loop {
        match town.open(node(1)).await {
            Err(ServerError::Bind { .. }) => tokio::task::yield_now().await,
            Err(error) => return error,
            Ok(_) => panic!("the node started"),
        }
    }
}

#[test]
fn a_record_of_another_system_is_refused_with_its_place() {
    test(async {
        let mut town = Town::all_running(1).await;
        ask(&mut town.client(1), node(1), Ask::Keep("text".to_owned())).await;
        town.kill(node(1)).await;
        let path = town.data(node(1)).join("log");
        // The same log with a record that is no string: a length of four and three bytes.
        let header = fs::read(&path)
            .unwrap()
            .windows(4)
            .position(|window| window == b"text")
            .unwrap()
            - 17;
        let frame = systems::codec::frame(&[4, 0, 0, 0, 4, 1, 2, 3], systems::codec::Position(header as u64));
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(header);
        bytes.extend(frame.unwrap());
        fs::write(&path, bytes).unwrap();
        let error = open_released(&town).await.to_string();
        let begin = format!(
            "read {}: the record at byte {header} is not of this system",
            path.display()
        );
        assert!(error.starts_with(&begin), "{error}");
    });
}

#[test]
fn an_address_or_a_directory_in_use_is_told_in_a_sentence() {
    test(async {
        let town = Town::all_running(1).await;
        let error = town.open(node(1)).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "listen on {}: Address already in use (os error 98)",
                town.peers[&node(1)]
            )
        );
        let mut elsewhere = Town::new(1);
        std::os::unix::fs::symlink(town.data(node(1)), elsewhere.data(node(1))).unwrap();
        let error = elsewhere.open(node(1)).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "use {}: another process has its log open",
                elsewhere.data(node(1)).display()
            )
        );
        elsewhere.peers.clear();
    });
}

#[test]
fn the_event_log_tells_of_every_life_in_order() {
    test(async {
        let mut town = Town::all_running(1).await;
        ask(&mut town.client(1), node(1), Ask::Keep("text".to_owned())).await;
        eventually(|| 3 <= town.ticks(node(1))).await;
        town.kill(node(1)).await;
        town.start(node(1)).await;
        let ticks = town.ticks(node(1));
        eventually(|| ticks < town.ticks(node(1))).await;
        let lines = town.events(node(1));
        let starts: Vec<_> = lines
            .iter()
            .filter(|line| matches!(line.event, Event::Started { .. }))
            .collect();
        assert_eq!(starts[0].event, Event::Started { kept: 0 });
        assert_eq!(starts[1].event, Event::Started { kept: 1 });
        assert_eq!(starts.len(), 2);
        assert_ne!(starts[0].incarnation, starts[1].incarnation);
        assert!(lines.iter().all(|line| line.node == node(1)));
        assert!(lines.is_sorted_by_key(|line| line.t));
        assert!(lines.iter().all(|line| 1_700_000_000_000_000_000 < line.wall));
    });
}

#[test]
fn every_life_has_a_seed_of_its_own() {
    test(async {
        let mut town = Town::all_running(1).await;
        let mut client = town.client(1);
        let first = ask(&mut client, node(1), Ask::Seed).await;
        town.kill(node(1)).await;
        town.start(node(1)).await;
        assert_ne!(ask(&mut client, node(1), Ask::Seed).await, first);
    });
}

#[test]
fn a_node_that_cannot_write_ends_with_a_sentence() {
    test(async {
        let mut town = Town::new(1);
        // A device that is always full, in place of the event log.
        std::os::unix::fs::symlink("/dev/full", town.events_path(node(1))).unwrap();
        town.start(node(1)).await;
        let error = town.ended(node(1)).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "append to {}: No space left on device (os error 28)",
                town.events_path(node(1)).display()
            )
        );
    });
}

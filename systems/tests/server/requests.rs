//! Clients ask, nodes answer.

use std::time::Duration;

use systems::server::Client;
use systems::{ClientId, Conclusion, NodeId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::node::{Town, ask, eventually, node, test};
use crate::toy::{Answer, Ask, ToySession};

#[test]
fn every_node_answers_every_client() {
    test(async {
        let town = Town::all_running(3).await;
        for id in 0..5 {
            let mut client = town.client(id);
            for number in 1..=3 {
                let bytes = vec![number as u8; 10];
                assert_eq!(
                    ask(&mut client, node(number), Ask::Echo(bytes.clone())).await,
                    Answer::Echo(bytes)
                );
            }
        }
    });
}

#[test]
fn a_request_and_an_answer_of_many_megabytes_pass() {
    test(async {
        let town = Town::all_running(1).await;
        let bytes = vec![3; 12 * 1024 * 1024];
        let answer = ask(&mut town.client(1), node(1), Ask::Echo(bytes.clone())).await;
        assert!(answer == Answer::Echo(bytes));
    });
}

#[test]
fn a_message_reaches_the_node_it_is_for_and_only_that() {
    test(async {
        let town = Town::all_running(3).await;
        let mut client = town.client(1);
        ask(&mut client, node(1), Ask::Tell(node(2), 5)).await;
        ask(&mut client, node(3), Ask::Tell(node(2), 300_000)).await;
        let mut told = Vec::new();
        while told.len() < 2 {
            let Answer::Told(now) = ask(&mut client, node(2), Ask::Told).await else {
                panic!()
            };
            told = now;
        }
        told.sort();
        assert_eq!(told, [(node(1), 5), (node(3), 300_000)]);
        assert_eq!(
            ask(&mut client, node(3), Ask::Told).await,
            Answer::Told(Vec::new())
        );
    });
}

#[test]
fn a_node_that_is_not_there_is_unreachable_until_it_is() {
    test(async {
        let mut town = Town::new(2);
        let mut client = Client::new(
            ToySession::with_patience(Duration::from_millis(50)),
            ClientId(1),
            town.peers.clone(),
        );
        assert_eq!(client.invoke((node(2), Ask::Seed)).await, Conclusion::Unknown);
        let attempts = client.session().unreachable.len();
        assert!((1..=11).contains(&attempts), "{attempts} attempts in 50 ms");
        town.start(node(2)).await;
        assert!(matches!(
            ask(&mut client, node(2), Ask::Seed).await,
            Answer::Seed(_)
        ));
    });
}

#[test]
fn a_node_nobody_knows_is_unreachable() {
    test(async {
        let town = Town::all_running(1).await;
        let session = ToySession::with_patience(Duration::from_millis(20));
        let mut client = Client::new(session, ClientId(1), town.peers.clone());
        let nobody: NodeId = "nobody".parse().unwrap();
        assert_eq!(client.invoke((nobody, Ask::Seed)).await, Conclusion::Unknown);
        assert!(client.session().unreachable.contains(&nobody));
    });
}

#[test]
fn a_client_outlives_the_node_it_is_connected_to() {
    test(async {
        let mut town = Town::all_running(1).await;
        let mut client = town.client(1);
        for _ in 0..3 {
            ask(&mut client, node(1), Ask::Seed).await;
            town.kill(node(1)).await;
            town.start(node(1)).await;
            ask(&mut client, node(1), Ask::Seed).await;
        }
    });
}

#[test]
fn an_operation_that_was_dropped_is_concluded_before_the_next() {
    test(async {
        let town = Town::all_running(1).await;
        let session = ToySession::with_patience(Duration::from_millis(200));
        let mut client = Client::new(session, ClientId(1), town.peers.clone());
        let dropped = tokio::time::timeout(Duration::from_millis(10), client.invoke((node(1), Ask::Silence)));
        assert!(dropped.await.is_err());
        assert_eq!(
            ask(&mut client, node(1), Ask::Echo(vec![1])).await,
            Answer::Echo(vec![1])
        );
    });
}

#[test]
fn a_late_answer_is_given_to_the_session_and_confuses_nobody() {
    test(async {
        let town = Town::new(1);
        let listener = TcpListener::bind(town.peers[&node(1)]).await.unwrap();
        let session = ToySession::with_patience(Duration::from_millis(10));
        let mut client = Client::new(session, ClientId(1), town.peers.clone());
        // A node that answers the first request when the second has come.
        let slow = tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut heard, one_answer) = (Vec::new(), frame(&(1_u64, Answer::Seed(1))));
            let two_requests = frame_hello().len() + 2 * frame(&(1_u64, Ask::Seed)).len();
            while heard.len() < two_requests {
                stream.read_buf(&mut heard).await.unwrap();
            }
            let answers = [one_answer, frame(&(2_u64, Answer::Seed(2)))].concat();
            stream.write_all(&answers).await.unwrap();
            stream
        });
        assert_eq!(client.invoke((node(1), Ask::Seed)).await, Conclusion::Unknown);
        let second = loop {
            match client.invoke((node(1), Ask::Seed)).await {
                Conclusion::Answered(answer) => break answer,
                Conclusion::Unknown | Conclusion::NeverSent => {}
            }
        };
        assert_eq!((second, client.session().late), (Answer::Seed(2), 1));
        drop(slow.await.unwrap());
    });
}

#[test]
fn a_connection_that_answers_nothing_for_a_second_is_left_for_a_new_one() {
    test(async {
        let town = Town::new(1);
        let listener = TcpListener::bind(town.peers[&node(1)]).await.unwrap();
        let mut client = town.client(1);
        let asked = tokio::task::spawn_local(async move { ask(&mut client, node(1), Ask::Seed).await });
        let (silent, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        second.write_all(&frame(&(1_u64, Answer::Seed(9)))).await.unwrap();
        assert_eq!(asked.await.unwrap(), Answer::Seed(9));
        drop(silent);
    });
}

#[test]
fn a_client_that_is_dropped_closes_its_connections() {
    test(async {
        let town = Town::new(1);
        let listener = TcpListener::bind(town.peers[&node(1)]).await.unwrap();
        let session = ToySession::with_patience(Duration::from_millis(10));
        let mut client = Client::new(session, ClientId(1), town.peers.clone());
        assert_eq!(client.invoke((node(1), Ask::Seed)).await, Conclusion::Unknown);
        drop(client);
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
}

#[test]
fn a_client_may_live_in_any_thread() {
    fn may_be_sent<T: Send>(_: &T) {}
    let mut client = Town::new(1).client(1);
    may_be_sent(&client);
    may_be_sent(&client.invoke((node(1), Ask::Seed)));
}

#[test]
fn garbage_on_a_connection_ends_it_and_hurts_nobody_else() {
    test(async {
        let town = Town::all_running(2).await;
        let mut client = town.client(1);
        ask(&mut client, node(1), Ask::Seed).await;
        let hello = frame_hello();
        let mut damaged = [hello.clone(), frame(&(1_u64, Ask::Seed))].concat();
        *damaged.last_mut().unwrap() ^= 1;
        let stranger = systems::codec::Hello {
            from: systems::codec::Speaker::Node("n77".parse().unwrap()),
        };
        let garbage = [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            vec![0; 100],
            vec![0xff; 100_000],
            systems::codec::frame(b"trib\x09\0whatever", systems::codec::Position::WIRE).unwrap(),
            [hello.clone(), vec![0xff; 30]].concat(),
            [hello.clone(), frame(&"not a request")].concat(),
            // A second hello is not a request.
            [hello.clone(), hello].concat(),
            [stranger.encode(), frame(&1_u8)].concat(),
            damaged,
        ];
        for bytes in garbage {
            let mut stream = TcpStream::connect(town.peers[&node(1)]).await.unwrap();
            // Both may fail when the node has hung up already, which is what is asked for.
            _ = stream.write_all(&bytes).await;
            let ended = stream.read(&mut [0]).await;
            assert!(
                matches!(ended, Ok(0) | Err(_)),
                "something was answered to garbage"
            );
        }
        assert!(matches!(
            ask(&mut client, node(1), Ask::Seed).await,
            Answer::Seed(_)
        ));
        assert_eq!(client.session().unreachable, []);
        let ping = town.last_ping(node(2), node(1));
        eventually(|| ping < town.last_ping(node(2), node(1))).await;
    });
}

#[test]
fn an_answer_goes_where_the_client_spoke_last() {
    test(async {
        let town = Town::all_running(1).await;
        let address = town.peers[&node(1)];
        let mut old = TcpStream::connect(address).await.unwrap();
        old.write_all(&[frame_hello(), frame(&(1_u64, Ask::Echo(vec![1])))].concat())
            .await
            .unwrap();
        assert_ne!(old.read(&mut [0; 64]).await.unwrap(), 0);
        let mut new = TcpStream::connect(address).await.unwrap();
        new.write_all(&[frame_hello(), frame(&(2_u64, Ask::Echo(vec![2])))].concat())
            .await
            .unwrap();
        let mut answer = vec![0; frame(&(2_u64, Answer::Echo(vec![2]))).len()];
        new.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, frame(&(2_u64, Answer::Echo(vec![2]))));
    });
}

fn frame(value: &impl serde::Serialize) -> Vec<u8> {
    systems::codec::encode(value, systems::codec::Position::WIRE).unwrap()
}

fn frame_hello() -> Vec<u8> {
    systems::codec::Hello {
        from: systems::codec::Speaker::Client(ClientId(77)),
    }
    .encode()
}

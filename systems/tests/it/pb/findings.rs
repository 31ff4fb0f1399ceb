//! What was found wrong in published servers (P1 to P17), each shown not to be true here: what counts or repeats. The others are scripts
//! (`testdata/pb/findings.txt`), and so are V1 to V9, of the view service; several are also the schedule of a flaw in `flaws`, which must go
//! well without it.

use systems::pb::{
    Config, Event, Member, Message, Node, Persistence, Refusal, Response, Role, Stamp, SyncPiece, View,
    ViewNumber,
};
use systems::service::RequestNumber;
use systems::service::kv::{Answer, Rule};
use systems::transfer::Whole;
use systems::{Boot, ClientId, Conclusion, Effect, Incarnation, Input, NodeId, Outbox, Replica, Time};

use super::Pb;
use super::cluster::{HASTY, STUBBORN, vs};
use super::oracle::{check, check_copies_are_equal};
use super::packet::{is_ping, is_sync};
use crate::kv::{append, get, put, value};
use crate::world::{Body, Place, RuleId, World, ms, n};

fn formed(running: usize) -> World<Pb> {
    World::<Pb>::formed(1, config(), running)
}

fn config() -> Config {
    Config::new(vs(), vec![n(1), n(2), n(3)])
}

/// n1 alone with a value, n2 started, and the synchronisation under way but not arriving.
fn joining() -> (World<Pb>, RuleId) {
    let mut world = formed(1);
    let client = world.client(STUBBORN);
    world.ask(client, put("x", "1"));
    let held = world.hold(is_sync);
    world.start(n(2));
    world.wait("the synchronisation has begun", move |world| world.held(held) > 0);
    (world, held)
}

fn executed_by(world: &World<Pb>, node: usize) -> usize {
    let executed = |event: &Event| matches!(event, Event::Executed { .. });
    world
        .log
        .iter()
        .filter(|logged| logged.node == n(node) && executed(&logged.event))
        .count()
}

#[test]
fn p2_operations_and_the_synchronisation_have_one_order() {
    let mut config = config();
    config.sync_piece_bytes_max = 16;
    let mut world = World::<Pb>::formed(3, config, 1);
    let clients: Vec<ClientId> = (0..5).map(|_| world.client(STUBBORN)).collect();
    for i in 0..400 {
        if i == 50 {
            world.start(n(2));
        }
        if i == 200 {
            world.kill(n(1));
        }
        let client = clients[i % clients.len()];
        if world.is_idle(client) {
            world.invoke(client, append("a", &format!("t{i} ")));
        }
        world.run(ms(2));
    }
    world.wait("everybody is answered", |world| {
        clients.iter().all(|&client| world.is_idle(client))
    });
    let reader = world.client(STUBBORN);
    world.ask(reader, get("a"));
    assert_eq!(world.shown_view(), "3(n2, -)");
    check(&world);
}

#[test]
fn p6_a_long_synchronisation_neither_stops_pings_nor_makes_a_primary_dead() {
    let (mut world, held) = joining();
    let pings = world.count(|packet| is_ping(packet) && packet.comes_from(n(1)));
    world.run(ms(10_000));
    assert!(world.counted(pings) >= 99);
    assert_eq!(world.shown_view(), "2(n1, n2)");
    world.end(held);
    world.wait("n2 holds everything", |world| world.observer.formed());
}

#[test]
fn p8_what_the_backup_refuses_is_not_carried_out_and_no_forward_is_taken_for_a_request() {
    let mut world = formed(2);
    let client = world.client(HASTY);
    world.ask(client, put("x", "1"));
    world.cut(n(1), vs());
    world.wait_for_view("3(n2, -)");
    world.run(ms(150));
    let before = (executed_by(&world, 1), executed_by(&world, 2));
    // The answers to the client get lost, so that it cannot go elsewhere.
    world.lose(move |packet| packet.to == Place::Client(client));
    world.invoke(client, put("x", "2"));
    world.run(ms(200));
    assert_eq!((executed_by(&world, 1), executed_by(&world, 2)), before);
    assert_eq!(
        world.node(n(1)).unwrap().view().unwrap().number.0,
        3,
        "the refusal told n1 that it is old"
    );
}

/// An append waits at n1 for n2's yes when n2 becomes primary; n1 is told in the part it then has.
fn deposed_with_an_operation_waiting(servers: usize, role: Role) {
    let mut world = formed(servers);
    let client = world.client(STUBBORN);
    world.ask(client, get("a"));
    let between = world.cut(n(1), n(2));
    let from_service = world.cut(n(1), vs());
    let call = world.invoke(client, append("a", "x "));
    world.run(ms(5));
    let moved = world.count(|packet| {
        matches!(
            packet.body,
            Body::Response(Response::Refused {
                refusal: Refusal::Moved,
                ..
            })
        )
    });
    world.wait("n2 is primary", |world| world.view().primary.node == n(2));
    world.run(ms(150));
    world.end(from_service);
    world.end(between);
    world.wait("the append is answered", |world| world.conclusion(call).is_some());
    world.run(ms(500));
    assert!(
        world.counted(moved) >= 1,
        "the old primary does not know what became of it, and says so"
    );
    let told = |event: &Event| matches!(event, Event::ViewInstalled { role: part, .. } if *part == role);
    assert!(
        world
            .log
            .iter()
            .any(|logged| logged.node == n(1) && told(&logged.event))
    );
    assert_eq!(world.ask(client, get("a")), value("x "));
    check(&world);
}

#[test]
fn p11_an_operation_that_waits_when_its_server_is_deposed_is_answered_by_the_next_primary() {
    deposed_with_an_operation_waiting(2, Role::Backup);
    deposed_with_an_operation_waiting(3, Role::Idle);
}

#[test]
fn p12_an_empty_key_is_refused_and_nothing_is_stored() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    assert_eq!(world.ask(client, put("", "v")), Answer::Refused(Rule::EmptyKey));

    // A client that does not look itself is refused by the server.
    let before = executed_by(&world, 1);
    let request = systems::pb::Request::Do {
        request: RequestNumber(9),
        op: put("", "v"),
    };
    let refused = world.count(|packet| {
        matches!(
            &packet.body,
            Body::Response(Response::Done {
                answer: Answer::Refused(Rule::EmptyKey),
                ..
            })
        )
    });
    world.inject(Place::Client(client), Place::Node(n(1)), Body::Request(request));
    world.run(ms(10));
    assert_eq!((world.counted(refused), executed_by(&world, 1)), (1, before));
}

#[test]
fn p13_the_client_table_is_bounded_and_the_same_on_both() {
    let mut config = config();
    config.clients_max = 8;
    let mut world = World::<Pb>::formed(1, config, 2);
    for i in 0..50 {
        let client = world.client(STUBBORN);
        world.ask(client, append("a", &format!("t{i} ")));
    }
    check_copies_are_equal(&world);
    let first = ClientId(1);
    let request = systems::pb::Request::Do {
        request: RequestNumber(1),
        op: append("a", "t0 "),
    };
    let expired = world.count(|packet| {
        matches!(
            packet.body,
            Body::Response(Response::Refused {
                refusal: Refusal::Expired,
                ..
            })
        )
    });
    world.inject(Place::Client(first), Place::Node(n(1)), Body::Request(request));
    world.run(ms(10));
    assert_eq!(
        world.counted(expired),
        1,
        "whether it was carried out once is not known any more"
    );
    assert_eq!(world.call(first, append("a", "u ")), Conclusion::Unknown);
    check_copies_are_equal(&world);
}

// Limits and ends that the findings lead to.

/// A server alone; it is told of `view` by the view service or by a peer.
fn server_told(view: View) -> (Node, Vec<Effect<Node>>) {
    let mut server = Node::recover(&config(), boot(n(1), 7), Vec::new());
    let mut out = Outbox::new();
    let stamp = Stamp {
        service: Incarnation(1),
        at_ns: 1,
    };
    let message = Message::Newest {
        incarnation: Incarnation(7),
        view: Some(view),
        stamp,
    };
    server.step(Time::ZERO, Input::Start, &mut out);
    server.step(Time::ZERO, Input::Message { from: vs(), message }, &mut out);
    let effects = out.drain().collect();
    (server, effects)
}

fn boot(node: NodeId, life: u64) -> Boot {
    Boot {
        node,
        incarnation: Incarnation(life),
        seed: 0,
    }
}

fn acknowledged(effects: &[Effect<Node>]) -> Vec<u64> {
    let pings = effects.iter().filter_map(|effect| match effect {
        Effect::Send {
            message: Message::Ping { acknowledged, .. },
            ..
        } => Some(acknowledged.0),
        _ => None,
    });
    pings.collect()
}

#[test]
fn a_server_that_holds_nothing_does_not_act_though_it_is_named_primary() {
    let me = Member {
        node: n(1),
        incarnation: Incarnation(7),
    };
    let other_life = Member {
        incarnation: Incarnation(6),
        ..me
    };
    for (number, primary) in [(5, me), (1, other_life)] {
        let (mut server, effects) = server_told(View {
            number: ViewNumber(number),
            primary,
            backup: None,
        });
        assert!(server.machine().is_none());
        assert!(
            acknowledged(&effects)
                .iter()
                .all(|&acknowledged| acknowledged < 5),
            "{effects:?}"
        );
        let mut out = Outbox::new();
        let request = systems::pb::Request::Do {
            request: RequestNumber(1),
            op: get("x"),
        };
        server.step(
            Time::ZERO,
            Input::Request {
                from: ClientId(1),
                request,
            },
            &mut out,
        );
        let answers: Vec<_> = out.drain().collect();
        assert!(
            matches!(
                &answers[..],
                [Effect::Reply {
                    response: Response::Refused {
                        refusal: Refusal::NotPrimary,
                        ..
                    },
                    ..
                }]
            ),
            "{answers:?}"
        );
    }
    let (server, effects) = server_told(View {
        number: ViewNumber(1),
        primary: me,
        backup: None,
    });
    assert!(
        server.machine().is_some(),
        "the very life that the first view names begins with nothing"
    );
    assert_eq!(acknowledged(&effects).last(), Some(&1));
}

#[test]
fn a_restarted_server_does_not_go_by_what_is_said_to_or_of_its_earlier_life() {
    let former = Member {
        node: n(1),
        incarnation: Incarnation(6),
    };
    let primary = Member {
        node: n(2),
        incarnation: Incarnation(3),
    };
    let view = View {
        number: ViewNumber(4),
        primary,
        backup: Some(former),
    };
    let mut server = Node::recover(&config(), boot(n(1), 7), Vec::new());
    let stamp = Stamp {
        service: Incarnation(1),
        at_ns: 1,
    };
    let late = Message::Newest {
        incarnation: former.incarnation,
        view: Some(view.clone()),
        stamp,
    };
    let piece = SyncPiece {
        view,
        piece: Whole::new(b"x".to_vec()).piece(0, 1),
    };
    for (from, message) in [(vs(), late), (n(2), Message::Sync(piece))] {
        let mut out = Outbox::new();
        server.step(Time::ZERO, Input::Message { from, message }, &mut out);
        assert_eq!(server.view(), None);
    }
}

#[test]
fn a_primary_that_waits_takes_only_so_many_operations_and_says_that_it_is_busy() {
    let mut config = config();
    config.queue_ops_max = 3;
    let mut world = World::<Pb>::formed(1, config, 1);
    let clients: Vec<ClientId> = (0..5).map(|_| world.client(STUBBORN)).collect();
    for &client in &clients {
        world.ask(client, get("x"));
    }
    let held = world.hold(is_sync);
    world.start(n(2));
    world.wait("the synchronisation has begun", move |world| world.held(held) > 0);
    let busy = world.count(|packet| {
        matches!(
            packet.body,
            Body::Response(Response::Refused {
                refusal: Refusal::Busy,
                ..
            })
        )
    });
    let calls: Vec<_> = clients
        .iter()
        .map(|&client| world.invoke(client, append("a", &format!("t{} ", client.0))))
        .collect();
    world.run(ms(10));
    assert_eq!(world.counted(busy), 2);
    world.end(held);
    world.wait("all are answered", |world| {
        calls.iter().all(|&call| world.conclusion(call).is_some())
    });
    check(&world);
}

#[test]
fn long_values_are_forwarded_in_messages_of_bounded_length() {
    let mut world = formed(1);
    let clients: Vec<ClientId> = (0..20).map(|_| world.client(STUBBORN)).collect();
    for &client in &clients {
        world.ask(client, get("x"));
    }
    let held = world.hold(is_sync);
    world.start(n(2));
    world.wait("the synchronisation has begun", move |world| world.held(held) > 0);
    let calls: Vec<_> = clients
        .iter()
        .map(|&client| world.invoke(client, put(&format!("k{}", client.0), &"x".repeat(100_000))))
        .collect();
    let too_long = world.count(|packet| match &packet.body {
        Body::Message(Message::Forward { commands, .. }) => {
            commands.iter().map(|command| command.op.bytes()).sum::<usize>() > systems::pb::FORWARD_BYTES_MAX
        }
        Body::Message(Message::Sync(piece)) => piece.piece.bytes.len() > systems::pb::SYNC_PIECE_BYTES_MAX,
        _ => false,
    });
    world.run(ms(10));
    world.end(held);
    world.wait("all are answered", |world| {
        calls.iter().all(|&call| world.conclusion(call).is_some())
    });
    world.restart(n(2));
    world.wait("n2 is backup again", |world| {
        world.shown_view() == "3(n1, n2)" && world.observer.formed()
    });
    assert_eq!(world.counted(too_long), 0);
    check_copies_are_equal(&world);
}

#[test]
fn a_cluster_is_formed_soon_after_its_nodes_were_started() {
    let mut world = World::<Pb>::of(1, config());
    for node in [vs(), n(1), n(2), n(3)] {
        world.start(node);
    }
    world.run(ms(30));
    assert!(world.observer.formed(), "{world:?}");
}

#[test]
fn a_cluster_serves_on_while_the_view_service_is_down_and_after_it_came_back() {
    let mut world = formed(3);
    let client = world.client(STUBBORN);
    world.ask(client, put("x", "1"));
    world.kill(vs());
    world.run(ms(3000));
    world.ask(client, put("x", "2"));
    world.start(vs());
    world.run(ms(3000));
    assert_eq!(
        world.shown_view(),
        "2(n1, n2)",
        "nobody is blamed for the silence"
    );
    world.kill(n(1));
    assert_eq!(world.ask(client, get("x")), value("2"));
    check(&world);
}

#[test]
fn a_paused_primary_that_comes_back_answers_nothing_of_what_it_had_taken() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.ask(client, put("x", "1"));
    world.pause(n(1));
    let reader = world.client(HASTY);
    world.wait_for_view("3(n2, -)");
    world.ask(client, put("x", "2"));
    world.resume(n(1));
    assert_eq!(world.ask(reader, get("x")), value("2"));
    world.wait("n1 holds everything again", |world| world.observer.formed());
    check(&world);
}

#[test]
fn a_server_that_was_hurt_by_nothing_but_a_lost_yes_asks_before_it_says_things_again() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.ask(client, put("x", "1"));
    world.lose_next(1, |packet| {
        matches!(packet.body, Body::Message(Message::Executed { .. }))
    });
    let told = world.count(|packet| {
        matches!(&packet.body, Body::Message(Message::Forward { commands, .. }) if !commands.is_empty())
    });
    world.ask(client, put("x", "2"));
    assert!(
        world.counted(told) <= 2,
        "once, and once for the client's own retry"
    );
    assert_eq!(HASTY.persistence, Persistence::GiveUp);
}

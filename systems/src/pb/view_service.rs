//! The view service: hears pings, and says who is in charge.
//!
//! It is the one place where views are made, so there is never a doubt which view is the newest. It is also a single point of
//! failure: without it a cluster goes on as it is, and nothing that dies is replaced. It keeps its view on disk, because
//! a view service that forgot it would count from 1 again.
//!
//! Invariants:
//! * What is told is durable: neither a view nor an acknowledgement has any effect outside before it is on disk.
//! * Silence is counted by its own clock, and only while it was awake itself; after a restart everybody has a fresh grace.
//! * A ping is a sign of life of one life of a server, and only if it echoes a recent answer to that life. Answers are numbered,
//!   so of two lives of a server the one that echoes the later answer is the later one: its first such ping declares the earlier
//!   one dead at once, and pings of the earlier one that arrive even later are ghosts without effect.
//! * A view changes in answer to a ping of its next primary, which was alive just now and is the first to hear of it.
//! * The table has one entry per configured server.

use std::collections::{BTreeMap, BTreeSet};

use crate::node_id::NodeId;
use crate::pb::awake_clock::AwakeClock;
use crate::pb::event::{Acknowledgement, Event, Reason};
use crate::pb::message::{Message, Record, Refusal, Request, Response, Stamp, Timer};
use crate::pb::succession::successor;
use crate::pb::view::{Member, View, ViewNumber};
use crate::pb::{Config, Flaw, Node};
use crate::replica::{Boot, ClientId, Incarnation, Input, Outbox};
use crate::time::Time;

/// So many records are on disk when those that do not matter any more are dropped.
const RECORDS_MAX: usize = 1024;

/// The view service.
#[derive(Debug, Clone)]
pub struct ViewService {
    config: Config,
    boot: Boot,
    standing: Standing,
    heard: BTreeMap<NodeId, Heard>,
    clock: AwakeClock,
    /// The number of the last answer.
    answered_ns: u64,
    /// How many records are on disk.
    records: usize,
}

/// What has been decided so far.
#[derive(Debug, Clone)]
enum Standing {
    /// Nobody has ever pinged.
    Vacant,
    /// There is a view.
    Seated {
        view: View,
        acknowledgement: Acknowledgement,
    },
}

/// The last sign of life of a server.
#[derive(Debug, Clone, Copy)]
struct Heard {
    incarnation: Incarnation,
    /// By the clock of the time this node was awake.
    at: Time,
    /// The answer that was echoed; zero if none was in this life of the view service.
    echoed_ns: u64,
}

impl ViewService {
    pub(crate) fn recover(config: &Config, boot: Boot, records: Vec<Record>) -> Self {
        let mut standing = Standing::Vacant;
        let forgotten = config.has(Flaw::Volatile);
        let count = records.len();
        for record in records.into_iter().filter(|_| !forgotten) {
            standing.replay(record);
        }
        let clock = AwakeClock::new(config.ping_interval);
        Self {
            config: config.clone(),
            boot,
            standing,
            heard: BTreeMap::new(),
            clock,
            answered_ns: 0,
            records: count,
        }
    }

    pub(crate) fn step(&mut self, now: Time, input: Input<Node>, out: &mut Outbox<Node>) {
        if let Some(gap) = self.clock.go_on(now) {
            out.observe(Event::StoodStill {
                ms: u64::try_from(gap.as_millis()).unwrap_or(u64::MAX),
            });
        }
        match input {
            Input::Start => self.on_start(out),
            Input::Message {
                from,
                message:
                    Message::Ping {
                        incarnation,
                        acknowledged,
                        echo,
                    },
            } => {
                self.on_ping(
                    Member {
                        node: from,
                        incarnation,
                    },
                    acknowledged,
                    echo,
                    out,
                );
            }
            Input::Message { from, .. } => ignore(from, Reason::Misdirected, out),
            Input::Request { from, request } => self.on_request(from, &request, out),
            // It has looked at its clock, which is all it was woken for: a view changes when somebody pings.
            Input::Timeout(Timer::Check) => out.arm(Timer::Check, self.config.ping_interval),
            Input::Timeout(Timer::Ping | Timer::Resend) => (),
        }
    }

    fn on_start(&mut self, out: &mut Outbox<Node>) {
        out.observe(Event::Started {
            node: self.boot.node,
            incarnation: self.boot.incarnation,
        });
        if let Standing::Seated {
            view,
            acknowledgement,
        } = &self.standing
        {
            for Member { node, incarnation } in view.members() {
                self.heard.insert(
                    node,
                    Heard {
                        incarnation,
                        at: self.clock.time(),
                        echoed_ns: 0,
                    },
                );
            }
            out.observe(Event::ViewRecovered {
                view: view.clone(),
                acknowledgement: *acknowledgement,
            });
        }
        out.arm(Timer::Check, self.config.ping_interval);
    }

    fn on_ping(
        &mut self,
        member: Member,
        acknowledged: ViewNumber,
        echo: Option<Stamp>,
        out: &mut Outbox<Node>,
    ) {
        if !self.config.servers.contains(&member.node) {
            return ignore(member.node, Reason::Stranger, out);
        }
        if self.has_lost_its_view(acknowledged) {
            return ignore(member.node, Reason::OtherView, out);
        }

        // What was acknowledged stays so, however late one hears of it.
        self.acknowledge(member, acknowledged, out);
        if let Some(echoed_ns) = self.sign_of_life(member, echo) {
            let (incarnation, at) = (member.incarnation, self.clock.time());
            self.heard.insert(
                member.node,
                Heard {
                    incarnation,
                    at,
                    echoed_ns,
                },
            );
            self.seat_first(member, out);
            if acknowledged == ViewNumber::NONE && self.config.has(Flaw::FailedPingZeroesView) {
                self.believe_restarted(member, out);
            }
            self.change_view(member, out);
        }
        self.answer(member, out);
    }

    fn on_request(&mut self, from: ClientId, request: &Request, out: &mut Outbox<Node>) {
        let response = match *request {
            Request::View => Response::View(self.view().cloned()),
            Request::Do { request, .. } => Response::Refused {
                request,
                refusal: Refusal::NotPrimary,
            },
        };
        out.reply(from, response);
    }

    /// Only the very primary, and only with the very number, acknowledges a view.
    fn acknowledge(&mut self, member: Member, acknowledged: ViewNumber, out: &mut Outbox<Node>) {
        let Standing::Seated {
            view,
            acknowledgement,
        } = &mut self.standing
        else {
            return;
        };
        if *acknowledgement == Acknowledgement::Given || member != view.primary || acknowledged != view.number
        {
            return;
        }

        *acknowledgement = Acknowledgement::Given;
        self.records += 1;
        out.persist(Record::Acknowledged(acknowledged));
        out.observe(Event::ViewAcknowledged { view: acknowledged });
    }

    /// Somebody has seen a view though there is none on this disk. Counting from 1 again would make a second primary.
    fn has_lost_its_view(&self, acknowledged: ViewNumber) -> bool {
        let vacant = matches!(self.standing, Standing::Vacant);
        vacant && acknowledged != ViewNumber::NONE && !self.config.has(Flaw::Volatile)
    }

    /// Goes on to the next view if the rules allow and demand one, and if `present`, who has just pinged, is its primary.
    ///
    /// Of two members the one that is kept must be there for certain: the other one, which is only believed to be dead, may be
    /// the last to hold the data, and will not be asked again. An empty place costs nobody his, so it is filled at once.
    fn change_view(&mut self, present: Member, out: &mut Outbox<Node>) {
        let Standing::Seated {
            view,
            acknowledgement,
        } = &self.standing
        else {
            return;
        };
        let Some(next) = successor(view, *acknowledgement, &self.alive(), self.config.flaw) else {
            return;
        };
        if next.primary == present || view.backup.is_none() {
            self.announce(next, out);
        }
    }

    fn announce(&mut self, view: View, out: &mut Outbox<Node>) {
        assert!(
            self.view().is_none_or(|newest| newest.number < view.number),
            "views are counted upwards"
        );
        // Noted first, so that no view is on disk that the event log does not know of.
        out.observe(Event::ViewAnnounced { view: view.clone() });
        self.note_announced(view.clone(), out);
        self.standing = Standing::Seated {
            view,
            acknowledgement: Acknowledgement::Pending,
        };
    }

    /// Makes an announcement durable. Nothing before it matters any more, so now and then it takes the place of all that.
    fn note_announced(&mut self, view: View, out: &mut Outbox<Node>) {
        let record = Record::Announced(view);
        if self.records < RECORDS_MAX {
            self.records += 1;
            out.persist(record);
        } else {
            self.records = 1;
            out.compact(vec![record]);
        }
    }

    /// The lives that have given a sign of life lately.
    fn alive(&self) -> BTreeSet<Member> {
        let (now, silence_max) = (self.clock.time(), self.config.dead_after());
        let live = self
            .heard
            .iter()
            .filter(|(_, heard)| now.since(heard.at) <= silence_max);
        live.map(|(&node, heard)| Member {
            node,
            incarnation: heard.incarnation,
        })
        .collect()
    }

    /// The answer that `member` echoes, if that is a recent one, given to this life of the server and to no earlier one.
    fn sign_of_life(&self, member: Member, echo: Option<Stamp>) -> Option<u64> {
        let at_ns = echo.filter(|echo| echo.service == self.boot.incarnation)?.at_ns;
        let recent = self.clock.time().since(Time::from_nanos(at_ns)) <= self.config.echo_age_max();
        let later = match self.heard.get(&member.node) {
            Some(heard) if heard.incarnation != member.incarnation => heard.echoed_ns < at_ns,
            Some(_) | None => true,
        };
        (recent && later).then_some(at_ns)
    }

    /// The first server of all becomes primary of the first view.
    fn seat_first(&mut self, member: Member, out: &mut Outbox<Node>) {
        if let Standing::Vacant = self.standing {
            self.announce(
                View {
                    number: ViewNumber::FIRST,
                    primary: member,
                    backup: None,
                },
                out,
            );
        }
    }

    fn answer(&mut self, member: Member, out: &mut Outbox<Node>) {
        self.answered_ns = self.clock.time().as_nanos().max(self.answered_ns + 1);
        let stamp = Stamp {
            service: self.boot.incarnation,
            at_ns: self.answered_ns,
        };
        let Member { node, incarnation } = member;
        out.send(
            node,
            Message::Newest {
                incarnation,
                view: self.view().cloned(),
                stamp,
            },
        );
    }

    /// The flaw of taking every ping without a number for a restart, whichever life it is of.
    fn believe_restarted(&mut self, member: Member, out: &mut Outbox<Node>) {
        let Some(View {
            number,
            primary,
            backup: Some(backup),
        }) = self.view().cloned()
        else {
            return;
        };
        if primary == member {
            self.announce(
                View {
                    number: number.next(),
                    primary: backup,
                    backup: None,
                },
                out,
            );
        }
    }

    /// The newest view.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        match &self.standing {
            Standing::Vacant => None,
            Standing::Seated { view, .. } => Some(view),
        }
    }

    /// Whether the newest view was acknowledged.
    #[must_use]
    pub fn acknowledgement(&self) -> Option<Acknowledgement> {
        match &self.standing {
            Standing::Vacant => None,
            Standing::Seated { acknowledgement, .. } => Some(*acknowledgement),
        }
    }
}

impl Standing {
    fn replay(&mut self, record: Record) {
        match (record, self) {
            (Record::Announced(view), standing) => {
                *standing = Self::Seated {
                    view,
                    acknowledgement: Acknowledgement::Pending,
                };
            }
            (
                Record::Acknowledged(number),
                Self::Seated {
                    view,
                    acknowledgement,
                },
            ) if number == view.number => {
                *acknowledgement = Acknowledgement::Given;
            }
            // An acknowledgement of another view was never written; on a damaged disk it means nothing.
            (Record::Acknowledged(_), _) => (),
        }
    }
}

fn ignore(from: NodeId, reason: Reason, out: &mut Outbox<Node>) {
    out.observe(Event::Ignored { from, reason });
}

//! A place a node lives in: what dies with it, and what survives on its disk.

use std::collections::VecDeque;
use std::time::Duration;

use systems::{Effect, Incarnation, Input, NodeId, Replica};

use super::disk::{Disk, Write};
use super::moment::NodeClock;
use super::timers::{Arming, Timers};

/// More than this does not wait for a node that stands still; the rest is lost, as when a connection's buffers are full.
const INBOX_MAX: usize = 50_000;

/// So many syncs in a row cost nothing because more is waiting to be written, as many as a real server takes in one turn at most.
const SHARED_SYNCS_MAX: u32 = 256;

/// What a sync costs that shares the one of what follows.
const SHARED_SYNC: Duration = Duration::from_micros(1);

/// Which host, by its place among the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat(pub(super) usize);

/// How many times a node had been started before, and this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LifeNumber(pub(super) u64);

#[derive(Debug)]
pub(super) struct Host<R: Replica> {
    pub(super) node: NodeId,
    pub(super) disk: Disk<R::Record>,
    /// The life it leads, if it is not dead.
    pub(super) life: Option<Life<R>>,
}

/// One life of a node.
#[derive(Debug)]
pub(super) struct Life<R: Replica> {
    pub(super) number: LifeNumber,
    pub(super) incarnation: Incarnation,
    pub(super) replica: R,
    pub(super) clock: NodeClock,
    pub(super) timers: Timers<R::Timer>,
    pub(super) motion: Motion,
    /// The effects of its last step that have not been carried out yet.
    pub(super) pending: VecDeque<Effect<R>>,
    /// What has arrived and waits for it.
    pub(super) inbox: VecDeque<Arrival<R>>,
    pub(super) disk: DiskUse,
    /// How many syncs in a row were shared with what followed.
    pub(super) shared_syncs: u32,
    pub(super) end: End,
}

/// Whether a node moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    Running,
    Paused,
}

/// Whether a node waits for its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DiskUse {
    Idle,
    Writing,
}

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Open,
    /// In the middle of its next step, when so many of the effects have been carried out.
    After(usize),
}

/// What arrives at a node.
#[derive(Debug)]
pub(super) enum Arrival<R: Replica> {
    Input(Input<R>),
    Timer(R::Timer, Arming),
}

impl<R: Replica> Host<R> {
    pub(super) const fn new(node: NodeId) -> Self {
        Self {
            node,
            disk: Disk::new(),
            life: None,
        }
    }

    /// This life, unless it is over.
    pub(super) fn life(&mut self, number: LifeNumber) -> Option<&mut Life<R>> {
        self.life.as_mut().filter(|life| life.number == number)
    }
}

impl<R: Replica> Life<R> {
    /// Lets `arrival` wait for its turn.
    pub(super) fn receive(&mut self, arrival: Arrival<R>) {
        if self.inbox.len() < INBOX_MAX {
            self.inbox.push_back(arrival);
        }
    }

    /// Whether it can take the next thing that has arrived.
    pub(super) fn is_ready(&self) -> bool {
        self.motion == Motion::Running && self.disk == DiskUse::Idle && self.pending.is_empty()
    }

    /// The next effect, if it is to be written; it is taken.
    pub(super) fn next_write(&mut self) -> Option<Write<R::Record>> {
        match self.pending.pop_front()? {
            Effect::Persist(record) => Some(Write::Append(record)),
            Effect::Compact(records) => Some(Write::Replace(records)),
            other => {
                self.pending.push_front(other);
                None
            }
        }
    }

    /// How long the write that begins now takes, if a sync takes `full`. The node waits meanwhile.
    ///
    /// A real server takes in whatever has arrived, writes all records of that turn and syncs once. Nothing leaves it before, so that what others
    /// see is what they would see of a server that syncs each record, and only the cost differs: here whatever is written while more waits to be
    /// taken in is durable at once, and the last of the turn pays for all.
    pub(super) fn sync_takes(&mut self, full: Duration) -> Duration {
        self.disk = DiskUse::Writing;
        if self.inbox.is_empty() || self.shared_syncs == SHARED_SYNCS_MAX {
            self.shared_syncs = 0;
            return full;
        }
        self.shared_syncs += 1;
        SHARED_SYNC
    }

    /// The next thing that has arrived and still means something.
    pub(super) fn next_input(&mut self) -> Option<Input<R>> {
        loop {
            match self.inbox.pop_front()? {
                Arrival::Input(input) => return Some(input),
                Arrival::Timer(timer, arming) => {
                    if self.timers.run_out(timer, arming) {
                        return Some(Input::Timeout(timer));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use systems::{Boot, Outbox, Time};

    use super::*;

    /// It keeps what it is asked to.
    #[derive(Debug, Clone)]
    struct Keeper;

    impl Replica for Keeper {
        type Config = ();
        type Message = ();
        type Request = u8;
        type Response = ();
        type Timer = ();
        type Record = u8;
        type Event = ();

        fn recover((): &(), _: Boot, _: Vec<u8>) -> Self {
            Self
        }

        fn step(&mut self, _: Time, _: Input<Self>, _: &mut Outbox<Self>) {}
    }

    fn life() -> Life<Keeper> {
        Life {
            number: LifeNumber(1),
            incarnation: Incarnation(1),
            replica: Keeper,
            clock: NodeClock::draw(0, &mut ChaCha8Rng::seed_from_u64(1)),
            timers: Timers::new(),
            motion: Motion::Running,
            pending: VecDeque::new(),
            inbox: VecDeque::new(),
            disk: DiskUse::Idle,
            shared_syncs: 0,
            end: End::Open,
        }
    }

    #[test]
    fn whoever_has_more_to_take_in_pays_for_one_sync_a_turn_and_whoever_has_not_for_each() {
        let mut life = life();
        let full = Duration::from_millis(5);
        assert_eq!(life.sync_takes(full), full);
        assert_eq!(life.sync_takes(full), full);
        life.receive(Arrival::Input(Input::Start));
        for _ in 0..SHARED_SYNCS_MAX {
            assert_eq!(life.sync_takes(full), SHARED_SYNC);
        }
        assert_eq!(life.sync_takes(full), full, "a turn has an end");
        assert_eq!(life.sync_takes(full), SHARED_SYNC);
    }

    #[test]
    fn what_is_written_together_ends_where_something_can_be_seen() {
        let mut life = life();
        life.pending.extend([
            Effect::Persist(1),
            Effect::Compact(vec![2]),
            Effect::Observe(()),
            Effect::Persist(3),
        ]);
        assert_eq!(life.next_write(), Some(Write::Append(1)));
        assert_eq!(life.next_write(), Some(Write::Replace(vec![2])));
        assert_eq!(life.next_write(), None);
        assert_eq!(life.pending.len(), 2, "nothing was taken that is not written");
    }
}

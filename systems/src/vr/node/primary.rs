//! A replica as primary of its view: gives commands their places, tells the backups, and answers when enough of them have it.
//!
//! With batching, commands that come while others are on their way to the backups wait, and go together when those are committed or
//! there are enough of them: under load a round trip and a write to the disk serve many commands, without load none waits.

use std::collections::{BTreeMap, VecDeque};

use crate::group::{Command, Refusal, Response};
use crate::node_id::NodeId;
use crate::quorum;
use crate::replica::{ClientId, Outbox};
use crate::service::client_table::{Known, RequestNumber};
use crate::service::{Applied, Service};
use crate::time::Time;
use crate::vr::event::{Event, Logged, Reason};
use crate::vr::log::Entry;
use crate::vr::message::{Beat, Message, Record};
use crate::vr::node::progress::{Next, Progress};
use crate::vr::node::{Node, Status, flawed, ignore};
use crate::vr::request::Ask;
use crate::vr::view::{OpNumber, View};
use crate::vr::{BATCH_OPS_MAX, Batching, COMMANDS_MAX, NotesRule};

/// So many beats are remembered for leases; an answer to an older one grants nothing any more.
const BEATS_MAX: usize = 64;

/// What belongs to a primary.
#[derive(Debug, Clone)]
pub(super) struct Primary<S: Service> {
    /// Where the log ended when the view began, or this life in it.
    pub(super) began_at: OpNumber,
    pub(super) backups: BTreeMap<NodeId, Progress>,
    /// Taken, and without a place yet.
    waiting: VecDeque<Command<Ask<S::Op>>>,
    /// The last request of each client that was taken and not yet carried out.
    pending: BTreeMap<ClientId, RequestNumber>,
    /// When the last beats were sent.
    beats: BTreeMap<Beat, Time>,
    voice: Voice,
}

/// Whether it takes itself for somebody to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Speaking,
    /// It hears too few others: perhaps they hear it, and wait for it in vain.
    Silent,
}

impl<S: Service> Primary<S> {
    /// A primary of `backups`, none of which is known to have anything, whose next beat is `next`.
    pub(super) fn new(began_at: OpNumber, backups: impl Iterator<Item = NodeId>, next: Beat) -> Self {
        let progress = Progress::new(began_at, next);
        Self {
            began_at,
            backups: backups.map(|node| (node, progress.clone())).collect(),
            waiting: VecDeque::new(),
            pending: BTreeMap::new(),
            beats: BTreeMap::new(),
            voice: Voice::Speaking,
        }
    }

    /// `command` was taken.
    pub(super) fn note_pending(&mut self, command: &Command<Ask<S::Op>>) {
        self.pending.insert(command.client, command.number);
    }

    /// A command that was taken has been carried out.
    pub(super) fn note_done(&mut self, client: ClientId, number: RequestNumber) {
        if self.pending.get(&client) == Some(&number) {
            self.pending.remove(&client);
        }
    }

    /// Answers the client of a command that has been carried out.
    pub(super) fn answer(
        &mut self,
        client: ClientId,
        number: RequestNumber,
        applied: Applied<S::Answer>,
        out: &mut Outbox<Node<S>>,
    ) {
        self.note_done(client, number);
        let refused = |refusal| Response::Refused { number, refusal };
        let response = match applied {
            Applied::Now(answer) | Applied::Before(answer) => Response::Answered { number, answer },
            Applied::Stale => refused(Refusal::Stale),
            Applied::Expired => refused(Refusal::Expired),
        };
        out.reply(client, response);
    }

    /// It leads no more: whoever waits must ask the next one, and may find the command carried out.
    pub(super) fn redirect(&self, leader: Option<NodeId>, out: &mut Outbox<Node<S>>) {
        self.resign(&Refusal::Redirect { leader }, out);
    }

    /// It leads no more, for the reason that is given to all that wait.
    pub(super) fn resign(&self, refusal: &Refusal, out: &mut Outbox<Node<S>>) {
        for (&client, &number) in &self.pending {
            let refusal = refusal.clone();
            out.reply(client, Response::Refused { number, refusal });
        }
    }

    /// The next `count` commands that wait, or those up to a change of members: nothing follows that.
    fn take(&mut self, count: usize) -> Vec<Command<Ask<S::Op>>> {
        let mut waiting = self.waiting.iter().take(count);
        let last = waiting.position(|command| matches!(command.op, Ask::Members(_)));
        self.waiting
            .drain(..last.map_or(count, |last| last + 1))
            .collect()
    }

    /// Whether a change of members was taken and has no place yet.
    fn is_to_change(&self) -> bool {
        self.waiting
            .iter()
            .any(|command| matches!(command.op, Ask::Members(_)))
    }

    /// How many replicas have been heard within `beats`, itself included.
    fn heard(&self, beats: u32) -> usize {
        1 + self
            .backups
            .values()
            .filter(|backup| backup.silent < beats)
            .count()
    }

    /// So many commands get their places now; `unfinished` others are on their way.
    fn batch_due(&self, batching: Batching, unfinished: usize) -> usize {
        match batching {
            Batching::Off => self.waiting.len().min(1),
            Batching::On if unfinished == 0 || BATCH_OPS_MAX <= self.waiting.len() => {
                self.waiting.len().min(BATCH_OPS_MAX)
            }
            Batching::On => 0,
        }
    }
}

impl<S: Service> Node<S> {
    /// A client asks for something.
    pub(super) fn on_command(&mut self, command: Command<Ask<S::Op>>, out: &mut Outbox<Self>) {
        let (client, number) = (command.client, command.number);
        let refuse = |refusal| Response::Refused { number, refusal };
        let is_over = match &command.op {
            Ask::Service(op) => {
                self.answer_again(client, number, out) || self.read_locally(client, number, op, out)
            }
            Ask::Members(members) if self.may_become(members) => false,
            Ask::Members(_) => return out.reply(client, refuse(Refusal::NoSuchGroup)),
        };
        if is_over {
            return;
        }
        let (unfinished, closing) = (self.unfinished(), self.is_closing());
        let Status::Primary(primary) = &mut self.status else {
            return;
        };
        match primary.pending.get(&client) {
            // It is on its way, and answered when it is carried out.
            Some(pending) if number == *pending => return,
            Some(pending) if number < *pending => return out.reply(client, refuse(Refusal::Stale)),
            Some(_) | None => (),
        }
        if primary.voice == Voice::Silent {
            return out.reply(client, refuse(Refusal::Redirect { leader: None }));
        }
        let second_change = matches!(command.op, Ask::Members(_)) && (closing || primary.is_to_change());
        if second_change || COMMANDS_MAX <= primary.waiting.len() + unfinished {
            return out.reply(client, refuse(Refusal::Busy));
        }

        primary.note_pending(&command);
        primary.waiting.push_back(command);
        self.give_places(out);
    }

    /// What came of a request before is said again. Whether it came before.
    fn answer_again(&self, client: ClientId, number: RequestNumber, out: &mut Outbox<Self>) -> bool {
        let refused = |refusal| Response::Refused { number, refusal };
        let response = match self.machine.look_up(client, number) {
            Known::Answered(answer) => {
                let answer = answer.clone();
                Response::Answered { number, answer }
            }
            Known::Stale => refused(Refusal::Stale),
            Known::Expired => refused(Refusal::Expired),
            Known::New => return false,
        };
        out.reply(client, response);
        true
    }

    /// Gives the commands that wait their places, as far as it is time.
    pub(super) fn give_places(&mut self, out: &mut Outbox<Self>) {
        while !self.is_closing() {
            let unfinished = self.unfinished();
            let Status::Primary(primary) = &mut self.status else {
                return;
            };
            let due = primary.batch_due(self.config.batching, unfinished);
            if due == 0 {
                return;
            }
            let commands = primary.take(due);
            self.append_commands(commands, out);
            self.advance_commit(out);
        }
    }

    /// Appends `commands`, as many at a time as go into one message.
    fn append_commands(&mut self, commands: Vec<Command<Ask<S::Op>>>, out: &mut Outbox<Self>) {
        let (view, mut bytes, mut entries) = (self.view, 0, Vec::new());
        let mut after = self.log.op();
        for command in commands {
            let entry = Entry { view, command };
            self.log.push(entry.clone());
            entries.push(entry);
            bytes += self.log.bytes_at(self.log.op());
            if self.config.entries_bytes_max <= bytes {
                self.publish(after, std::mem::take(&mut entries), out);
                (after, bytes) = (self.log.op(), 0);
            }
        }
        if !entries.is_empty() {
            self.publish(after, entries, out);
        }
    }

    /// Makes what was appended after `after` durable, and tells the backups that have everything before it, or will.
    fn publish(&mut self, after: OpNumber, entries: Vec<Entry<S::Op>>, out: &mut Outbox<Self>) {
        let (view, commit, op) = (self.view, self.commit, after.plus(entries.len()));
        let record = Record::Appended {
            after,
            entries: entries.clone(),
        };
        out.persist(record);
        self.observe_appended(view, after, entries.len(), out);
        let next = self.beat.next();
        let Status::Primary(primary) = &mut self.status else {
            return;
        };
        for (&node, backup) in primary
            .backups
            .iter_mut()
            .filter(|(_, backup)| backup.sent == after)
        {
            backup.note_sent(op, next);
            let entries = entries.clone();
            out.send(
                node,
                Message::Prepare {
                    view,
                    after,
                    entries,
                    commit,
                },
            );
        }
    }

    pub(super) fn observe_appended(&self, view: View, after: OpNumber, count: usize, out: &mut Outbox<Self>) {
        let entries = self.logged(after).take(count).collect();
        out.observe(Event::Appended { view, after, entries });
    }

    /// What the event log says of the entries after `op`.
    pub(super) fn logged(&self, op: OpNumber) -> impl Iterator<Item = Logged> {
        self.log.prefixes_after(op).map(|(entry, prefix)| Logged {
            stamp: entry.view,
            client: entry.command.client,
            number: entry.command.number,
            prefix,
        })
    }

    pub(super) fn on_prepare_ok(
        &mut self,
        from: NodeId,
        view: View,
        through: OpNumber,
        (beat, at): (Beat, Beat),
        out: &mut Outbox<Self>,
    ) {
        if view != self.view {
            return ignore(from, Reason::OldView, out);
        }
        let op = self.log.op();
        let Status::Primary(primary) = &mut self.status else {
            return ignore(from, Reason::OtherStatus, out);
        };
        let Some(backup) = primary.backups.get_mut(&from).filter(|_| through <= op) else {
            return ignore(from, Reason::Malformed, out);
        };

        let next = backup.on_answer(through, beat, op);
        backup.at = Some(at);
        backup.granted = primary.beats.get(&beat).copied().max(backup.granted);
        if next == Next::Send && !self.config.goes_by(NotesRule::NothingAgain) {
            self.send_next(from, out);
        }
        self.advance_commit(out);
        self.give_places(out);
    }

    /// Sends a backup what it has not been sent, as far as it goes into one message.
    fn send_next(&mut self, to: NodeId, out: &mut Outbox<Self>) {
        let (view, commit, next) = (self.view, self.commit, self.beat.next());
        let Status::Primary(primary) = &mut self.status else {
            return;
        };
        let Some(backup) = primary.backups.get_mut(&to) else {
            return;
        };
        let after = backup.sent;
        match self.log.after(after, self.config.entries_bytes_max) {
            None => out.send(to, Message::Compacted { view }),
            Some(entries) => {
                backup.note_sent(after.plus(entries.len()), next);
                out.send(
                    to,
                    Message::Prepare {
                        view,
                        after,
                        entries,
                        commit,
                    },
                );
            }
        }
    }

    /// What enough replicas have is committed.
    pub(super) fn advance_commit(&mut self, out: &mut Outbox<Self>) {
        let Status::Primary(primary) = &self.status else {
            return;
        };
        let acked = primary.backups.values().map(|backup| backup.acked);
        let enough = flawed::enough(self.beginning.members.majority(), &self.config);
        let op = quorum::reached_by(enough, acked.chain([self.log.op()]));
        if let Some(op) = op.filter(|&op| self.commit < op) {
            let view = self.view;
            out.observe(Event::Committed { view, op });
            self.commit_through(op, out);
        }
    }

    /// A backup that asks for what it lacks is there, though it confirms nothing meanwhile.
    pub(super) fn note_asking(&mut self, from: NodeId) {
        if let Status::Primary(primary) = &mut self.status
            && let Some(backup) = primary.backups.get_mut(&from)
        {
            backup.silent = 0;
        }
    }

    pub(super) fn on_primary_beat(&mut self, out: &mut Outbox<Self>) {
        let (beats, majority) = (self.config.suspect_after_beats, self.beginning.members.majority());
        let Status::Primary(primary) = &mut self.status else {
            return;
        };
        for backup in primary.backups.values_mut() {
            backup.silent = backup.silent.saturating_add(1);
        }
        if majority <= primary.heard(beats) {
            primary.voice = Voice::Speaking;
            self.suspicion.hear(self.me);
            return self.send_beat(out);
        }
        if primary.voice == Voice::Speaking {
            primary.voice = Voice::Silent;
            out.observe(Event::FellSilent { view: self.view });
        }
        self.wish(out);
    }

    fn send_beat(&mut self, out: &mut Outbox<Self>) {
        if self.config.goes_by(NotesRule::NoCommitNumber) {
            return;
        }
        let Status::Primary(primary) = &mut self.status else {
            return;
        };
        primary.beats.insert(self.beat, self.now);
        if BEATS_MAX < primary.beats.len() {
            primary.beats.pop_first();
        }
        let (view, commit, beat) = (self.view, self.commit, self.beat);
        for (&node, backup) in &primary.backups {
            let echo = backup.at;
            out.send(
                node,
                Message::Commit {
                    view,
                    commit,
                    beat,
                    echo,
                },
            );
        }
    }

    /// How many commands have a place and are not carried out.
    fn unfinished(&self) -> usize {
        self.log.op().since(self.commit)
    }
}

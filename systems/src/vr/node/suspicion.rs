//! Doubt about the primary, and how many must share it before anybody leaves a view.
//!
//! A replica that misses its primary says so to everybody, at each beat, and stays. When f + 1 of the group wish for a view, or for later
//! ones, whoever knows that leaves. A wish that is not renewed lapses. A replica that *has* left cannot come back, and takes the others
//! along: enough had wished it. So one replica with a bad link moves nobody, and no replica is left behind.

use std::collections::BTreeMap;

use crate::node_id::NodeId;
use crate::quorum;
use crate::replica::Outbox;
use crate::service::Service;
use crate::vr::event::{Event, Reason};
use crate::vr::message::{Message, Stance};
use crate::vr::node::{Node, Status, flawed, ignore};
use crate::vr::view::View;
use crate::vr::{Flaw, PATIENCE_DOUBLINGS_MAX};

/// What a replica thinks of its primary, and what the others wish for.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspicion {
    /// So many beats have gone by without a sign of what it waits for.
    silent: u32,
    /// So many views it has left since it was normal.
    left: u32,
    /// What it has said to wish for.
    wished: Option<View>,
    wishes: BTreeMap<NodeId, Wish>,
}

/// That somebody would rather be in another view.
#[derive(Debug, Clone, Copy)]
struct Wish {
    view: View,
    /// In beats.
    age: u32,
}

impl Suspicion {
    /// There was a sign of life: `me` wishes for nothing.
    pub(super) fn hear(&mut self, me: NodeId) {
        (self.silent, self.wished) = (0, None);
        self.wishes.remove(&me);
    }

    /// It has left a view.
    fn leave(&mut self, me: NodeId) {
        self.hear(me);
        self.left = self.left.saturating_add(1);
    }

    /// It is normal.
    pub(super) fn settle(&mut self, me: NodeId) {
        self.hear(me);
        self.left = 0;
    }

    /// A beat goes by; wishes lapse that are `beats_max` old.
    pub(super) fn grow_older(&mut self, beats_max: u32) {
        self.silent = self.silent.saturating_add(1);
        for wish in self.wishes.values_mut() {
            wish.age += 1;
        }
        self.wishes.retain(|_, wish| wish.age < beats_max);
    }

    /// `node` wishes for `view`. Who wished for a later one lately still does.
    fn note(&mut self, node: NodeId, view: View) {
        let later = |wish: &Wish| view < wish.view;
        if !self.wishes.get(&node).is_some_and(later) {
            self.wishes.insert(node, Wish { view, age: 0 });
        }
    }

    /// The latest view that at least `enough` wish for, or for a later one.
    fn wished_by(&self, enough: usize) -> Option<View> {
        quorum::reached_by(enough, self.wishes.values().map(|wish| wish.view))
    }

    /// How many beats to wait for a view to begin.
    fn patience(&self, beats: u32) -> u32 {
        let doublings = self.left.saturating_sub(1).min(PATIENCE_DOUBLINGS_MAX);
        beats.saturating_mul(1 << doublings)
    }
}

impl<S: Service> Node<S> {
    /// A beat without a sign of the primary, as far as this replica is its backup.
    pub(super) fn on_silent_beat(&mut self, out: &mut Outbox<Self>) {
        if self.config.suspect_after_beats <= self.suspicion.silent {
            self.wish(out);
        }
    }

    /// The same while a view does not begin.
    pub(super) fn on_unbegun_beat(&mut self, out: &mut Outbox<Self>) {
        let beats = self.suspicion.patience(self.config.suspect_after_beats);
        if beats <= self.suspicion.silent {
            self.wish(out);
        }
    }

    /// It would rather be in the next view.
    pub(super) fn wish(&mut self, out: &mut Outbox<Self>) {
        let view = self.view.next();
        if self.suspicion.wished != Some(view) {
            self.suspicion.wished = Some(view);
            out.observe(Event::Suspected { view });
        }
        if self.config.has(Flaw::NoSvcQuorum) {
            return self.enter(view, out);
        }
        self.suspicion.note(self.me, view);
        let stance = Stance::Wishes;
        self.send_to_others(&Message::StartViewChange { view, stance }, out);
        self.count_wishes(out);
    }

    pub(super) fn on_start_view_change(
        &mut self,
        from: NodeId,
        view: View,
        stance: Stance,
        out: &mut Outbox<Self>,
    ) {
        if !self.takes_part() {
            return ignore(from, Reason::Recovering, out);
        }
        if view == self.view {
            return;
        }
        if view < self.view {
            return ignore(from, Reason::OldView, out);
        }

        self.suspicion.note(from, view);
        match flawed::stance(stance, &self.status) {
            Stance::Wishes => self.count_wishes(out),
            Stance::Left => self.enter(view, out),
        }
    }

    fn count_wishes(&mut self, out: &mut Outbox<Self>) {
        let wished = self.suspicion.wished_by(self.beginning.members.majority());
        if let Some(view) = wished.filter(|&view| self.view < view) {
            self.enter(view, out);
        }
    }

    /// Leaves its view for `view`, for good, unless it has promised to stay for a while yet.
    pub(super) fn enter(&mut self, view: View, out: &mut Outbox<Self>) {
        assert!(self.view < view, "a view is left for a later one");
        if self.is_bound() && !flawed::breaks_promises(&self.config) {
            return;
        }
        self.leave_for(view, out);
        self.suspicion.leave(self.me);
        self.begin_view_change(out);
    }

    /// From now on it takes part in no view before `view`, which is durable.
    pub(super) fn leave_for(&mut self, view: View, out: &mut Outbox<Self>) {
        if let Status::Primary(primary) = &self.status {
            let next = Some(self.beginning.members.primary_of(view)).filter(|&next| next != self.me);
            primary.redirect(next, out);
        }
        self.view = view;
        out.persist(crate::vr::Record::View(view));
        out.observe(Event::ViewEntered { view });
    }
}

#[cfg(test)]
mod tests {
    use super::Suspicion;
    use crate::node_id::NodeId;
    use crate::vr::view::View;

    fn wishes(views: &[u64]) -> Suspicion {
        let mut suspicion = Suspicion::default();
        for (place, &view) in views.iter().enumerate() {
            suspicion.note(NodeId::replica(place + 1), View::in_first_epoch(view));
        }
        suspicion
    }

    #[test]
    fn one_wish_moves_nobody_and_two_of_three_move_to_the_earlier_view() {
        assert_eq!(wishes(&[7]).wished_by(2), None);
        assert_eq!(wishes(&[7, 5]).wished_by(2), Some(View::in_first_epoch(5)));
    }

    #[test]
    fn a_wish_that_is_not_renewed_lapses() {
        let mut suspicion = wishes(&[5, 5]);
        suspicion.grow_older(2);
        suspicion.note(NodeId::replica(1), View::in_first_epoch(5));
        suspicion.grow_older(2);
        assert_eq!(suspicion.wished_by(2), None);
        assert_eq!(suspicion.wished_by(1), Some(View::in_first_epoch(5)));
    }

    #[test]
    fn an_earlier_wish_that_arrives_late_takes_no_later_one_back() {
        let mut suspicion = wishes(&[5]);
        suspicion.note(NodeId::replica(1), View::in_first_epoch(4));
        assert_eq!(suspicion.wished_by(1), Some(View::in_first_epoch(5)));
    }

    #[test]
    fn patience_doubles_with_every_view_that_did_not_begin_up_to_a_limit() {
        let mut suspicion = Suspicion::default();
        let patience: Vec<u32> = std::iter::repeat_with(|| {
            suspicion.leave(NodeId::replica(1));
            suspicion.patience(10)
        })
        .take(7)
        .collect();
        assert_eq!(patience, [10, 20, 40, 80, 160, 160, 160]);
    }
}

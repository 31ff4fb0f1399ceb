//! Who counts in which epoch. A quorum is one of the members of its own epoch, and an epoch begins once: where the one before ended.

use std::collections::BTreeMap;

use histories::AnomalyKind;
use systems::NodeId;
use systems::group::Epoch;
use systems::vr::{Members, View};

use super::copies::Tip;
use crate::oracle::Findings;
use crate::oracle::log::{Electorate, names};

/// All epochs that somebody has entered.
#[derive(Debug)]
pub(super) struct Eras {
    eras: BTreeMap<Epoch, Era>,
}

/// An epoch, as the first that entered it tells.
#[derive(Debug)]
struct Era {
    members: Members,
    electorate: Electorate,
    began: Tip,
}

/// What somebody's entering an epoch says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Nobody was in it before.
    First,
    /// Others were.
    Later,
}

impl Eras {
    /// A group of `members` that has changed nothing yet.
    pub(super) fn new(members: Members) -> Self {
        let first = Era::new(members, Tip::default());
        Self {
            eras: BTreeMap::from([(Epoch::FIRST, first)]),
        }
    }

    /// `node` is in `epoch`, which has these `members` and began after `began`.
    pub(super) fn enter(
        &mut self,
        t: u64,
        node: NodeId,
        epoch: Epoch,
        members: &[NodeId],
        began: Tip,
        findings: &mut Findings,
    ) -> Entry {
        let mut add = |problem: String| {
            let sentence = format!("{node} entered epoch {epoch} {problem}");
            findings.add(AnomalyKind::BrokenSuccession, t, sentence);
        };
        let Some(members) = Members::of(members.iter().copied()) else {
            add("without members".to_owned());
            return Entry::Later;
        };
        if let Some(known) = self.eras.get(&epoch) {
            if known.members != members || known.began != began {
                add(format!(
                    "with {} after place {}, and it had begun with {} after place {}",
                    names(&members.iter().collect::<Vec<_>>()),
                    began.index,
                    names(&known.members.iter().collect::<Vec<_>>()),
                    known.began.index
                ));
            }
            return Entry::Later;
        }
        let newest = self
            .eras
            .last_key_value()
            .map_or(Epoch::FIRST, |(newest, _)| *newest);
        if newest.next() != epoch {
            add(format!("when the newest that anybody had entered was {newest}"));
        }
        self.eras.insert(epoch, Era::new(members, began));
        Entry::First
    }

    /// The primary of `view`; none in an epoch that nobody has entered.
    pub(super) fn primary_of(&self, view: View) -> Option<NodeId> {
        self.eras.get(&view.epoch).map(|era| era.members.primary_of(view))
    }

    /// Whose word counts in `view`; none in an epoch that nobody has entered.
    pub(super) fn electorate(&self, view: View) -> Option<&Electorate> {
        self.eras.get(&view.epoch).map(|era| &era.electorate)
    }
}

impl Era {
    fn new(members: Members, began: Tip) -> Self {
        Self {
            electorate: Electorate::new(members.iter()),
            members,
            began,
        }
    }
}

//! What may go wrong: the families of faults and the named faults in each.
//!
//! A [`Fault`] says what is done, not yet to whom: that is its [`Target`]. Nothing here draws, waits or acts.

use std::fmt;
use std::str::FromStr;

use crate::cluster::Roster;
use crate::membership::Reshape;
use crate::mischief::Mischief;
use crate::target::Target;
use crate::unknown::UnknownName;

/// Faults of a kind, drawn and named together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Links that carry nothing.
    Partition,
    /// Nodes that stand still.
    Pause,
    /// Nodes that are killed and started again.
    Kill,
    /// Messages that are lost, late, doubled, overtaken or held.
    Packet,
    /// Groups that get other members.
    Membership,
}

/// Which links a partition cuts; the words are Jepsen's where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Each node of the target is cut off from every other member.
    One,
    /// The members fall into two halves; with an odd number of members one of them is a majority.
    Majority,
    /// Fewer than a third of the members are cut off, together, from the others.
    MinorityThird,
    /// Every member hears a majority, and no two hear the same one.
    MajoritiesRing,
    /// Two sides that hear nothing of each other, and one member that hears and is heard by both.
    Bridge,
    /// The target hears no other member, but they hear it.
    OneWayIn,
    /// No other member hears the target, but it hears them.
    OneWayOut,
    /// One direction between two members.
    SingleLink,
    /// The clients and the target hear nothing of each other; the members are whole among themselves.
    ClientToNode,
    /// The target and the services hear nothing of each other; replicas and clients still reach both.
    PrimaryFromService,
    /// Each primary is cut off from every other member; the clients still reach all of them.
    Primaries,
}

/// What is done to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Links are cut in this shape.
    Partition(Shape),
    /// The target stands still, and goes on at the end.
    Pause,
    /// As much of the target as the system claims to survive is killed, and started again at the end.
    Kill,
    /// All replicas are killed at once, whatever the system claims to survive, and started again at the end.
    KillAll,
    /// Messages from and to the target suffer this.
    Packet(Mischief),
    /// The group gets other members, and at the end those it had.
    Membership(Reshape),
}

/// One of the two edges of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The fault is injected.
    Begin,
    /// The fault is healed.
    End,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] = [
        Self::Partition,
        Self::Pause,
        Self::Kill,
        Self::Packet,
        Self::Membership,
    ];
    /// The families that one machine's processes and packets can suffer.
    pub const OF_PROCESSES: [Self; 4] = [Self::Partition, Self::Pause, Self::Kill, Self::Membership];

    /// The family's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Pause => "pause",
            Self::Kill => "kill",
            Self::Packet => "packet",
            Self::Membership => "membership",
        }
    }

    /// The name the journal gives to an edge of a fault of this family.
    #[must_use]
    pub const fn event(self, phase: Phase) -> &'static str {
        match (self, phase) {
            (Self::Partition, Phase::Begin) => "start-partition",
            (Self::Partition, Phase::End) => "stop-partition",
            (Self::Pause, Phase::Begin) => "pause",
            (Self::Pause, Phase::End) => "resume",
            (Self::Kill, Phase::Begin) => "kill",
            (Self::Kill, Phase::End) => "start",
            (Self::Packet, Phase::Begin) => "start-packet",
            (Self::Packet, Phase::End) => "stop-packet",
            (Self::Membership, Phase::Begin) => "change-members",
            (Self::Membership, Phase::End) => "restore-members",
        }
    }
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 11] = [
        Self::One,
        Self::Majority,
        Self::MinorityThird,
        Self::MajoritiesRing,
        Self::Bridge,
        Self::OneWayIn,
        Self::OneWayOut,
        Self::SingleLink,
        Self::ClientToNode,
        Self::PrimaryFromService,
        Self::Primaries,
    ];

    /// The shape's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Majority => "majority",
            Self::MinorityThird => "minority-third",
            Self::MajoritiesRing => "majorities-ring",
            Self::Bridge => "bridge",
            Self::OneWayIn => "one-way-in",
            Self::OneWayOut => "one-way-out",
            Self::SingleLink => "single-link",
            Self::ClientToNode => "client-to-node",
            Self::PrimaryFromService => "primary-from-service",
            Self::Primaries => "primaries",
        }
    }

    /// The fewest members among which the shape cuts anything and still is what it says.
    pub(crate) const fn members_min(self) -> usize {
        match self {
            Self::ClientToNode => 1,
            Self::One
            | Self::Majority
            | Self::OneWayIn
            | Self::OneWayOut
            | Self::SingleLink
            | Self::PrimaryFromService
            | Self::Primaries => 2,
            Self::MajoritiesRing | Self::Bridge => 3,
            Self::MinorityThird => 4,
        }
    }

    /// The words for targets the shape takes; the first is the one it has when none is named.
    const fn targets(self) -> &'static [&'static str] {
        match self {
            Self::One => &["one", "primaries", "services", Target::NAMED],
            Self::Majority => &["majority", Target::NAMED],
            Self::MinorityThird => &["minority-third", Target::NAMED],
            Self::MajoritiesRing => &["all"],
            Self::Bridge | Self::SingleLink => &["one", "primaries", "services", Target::NAMED],
            Self::OneWayIn | Self::OneWayOut | Self::ClientToNode => {
                &["one", "primaries", "services", "minority", Target::NAMED]
            }
            Self::PrimaryFromService => &["primaries", Target::NAMED],
            Self::Primaries => &["primaries"],
        }
    }

    /// The most nodes a user may name as the shape's target.
    const fn named_max(self) -> usize {
        match self {
            Self::Bridge => 1,
            Self::SingleLink => 2,
            Self::One
            | Self::Majority
            | Self::MinorityThird
            | Self::MajoritiesRing
            | Self::OneWayIn
            | Self::OneWayOut
            | Self::ClientToNode
            | Self::PrimaryFromService
            | Self::Primaries => usize::MAX,
        }
    }
}

impl Fault {
    /// Every fault.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Shape::ALL
            .into_iter()
            .map(Self::Partition)
            .chain([Self::Pause, Self::Kill, Self::KillAll])
            .chain(Mischief::ALL.into_iter().map(Self::Packet))
            .chain(Reshape::ALL.into_iter().map(Self::Membership))
            .collect()
    }

    /// The family it belongs to.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Partition(_) => Family::Partition,
            Self::Pause => Family::Pause,
            Self::Kill | Self::KillAll => Family::Kill,
            Self::Packet(_) => Family::Packet,
            Self::Membership(_) => Family::Membership,
        }
    }

    /// Its name within the family; [`fmt::Display`] says both.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partition(shape) => shape.name(),
            Self::Pause => "pause",
            Self::Kill => "kill",
            Self::KillAll => "kill-all",
            Self::Packet(mischief) => mischief.name(),
            Self::Membership(reshape) => reshape.name(),
        }
    }

    /// The target it has when none is named.
    #[must_use]
    pub fn target_default(self) -> Target {
        match self {
            Self::Partition(shape) => shape
                .targets()
                .first()
                .and_then(|word| Target::from_word(word))
                .unwrap_or(Target::One),
            Self::Pause | Self::Kill | Self::Packet(_) | Self::Membership(_) => Target::One,
            Self::KillAll => Target::All,
        }
    }

    /// Whether the fault can be done to `target` in a system of these nodes.
    ///
    /// # Errors
    /// The reason why not, for a person.
    pub fn fits(self, target: &Target, roster: &Roster) -> Result<(), String> {
        self.takes(target)?;
        if let Self::Membership(reshape) = self {
            return reshape.fits(roster);
        }
        if let Self::Partition(shape) = self {
            let members = roster.members().len();
            if members < shape.members_min() {
                return Err(format!(
                    "{self} needs {} nodes; this system has {members}",
                    shape.members_min()
                ));
            }
        }
        let of_services = *target == Target::Services || self == Self::Partition(Shape::PrimaryFromService);
        if of_services && roster.services.is_empty() {
            return Err(format!("{self} needs a service; this system has none"));
        }
        Ok(())
    }

    pub(crate) fn takes(self, target: &Target) -> Result<(), String> {
        let words = self.targets();
        if !words.contains(&target.word()) {
            return Err(format!(
                "{self} takes as its target {}; not {target}",
                words.join(", ")
            ));
        }
        match (self, target) {
            (Self::Partition(shape), Target::Named(nodes)) if shape.named_max() < nodes.len() => {
                Err(format!(
                    "{self} takes no more than {} by name; {} nodes are named",
                    shape.named_max(),
                    nodes.len()
                ))
            }
            _ => Ok(()),
        }
    }

    fn targets(self) -> &'static [&'static str] {
        match self {
            Self::Partition(shape) => shape.targets(),
            Self::Pause | Self::Kill => &Target::WORDS,
            Self::KillAll => &["all"],
            Self::Packet(_) => &["one", "primaries", "services", "minority", "all", Target::NAMED],
            Self::Membership(Reshape::Grow) => &["one", "all", Target::NAMED],
            Self::Membership(Reshape::Shrink | Reshape::Replace) => {
                &["one", "primaries", "minority", Target::NAMED]
            }
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownName;

    /// Reads `partition.one-way-in`, or `one-way-in` alone.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all()
            .into_iter()
            .find(|fault| text == fault.to_string() || text == fault.name())
            .ok_or_else(|| UnknownName::new("fault", text, Self::all().iter().map(Self::to_string)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(shape) => write!(f, "partition.{}", shape.name()),
            Self::Packet(mischief) => write!(f, "packet.{}", mischief.name()),
            Self::Membership(reshape) => write!(f, "membership.{}", reshape.name()),
            Self::Pause | Self::Kill | Self::KillAll => f.write_str(self.name()),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Shape};

    #[test]
    fn every_fault_is_read_back_from_both_of_its_names() {
        for fault in Fault::all() {
            assert_eq!(fault.to_string().parse(), Ok(fault));
            assert_eq!(fault.name().parse(), Ok(fault));
        }
    }

    #[test]
    fn every_fault_takes_the_target_it_has_by_default() {
        for fault in Fault::all() {
            assert_eq!(fault.takes(&fault.target_default()), Ok(()));
        }
    }

    #[test]
    fn an_unknown_fault_is_answered_with_the_nearest() {
        let error = "partition.one-way".parse::<Fault>().unwrap_err();
        assert_eq!(
            error.nearest(),
            Some(Fault::Partition(Shape::OneWayIn).to_string().as_str())
        );
    }
}

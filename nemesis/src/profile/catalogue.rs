//! The names that `--nemesis` takes, and what each of them may do.

use std::sync::LazyLock;

use crate::cluster::Roster;
use crate::fault::{Family, Fault, Shape};
use crate::membership::Reshape;
use crate::mischief::Mischief;
use crate::target::Target;

/// A fault and one of the targets it is drawn with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// What is done.
    pub fault: Fault,
    /// The targets of which one is drawn.
    pub targets: Vec<Target>,
}

/// What one name of `--nemesis` stands for.
#[derive(Debug, PartialEq, Eq)]
pub struct Nemesis {
    /// Its name.
    pub name: &'static str,
    /// The family its faults belong to.
    pub family: Family,
    /// One line for the list.
    pub about: &'static str,
    /// What is drawn from; each once before any comes again.
    pub attacks: Vec<Attack>,
    /// How its faults follow each other.
    pub rhythm: Rhythm,
}

/// How the faults of a nemesis follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// With time between one and the next, in which the system may recover.
    Apart,
    /// Each begins a moment before the last one ends: nobody catches up in between.
    Unbroken,
}

/// The nemesis whose partitions follow each other without a moment between.
pub const TURNS: &str = "turns";

/// Every nemesis there is: first the families, then single faults.
#[must_use]
pub fn catalogue() -> &'static [Nemesis] {
    static CATALOGUE: LazyLock<Vec<Nemesis>> =
        LazyLock::new(|| families().into_iter().chain(singles()).collect());
    &CATALOGUE
}

impl Nemesis {
    /// Whether the name stands for a whole family.
    #[must_use]
    pub fn is_family(&self) -> bool {
        self.name == self.family.name()
    }

    /// Whether it stays within what systems may claim to survive; such a nemesis may be drawn without having been named.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.attacks.iter().all(|attack| attack.fault != Fault::KillAll)
    }

    /// Whether it can do anything to the system of `roster`.
    #[must_use]
    pub fn can_strike(&self, roster: &Roster) -> bool {
        self.attacks_on(roster).is_ok()
    }

    /// The attacks that can be done to the system of `roster`, each with the targets that can be hit there.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn attacks_on(&self, roster: &Roster) -> Result<Vec<Attack>, String> {
        let mut reason = String::new();
        let mut attacks = Vec::new();
        for Attack { fault, targets } in &self.attacks {
            let fits = |target: &&Target| fault.fits(target, roster).map_err(|unfit| reason = unfit).is_ok();
            let targets: Vec<Target> = targets.iter().filter(fits).cloned().collect();
            if !targets.is_empty() {
                attacks.push(Attack {
                    fault: *fault,
                    targets,
                });
            }
        }
        if attacks.is_empty() {
            Err(reason)
        } else {
            Ok(attacks)
        }
    }
}

fn families() -> [Nemesis; 5] {
    [
        Nemesis {
            name: "partition",
            family: Family::Partition,
            about: "links that carry nothing, in every shape below",
            attacks: Shape::ALL.into_iter().map(shape_attack).collect(),
            rhythm: Rhythm::Apart,
        },
        Nemesis {
            name: "pause",
            family: Family::Pause,
            about: "nodes that stand still, for shorter and longer than a failure detector waits",
            attacks: attacks(
                Fault::Pause,
                &[
                    &[Target::One],
                    &[Target::Primaries],
                    &[Target::Primaries],
                    &[Target::Minority, Target::Majority, Target::All],
                    &[Target::Services, Target::One],
                ],
            ),
            rhythm: Rhythm::Apart,
        },
        Nemesis {
            name: "kill",
            family: Family::Kill,
            about: "nodes killed and started again, never more than the system claims to survive",
            attacks: attacks(
                Fault::Kill,
                &[
                    &[Target::One],
                    &[Target::Primaries],
                    &[Target::Minority],
                    &[Target::Services, Target::One],
                ],
            ),
            rhythm: Rhythm::Apart,
        },
        Nemesis {
            name: "packet",
            family: Family::Packet,
            about: "messages that are lost, late, doubled, overtaken or held, in every way below",
            attacks: Mischief::ALL.into_iter().map(mischief_attack).collect(),
            rhythm: Rhythm::Apart,
        },
        Nemesis {
            name: "membership",
            family: Family::Membership,
            about: "groups that get other members while they work, in every way below",
            attacks: Reshape::ALL.into_iter().map(reshape_attack).collect(),
            rhythm: Rhythm::Apart,
        },
    ]
}

fn singles() -> Vec<Nemesis> {
    let shape = |shape: Shape| Nemesis {
        name: shape.name(),
        family: Family::Partition,
        about: about_shape(shape),
        attacks: vec![shape_attack(shape)],
        rhythm: Rhythm::Apart,
    };
    let single = |name, about, fault: Fault, target: Target| Nemesis {
        name,
        family: fault.family(),
        about,
        attacks: attacks(fault, &[&[target]]),
        rhythm: Rhythm::Apart,
    };
    let mut singles: Vec<Nemesis> = Shape::ALL.into_iter().map(shape).collect();
    singles.push(Nemesis {
        name: TURNS,
        family: Family::Partition,
        about: "one node after another is cut off from all others, the next before the last one has caught up",
        attacks: attacks(Fault::Partition(Shape::One), &[&[Target::One]]),
        rhythm: Rhythm::Unbroken,
    });
    singles.extend([
        single("pause-primaries", "whoever takes itself for a primary stands still", Fault::Pause, Target::Primaries),
        single("pause-service", "the services, such as a view service, stand still", Fault::Pause, Target::Services),
        single(
            "kill-primaries",
            "whoever takes itself for a primary is killed and started again",
            Fault::Kill,
            Target::Primaries,
        ),
        single("kill-service", "the services are killed and started again", Fault::Kill, Target::Services),
        single(
            "kill-all",
            "all replicas are killed at once and started again, whatever the system claims; in no other nemesis",
            Fault::KillAll,
            Target::All,
        ),
    ]);
    singles.extend(Mischief::ALL.into_iter().map(|mischief| Nemesis {
        name: mischief.name(),
        family: Family::Packet,
        about: mischief.about(),
        attacks: vec![mischief_attack(mischief)],
        rhythm: Rhythm::Apart,
    }));
    singles.extend(Reshape::ALL.into_iter().map(|reshape| Nemesis {
        name: reshape.name(),
        family: Family::Membership,
        about: reshape.about(),
        attacks: vec![reshape_attack(reshape)],
        rhythm: Rhythm::Apart,
    }));
    singles
}

fn attacks(fault: Fault, targets: &[&[Target]]) -> Vec<Attack> {
    targets
        .iter()
        .map(|targets| Attack {
            fault,
            targets: targets.to_vec(),
        })
        .collect()
}

fn shape_attack(shape: Shape) -> Attack {
    let targets = match shape {
        Shape::One => vec![Target::One],
        Shape::Majority => vec![Target::Majority],
        Shape::MinorityThird => vec![Target::MinorityThird],
        Shape::MajoritiesRing => vec![Target::All],
        Shape::Bridge | Shape::OneWayIn | Shape::OneWayOut | Shape::SingleLink | Shape::ClientToNode => {
            vec![Target::One, Target::Primaries]
        }
        Shape::PrimaryFromService | Shape::Primaries => vec![Target::Primaries],
    };
    Attack {
        fault: Fault::Partition(shape),
        targets,
    }
}

fn mischief_attack(mischief: Mischief) -> Attack {
    let targets = match mischief {
        Mischief::Loss | Mischief::Delay | Mischief::Duplicate | Mischief::Reorder => {
            vec![Target::One, Target::Primaries, Target::All]
        }
        Mischief::Hold => vec![Target::One, Target::Primaries, Target::Primaries],
        Mischief::ReplyLoss | Mischief::Slow => vec![Target::One, Target::Primaries],
    };
    Attack {
        fault: Fault::Packet(mischief),
        targets,
    }
}

fn reshape_attack(reshape: Reshape) -> Attack {
    let targets = match reshape {
        Reshape::Grow => vec![Target::One, Target::All],
        Reshape::Shrink | Reshape::Replace => vec![Target::One, Target::Primaries, Target::Minority],
    };
    Attack {
        fault: Fault::Membership(reshape),
        targets,
    }
}

const fn about_shape(shape: Shape) -> &'static str {
    match shape {
        Shape::One => "one node is cut off from all others",
        Shape::Majority => "two halves that hear nothing of each other",
        Shape::MinorityThird => "fewer than a third of the nodes are cut off together",
        Shape::MajoritiesRing => "each node hears a majority, and no two hear the same one",
        Shape::Bridge => "two sides joined only by one node that hears both",
        Shape::OneWayIn => "a node hears nobody, but all hear it",
        Shape::OneWayOut => "nobody hears a node, but it hears all",
        Shape::SingleLink => "one direction between two nodes",
        Shape::ClientToNode => "the clients and one node hear nothing of each other",
        Shape::PrimaryFromService => "the primary is cut off from the services alone, such as a view service",
        Shape::Primaries => "each primary is cut off from all other nodes, but not from the clients",
    }
}

//! Where a script is played: one world, its clients and rules by name.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;

use goldenscript::{Command, Context, Runner};
use serde::Serialize;
use serde_json::Value;
use systems::{ClientId, Conclusion, Replica, Session, Time};

use super::Words;
use super::kinds::{content, packet_kind};
use super::prose::Prose;
use crate::world::{CallId, Packet, Place, RuleId, Sight, System, Way, World};

/// What a system has to say to be scripted.
pub(crate) trait Scripted: System<Session: Session<Op: Serialize, Answer: Serialize>> {
    /// Fields of messages and events that nobody reads.
    const NOISE: &'static [&'static str];
    /// Fields that are shown before the others, in this order.
    const FIRST: &'static [&'static str];

    /// The configuration that `cluster ...` asks for.
    fn config(words: &mut Words<'_>) -> Result<<Self::Replica as Replica>::Config, Box<dyn Error>>;

    /// A client's session; the words are those behind its name in `client c1 ...`.
    fn session(world: &World<Self>, words: &mut Words<'_>) -> Result<Self::Session, Box<dyn Error>>;

    /// The operation that a client is to do.
    fn op(words: &mut Words<'_>) -> Result<<Self::Session as Session>::Op, Box<dyn Error>>;

    /// Carries out a command of the system's own. Whether it has one of that name.
    fn act(world: &mut World<Self>, name: &str, words: &mut Words<'_>) -> Result<bool, Box<dyn Error>> {
        let _ = (world, name, words);
        Ok(false)
    }

    /// Whether what `wait ...` says holds now.
    fn holds(world: &World<Self>, words: &[&str]) -> Result<bool, Box<dyn Error>>;

    /// What is wrong with the run so far.
    fn violations(world: &World<Self>) -> Vec<String>;

    /// What is wrong with the copies, now that nothing goes on any more.
    fn unequal_copies(world: &World<Self>) -> Option<String>;

    /// A shorter form of a value, where there is one.
    fn abbreviate(value: &Value) -> Option<String>;
}

/// One script's world and the names in it.
pub(crate) struct Stage<S: Scripted> {
    pub(super) world: World<S>,
    pub(super) clients: BTreeMap<String, ClientId>,
    pub(super) rules: BTreeMap<String, RuleId>,
    pub(super) calls: BTreeMap<ClientId, CallId>,
    pub(super) watched: BTreeSet<String>,
    /// Whether wrong behaviour is what the script wants to show.
    pub(super) verdict: Expected,
}

/// How a script expects its run to be judged at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// As right.
    Right,
    /// It asked for itself.
    Asked,
}

/// Every kind of packet is shown.
pub(super) const EVERYTHING: &str = "everything";

impl<S: Scripted> Stage<S> {
    /// A cluster as `cluster` without a word makes it.
    pub(crate) fn new(config: <S::Replica as Replica>::Config) -> Self {
        let mut world = World::of(1, config);
        world.watch();
        Self {
            world,
            clients: BTreeMap::new(),
            rules: BTreeMap::new(),
            calls: BTreeMap::new(),
            watched: BTreeSet::new(),
            verdict: Expected::Right,
        }
    }

    /// Another cluster, instead of the one there was.
    pub(super) fn set_up(&mut self, config: <S::Replica as Replica>::Config) -> Result<(), Box<dyn Error>> {
        self.judge()?;
        *self = Self::new(config);
        Ok(())
    }

    /// Everything that must hold of any run holds of this one, unless the script asked for itself.
    fn judge(&self) -> Result<(), Box<dyn Error>> {
        match (self.verdict, S::violations(&self.world)) {
            (Expected::Right, found) if !found.is_empty() => Err(found.join("\n").into()),
            (Expected::Right | Expected::Asked, _) => Ok(()),
        }
    }

    /// What was seen since the last command.
    fn seen(&mut self) -> String {
        let mut lines = String::new();
        for (at, sight) in self.world.seen() {
            if let Some(line) = self.line(&sight) {
                writeln!(lines, "{:>9}  {line}", shown_time(at)).unwrap();
            }
        }
        lines
    }

    fn line(&self, sight: &Sight<S>) -> Option<String> {
        let prose = Self::prose();
        match sight {
            Sight::Event { node, event } => {
                let event = serde_json::to_value(event).unwrap();
                Some(format!("{node}  {}", prose.variant(&event)))
            }
            Sight::Sent { packet, way } => self.packet_line(packet, *way),
            Sight::Died { node } => Some(format!("{node}  dies")),
            Sight::Called { call } => {
                let call = &self.world.calls[call.0];
                let op = serde_json::to_value(&call.op).unwrap();
                Some(format!("c{}  {}", call.client.0, prose.variant(&op)))
            }
            Sight::Ended { call } => {
                let call = &self.world.calls[call.0];
                let (_, conclusion) = call.ended.as_ref()?;
                Some(format!("c{}  => {}", call.client.0, Self::conclusion(conclusion)))
            }
        }
    }

    fn packet_line(&self, packet: &Packet<S::Replica>, way: Way) -> Option<String> {
        let is_watched = self.watched.contains(&packet_kind(packet)) || self.watched.contains(EVERYTHING);
        let fate = match way {
            Way::Usual => "",
            Way::Lost => "  (lost)",
            Way::Held => "  (held)",
            Way::Doubled => "  (twice)",
            Way::Released => "  (released)",
        };
        let content = Self::prose().variant(&content(packet));
        let (from, to) = (shown_place(packet.from), shown_place(packet.to));
        is_watched.then(|| format!("{from} -> {to}  {content}{fate}"))
    }

    fn conclusion(conclusion: &Conclusion<<S::Session as Session>::Answer>) -> String {
        match conclusion {
            Conclusion::Answered(answer) => Self::prose().variant(&serde_json::to_value(answer).unwrap()),
            Conclusion::NeverSent => "never sent".to_owned(),
            Conclusion::Unknown => "unknown".to_owned(),
        }
    }

    fn prose() -> Prose {
        Prose {
            noise: S::NOISE,
            first: S::FIRST,
            abbreviate: S::abbreviate,
        }
    }
}

impl<S: Scripted> Runner for Stage<S> {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut words = Words::of(command);
        let said = self.carry_out(&command.name, &mut words)?;
        words.end()?;
        Ok(self.seen() + &said)
    }

    fn end_script(&mut self) -> Result<(), Box<dyn Error>> {
        self.judge()
    }
}

fn shown_place(place: Place) -> String {
    match place {
        Place::Node(node) => node.to_string(),
        Place::Client(client) => format!("c{}", client.0),
    }
}

fn shown_time(at: Time) -> String {
    format!("{:.1} ms", at.as_nanos() as f64 / 1e6)
}

//! The scripts of `testdata/pb/view-service`, played ping by ping.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use goldenscript::{Command, Context, Runner};
use systems::NodeId;
use systems::pb::event::Acknowledgement;
use systems::pb::{Event, Member, Stamp, View};

use super::{Office, Ping};
use crate::script::{Words, run_all};

/// A view service that scripts speak to.
///
/// `ping n1 2`: n1 pings with the number of the view it has taken up. `wait 6 n1=2 n3=0`: so many intervals go by, and these ping in
/// each. `reborn n1`: it pings as another life from now on (shown with a dash: `n1'`). `remember n1`: of the last answer to n1, for
/// `ghost n1 2`, a ping of its first life that echoes it (or, with `echo=none`, nothing). `restart`, `lose-disk`, `stand-still 100`: what
/// happens to the view service. `look`: it looks who is silent. `ask`: what a client is told. `open`: another view service, and
/// `open two`: one in view 2(n1, n2), acknowledged.
struct Counter {
    office: Office,
    ghosts: BTreeMap<NodeId, Stamp>,
}

impl Counter {
    fn open() -> Self {
        Self {
            office: Office::open(),
            ghosts: BTreeMap::new(),
        }
    }

    fn carry_out(&mut self, name: &str, words: &mut Words<'_>) -> Result<String, Box<dyn Error>> {
        match name {
            "open" => self.open_anew(words)?,
            "ping" => return self.ping(words),
            "ghost" => return self.ghost(words),
            "remember" => self.remember(words)?,
            "reborn" => self.office.reborn(words.parse("node")?),
            "wait" => return self.wait(words),
            "restart" => self.office.restart(),
            "lose-disk" => self.office.disk.clear(),
            "stand-still" => self.office.stand_still(words.parse("number of intervals")?),
            "look" => self.office.look(),
            "ask" => return Ok(self.asked()),
            other => return Err(format!("{other} is no command").into()),
        }
        Ok(self.events())
    }

    fn open_anew(&mut self, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        *self = Self::open();
        match words.next() {
            None => return Ok(()),
            Some("two") => {}
            Some(other) => return Err(format!("it cannot be opened with {other}").into()),
        }
        let (n1, n2) = ("n1".parse()?, "n2".parse()?);
        for (node, acknowledged) in [(n1, 0), (n1, 1), (n2, 0), (n2, 2), (n1, 2)] {
            self.office.ping(node, acknowledged);
        }
        self.office.events.clear();
        Ok(())
    }

    fn ping(&mut self, words: &mut Words<'_>) -> Result<String, Box<dyn Error>> {
        let node: NodeId = words.parse("node")?;
        let told = self.office.ping(node, words.parse("number")?);
        Ok(self.events() + &answer(node, told.as_ref()))
    }

    fn ghost(&mut self, words: &mut Words<'_>) -> Result<String, Box<dyn Error>> {
        let node: NodeId = words.parse("node")?;
        let echo = match words.key::<String>("echo")?.as_deref() {
            None => Some(*self.ghosts.get(&node).ok_or("nothing was remembered")?),
            Some("none") => None,
            Some(other) => return Err(format!("it cannot echo {other}").into()),
        };
        let told = self.office.ping_once(Ping {
            node,
            life: 0,
            acknowledged: words.parse("number")?,
            echo,
        });
        Ok(self.events() + &answer(node, told.as_ref()))
    }

    fn remember(&mut self, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let node: NodeId = words.parse("node")?;
        let life = self.office.life(node);
        let echo = self.office.echo(node, life).ok_or("it was never answered")?;
        self.ghosts.insert(node, echo);
        Ok(())
    }

    fn wait(&mut self, words: &mut Words<'_>) -> Result<String, Box<dyn Error>> {
        let intervals: u32 = words.parse("number of intervals")?;
        let mut pings = Vec::new();
        for (node, number) in words.pairs() {
            pings.push((
                node.parse::<NodeId>().map_err(|_| format!("{node} is no node"))?,
                number.parse()?,
            ));
        }
        let mut seen = String::new();
        for interval in 1..=intervals {
            self.office.wait(&pings);
            for line in self.events().lines() {
                writeln!(seen, "interval {interval}: {line}")?;
            }
        }
        Ok(seen)
    }

    fn asked(&mut self) -> String {
        let view = self.office.view();
        let state = match self.office.acknowledgement() {
            None => "",
            Some(Acknowledgement::Pending) => ", not acknowledged",
            Some(Acknowledgement::Given) => ", acknowledged",
        };
        view.as_ref()
            .map_or("no view".to_owned(), |view| shown(view) + state)
    }

    /// What the view service said of itself since it was last looked at.
    fn events(&mut self) -> String {
        let events = std::mem::take(&mut self.office.events);
        let lines = events.iter().filter_map(|event| match event {
            Event::ViewAnnounced { view } => Some(format!("announces {}\n", shown(view))),
            Event::ViewAcknowledged { view } => Some(format!("view {view} is acknowledged\n")),
            Event::ViewRecovered { view, .. } => Some(format!("recovers {}\n", shown(view))),
            Event::StoodStill { ms } => Some(format!("stood still for {ms} ms\n")),
            Event::Ignored { from, reason } => Some(format!("ignores {from}: {reason:?}\n")),
            _ => None,
        });
        lines.collect()
    }
}

impl Runner for Counter {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut words = Words::of(command);
        let said = self.carry_out(&command.name, &mut words)?;
        words.end()?;
        Ok(said)
    }
}

fn answer(node: NodeId, told: Option<&Option<View>>) -> String {
    match told {
        None => format!("{node} is not answered"),
        Some(None) => format!("{node} is told of no view"),
        Some(Some(view)) => format!("{node} is told {}", shown(view)),
    }
}

/// `2(n1, n2')`: a dash for every life that came before.
fn shown(view: &View) -> String {
    let member = |member: Member| format!("{}{}", member.node, "'".repeat(member.incarnation.0 as usize));
    let backup = view.backup.map_or("-".to_owned(), member);
    format!("{}({}, {backup})", view.number, member(view.primary))
}

#[test]
fn every_script_of_the_view_service_shows_what_it_says() {
    run_all("pb/view-service", Counter::open);
}

//! What a script can say.

use std::error::Error;

use systems::{Effect, NodeId, Replica};

use super::kinds::{kind, packet_kind};
use super::stage::{EVERYTHING, Expected};
use super::words::duration;
use super::{Scripted, Stage, Words};
use crate::world::{CallId, Moment, Packet, Place, RuleId, World};

/// The packets a rule is about.
#[derive(Debug, Clone)]
struct Meant {
    kind: String,
    from: Option<Place>,
    to: Option<Place>,
}

impl Meant {
    fn matches<R: Replica>(&self, packet: &Packet<R>) -> bool {
        self.from.is_none_or(|from| from == packet.from)
            && self.to.is_none_or(|to| to == packet.to)
            && (self.kind == EVERYTHING || self.kind == packet_kind(packet))
    }
}

impl<S: Scripted> Stage<S> {
    /// Carries a command out; what it says beyond what is seen.
    pub(super) fn carry_out(&mut self, name: &str, words: &mut Words<'_>) -> Result<String, Box<dyn Error>> {
        match name {
            "cluster" => self.set_up(S::config(words)?)?,
            "client" => self.add_client(words)?,
            "start" => self.each_node(words, World::start)?,
            "restart" => self.each_node(words, World::restart)?,
            "kill" => self.kill(words)?,
            "pause" => self.each_node(words, World::pause)?,
            "resume" => self.each_node(words, World::resume)?,
            "lose-disk" => self.each_node(words, World::lose_disk)?,
            "cut" => self.cut(words)?,
            "lose" | "hold" | "double" => self.rule(name, words)?,
            "end" | "keep" | "release" => self.end_rule(name, words)?,
            "heal" => self.heal(),
            "watch" => self.watch(words),
            "run" => self.world.run(duration(words.need("a time")?)?),
            "wait" => self.wait(words)?,
            "show" => return Ok(S::shown(&self.world.observer)),
            "check" => return self.check(words),
            "begin" => self.begin(words)?,
            own if S::act(&mut self.world, own, words)? => {}
            client => self.client_does(client, words)?,
        }
        Ok(String::new())
    }

    fn each_node(
        &mut self,
        words: &mut Words<'_>,
        what: fn(&mut World<S>, NodeId),
    ) -> Result<(), Box<dyn Error>> {
        while let Some(node) = words.next() {
            what(
                &mut self.world,
                node.parse().map_err(|_| format!("{node} is no node"))?,
            );
        }
        Ok(())
    }

    /// `kill n1`, now, or `kill n1 before persist announced`, `kill n1 after send forward`, when it comes to that.
    fn kill(&mut self, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let node: NodeId = words.parse("node")?;
        let moment = match words.next() {
            None => {
                self.world.kill(node);
                return Ok(());
            }
            Some("before") => Moment::BeforeEffect,
            Some("after") => Moment::AfterEffect,
            Some(other) => return Err(format!("{other} is neither before nor after").into()),
        };
        let effect = words.need("an effect")?.to_owned();
        let wanted = words.next().map(str::to_owned);
        self.world.doom(node, moment, move |it| {
            let (name, kind) = effect_kind(it);
            name == effect && wanted.as_ref().is_none_or(|wanted| *wanted == kind)
        });
        Ok(())
    }

    fn add_client(&mut self, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let name = words.need("a name")?.to_owned();
        let session = S::session(&self.world, words)?;
        let client = self.world.add_client(session);
        if name != format!("c{}", client.0) {
            return Err(format!("the next client is c{}", client.0).into());
        }
        self.clients.insert(name, client);
        Ok(())
    }

    /// `c1 put x 1`, and its end is waited for.
    fn client_does(&mut self, name: &str, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let call = self.invoke(name, words)?;
        self.wait_until(|world| world.conclusion(call).is_some())
    }

    /// `begin c1 put x 1`, and its end is not waited for.
    fn begin(&mut self, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let name = words.need("client")?;
        self.invoke(name, words).map(drop)
    }

    fn invoke(&mut self, name: &str, words: &mut Words<'_>) -> Result<CallId, Box<dyn Error>> {
        let client = self.clients.get(name);
        let client = *client.ok_or_else(|| format!("{name} is neither a command nor a client"))?;
        let call = self.world.invoke(client, S::op(words)?);
        self.calls.insert(client, call);
        Ok(call)
    }

    fn cut(&mut self, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let (one, other): (NodeId, NodeId) = (words.parse("node")?, words.parse("node")?);
        let rule = self.world.cut(one, other);
        self.rules.insert(format!("{one}-{other}"), rule);
        Ok(())
    }

    /// `hold sync from=n1 to=n2 next=1 as=late`.
    fn rule(&mut self, what: &str, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let kind = words.next().unwrap_or(EVERYTHING).to_owned();
        let name = words.key::<String>("as")?.unwrap_or_else(|| kind.clone());
        let next = words.key("next")?.unwrap_or(usize::MAX);
        let (from, to) = (self.place(words, "from")?, self.place(words, "to")?);
        let meant = Meant { kind, from, to };
        let matches = move |packet: &Packet<S::Replica>| meant.matches(packet);
        let rule = match what {
            "lose" => self.world.lose_next(next, matches),
            "hold" => self.world.hold_next(next, matches),
            _ => self.world.double(next, matches),
        };
        match self.rules.insert(name.clone(), rule) {
            Some(_) => Err(format!("there is a rule {name} already").into()),
            None => Ok(()),
        }
    }

    fn place(&self, words: &mut Words<'_>, key: &str) -> Result<Option<Place>, Box<dyn Error>> {
        let Some(name) = words.key::<String>(key)? else {
            return Ok(None);
        };
        let client = self.clients.get(&name).map(|&client| Place::Client(client));
        let place = client.map_or_else(|| name.parse().map(Place::Node), Ok);
        Ok(Some(place.map_err(|_| format!("{name} is nobody"))?))
    }

    /// `end RULE` sends what was held on its way, `keep RULE` holds it further but nothing new, `release RULE [reversed]` ends that.
    fn end_rule(&mut self, what: &str, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let name = words.need("a rule")?;
        let rule: RuleId = *self
            .rules
            .get(name)
            .ok_or_else(|| format!("there is no rule {name}"))?;
        match (what, words.next()) {
            ("keep", None) => {
                self.world.end_keeping(rule);
                return Ok(());
            }
            (_, Some("reversed")) => self.world.end_reversed(rule),
            (_, Some("but-first")) => {
                self.world.lose_one_held(rule);
                self.world.end(rule);
            }
            (_, None) => self.world.end(rule),
            (_, Some(other)) => return Err(format!("{other} is no way to end a rule").into()),
        }
        self.rules.remove(name);
        Ok(())
    }

    fn heal(&mut self) {
        self.world.end_all_rules();
        self.rules.clear();
    }

    /// From now on packets of these kinds are shown, and no others.
    fn watch(&mut self, words: &mut Words<'_>) {
        self.watched = std::iter::from_fn(|| words.next().map(str::to_owned)).collect();
    }

    fn wait(&mut self, words: &mut Words<'_>) -> Result<(), Box<dyn Error>> {
        let said: Vec<&str> = std::iter::from_fn(|| words.next()).collect();
        match said[..] {
            ["held", name] => {
                let rule = *self
                    .rules
                    .get(name)
                    .ok_or_else(|| format!("there is no rule {name}"))?;
                self.wait_until(|world| world.held(rule) > 0)
            }
            ["dead", name] => {
                let node: NodeId = name.parse().map_err(|_| format!("{name} is no node"))?;
                self.wait_until(|world| !world.running().contains(&node))
            }
            [name] if self.clients.contains_key(name) => {
                let call = self.calls[&self.clients[name]];
                self.wait_until(|world| world.conclusion(call).is_some())
            }
            _ => self.wait_until_holds(&said),
        }
    }

    fn wait_until_holds(&mut self, said: &[&str]) -> Result<(), Box<dyn Error>> {
        S::holds(&self.world, said)?;
        self.wait_until(|world| S::holds(world, said).is_ok_and(|holds| holds))
    }

    fn wait_until(&mut self, done: impl Fn(&World<S>) -> bool) -> Result<(), Box<dyn Error>> {
        if self.world.run_until(done) {
            Ok(())
        } else {
            Err("it never came true".into())
        }
    }

    /// `check copies` and `check run`.
    fn check(&mut self, words: &mut Words<'_>) -> Result<String, Box<dyn Error>> {
        match words.need("what to check")? {
            "copies" => {
                Ok(S::unequal_copies(&self.world).unwrap_or_else(|| "the copies are equal".to_owned()))
            }
            "run" => {
                self.verdict = Expected::Asked;
                let found = S::violations(&self.world);
                Ok(if found.is_empty() {
                    "nothing is wrong".to_owned()
                } else {
                    found.join("\n")
                })
            }
            other => Err(format!("{other} cannot be checked").into()),
        }
    }
}

/// What an effect is called, and the kind of what it is about.
fn effect_kind<R: Replica>(effect: &Effect<R>) -> (&'static str, String) {
    match effect {
        Effect::Send { message, .. } => ("send", kind(message)),
        Effect::Reply { response, .. } => ("reply", kind(response)),
        Effect::Persist(record) => ("persist", kind(record)),
        Effect::Compact(_) => ("compact", String::new()),
        Effect::Observe(event) => ("observe", kind(event)),
        Effect::Arm { .. } => ("arm", String::new()),
        Effect::Disarm(_) => ("disarm", String::new()),
    }
}

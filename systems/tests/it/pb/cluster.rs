//! A whole cluster: a view service, its servers, and clients that are patient or not.

use std::time::Duration;

use systems::pb::{ClientSession, Config, Patience, Persistence, SessionConfig, View};
use systems::{ClientId, NodeId};

use super::Pb;
use crate::world::{System, World, ms, n};

/// Says it again until it is answered.
pub(super) const STUBBORN: Patience = Patience {
    resend_after: Duration::from_millis(150),
    give_up_after: Duration::from_secs(600),
    persistence: Persistence::Retry,
};

/// Gives up after the first silence.
pub(super) const HASTY: Patience = Patience {
    resend_after: Duration::from_millis(250),
    give_up_after: Duration::from_secs(5),
    persistence: Persistence::GiveUp,
};

/// Says it once and waits for long.
pub(super) const PATIENT: Patience = Patience {
    resend_after: Duration::from_secs(60),
    give_up_after: Duration::from_secs(60),
    persistence: Persistence::GiveUp,
};

/// The view service.
pub(super) fn vs() -> NodeId {
    "vs".parse().unwrap()
}

impl World<Pb> {
    /// A view service and `servers` servers, none of them started.
    pub(crate) fn new(seed: u64, servers: usize) -> Self {
        let servers: Vec<NodeId> = (1..=servers).map(n).collect();
        Self::of(seed, Config::new(vs(), servers))
    }

    /// The same with the view service and the servers up to `running` started one after the other and, if there are two or more, a
    /// backup that holds everything.
    pub(crate) fn formed(seed: u64, config: Config, running: usize) -> Self {
        let mut world = Self::of(seed, config);
        world.start(vs());
        for number in 1..=running {
            world.start(n(number));
            world.run(ms(150));
        }
        if running > 1 {
            world.wait("the cluster is formed", |world| world.observer.formed());
        }
        world
    }

    pub(crate) fn client(&mut self, patience: Patience) -> ClientId {
        let config = SessionConfig::new(self.config.service, patience);
        self.add_client(ClientSession::new(config))
    }

    /// The newest view, as the view service has it.
    pub(crate) fn view(&self) -> View {
        self.observer.newest().expect("there is a view").clone()
    }

    /// The newest view in short, like `3(n1, n2)`.
    pub(crate) fn shown_view(&self) -> String {
        Pb::shown(&self.observer)
    }

    pub(crate) fn wait_for_view(&mut self, shown: &str) {
        self.wait(shown, |world| world.shown_view() == shown);
    }
}

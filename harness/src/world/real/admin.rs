//! The administrator's thread: it has a goal and asks the group for it until the group is so.

use std::collections::BTreeSet;
use std::io;
use std::thread::{Builder, JoinHandle};

use systems::NodeId;
use tokio::runtime;
use tokio::sync::watch::{self, Receiver, Sender};
use tokio::task::LocalSet;

use crate::adapter::{Administration, Administrator};

/// A handle on the thread; the thread ends with it.
#[derive(Debug)]
pub struct AdminThread {
    goal: Option<Sender<Option<BTreeSet<NodeId>>>>,
    thread: Option<JoinHandle<()>>,
}

impl AdminThread {
    /// A thread on which an administrator of `administration` lives that wants nothing yet.
    ///
    /// # Errors
    /// When the system refuses a thread or its event queue.
    pub fn start(administration: Box<dyn Administration>) -> io::Result<Self> {
        let (goal, wanted) = watch::channel(None);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = Builder::new().name("admin".to_owned()).spawn(move || {
            LocalSet::new().block_on(&runtime, live(administration.open(), wanted));
        })?;
        Ok(Self {
            goal: Some(goal),
            thread: Some(thread),
        })
    }

    /// The group shall have these members.
    pub fn want(&self, members: BTreeSet<NodeId>) {
        if let Some(goal) = &self.goal {
            goal.send_replace(Some(members));
        }
    }
}

impl Drop for AdminThread {
    fn drop(&mut self) {
        self.goal = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked the changes that were wanted did not take place, and that was seen.
            drop(thread.join());
        }
    }
}

/// Asks for each goal until the group is so or there is another. The handle's end ends it in the middle of a change.
async fn live(mut admin: Box<dyn Administrator>, mut wanted: Receiver<Option<BTreeSet<NodeId>>>) {
    let mut closing = wanted.clone();
    let closed = async move { while closing.changed().await.is_ok() {} };
    let ask = async move {
        loop {
            let goal = wanted.borrow_and_update().clone();
            let reached = match &goal {
                Some(members) => admin.reshape(members).await,
                None => true,
            };
            if reached && wanted.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = closed => (),
        () = ask => (),
    }
}

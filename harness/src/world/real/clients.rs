//! The clients' thread: one asynchronous task a process, fed by channels.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use histories::{Completion, Invocation, Process};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::adapter::Clients;

/// A handle on the clients' thread; the thread ends with it.
#[derive(Debug)]
pub struct ClientThread {
    orders: Option<UnboundedSender<Order>>,
    completions: mpsc::Receiver<Completion>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Order {
    Invoke(Invocation),
    Retire(Process),
}

impl ClientThread {
    /// A thread on which `clients` live.
    ///
    /// # Errors
    /// When the system refuses a thread or its event queue.
    pub fn start(clients: Box<dyn Clients>) -> io::Result<Self> {
        let (orders, inbox) = unbounded_channel();
        let (outbox, completions) = mpsc::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = Builder::new().name("clients".to_owned()).spawn(move || {
            LocalSet::new().block_on(&runtime, dispatch(clients, inbox, outbox));
        })?;
        Ok(Self {
            orders: Some(orders),
            completions,
            thread: Some(thread),
        })
    }

    /// Hands `invocation` to its process's client.
    pub fn invoke(&self, invocation: Invocation) {
        self.order(Order::Invoke(invocation));
    }

    /// Closes the client of `process`.
    pub fn retire(&self, process: Process) {
        self.order(Order::Retire(process));
    }

    /// What has been completed; waits at most `limit` for the first.
    pub fn wait(&self, limit: Duration) -> Vec<Completion> {
        let first = match self.completions.recv_timeout(limit) {
            Ok(completion) => completion,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Vec::new(),
        };
        std::iter::once(first)
            .chain(self.completions.try_iter())
            .collect()
    }

    fn order(&self, order: Order) {
        let orders = self
            .orders
            .as_ref()
            .expect("the channel is open until the handle is dropped");
        orders
            .send(order)
            .expect("the clients' thread lives as long as its handle");
    }
}

impl Drop for ClientThread {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A client that panicked has already been reported by its completion never coming.
            drop(thread.join());
        }
    }
}

async fn dispatch(
    clients: Box<dyn Clients>,
    mut orders: UnboundedReceiver<Order>,
    done: mpsc::Sender<Completion>,
) {
    let clients: Rc<dyn Clients> = clients.into();
    let mut open: BTreeMap<Process, UnboundedSender<Invocation>> = BTreeMap::new();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Retire(process) => drop(open.remove(&process)),
            Order::Invoke(invocation) => {
                let process = invocation.process;
                let client = open
                    .entry(process)
                    .or_insert_with(|| live(process, &clients, &done));
                // A client whose task is gone is noticed by its operation never being concluded.
                drop(client.send(invocation));
            }
        }
    }
}

/// Starts the task of one client; it ends when its sender is dropped.
fn live(
    process: Process,
    clients: &Rc<dyn Clients>,
    done: &mpsc::Sender<Completion>,
) -> UnboundedSender<Invocation> {
    let (invoke, mut inbox) = unbounded_channel::<Invocation>();
    let (clients, done) = (Rc::clone(clients), done.clone());
    tokio::task::spawn_local(async move {
        let mut client = clients.open(process);
        while let Some(invocation) = inbox.recv().await {
            let outcome = client.invoke(&invocation).await;
            if done.send(Completion { process, outcome }).is_err() {
                break;
            }
        }
    });
    invoke
}

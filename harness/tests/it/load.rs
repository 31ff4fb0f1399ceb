//! A machine that has something else to do.
#![expect(clippy::disallowed_methods, reason = "the other work is done by threads")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Keeps this machine busy for as long as it lives.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn of(workers: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let work = || {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        Self {
            workers: (0..workers).map(|_| work()).collect(),
            over: Arc::clone(&over),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            // A worker that panicked has nothing to tell.
            drop(worker.join());
        }
    }
}

//! A process that is given so long, and not longer.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Ended(ExitStatus),
    /// It was ended.
    OutOfTime,
}

/// Runs `command` for `limit` at most; what it wrote to standard output.
pub fn run(mut command: Command, limit: Duration) -> (End, String) {
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let mut pipe = child.stdout.take().expect("it was asked for");
    let (sender, written) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let read = pipe.read_to_string(&mut text);
        // Whoever waits has given up then.
        let _ = sender.send(());
        read.map(|_| text).expect("the program writes text")
    });
    // Its output ends when it does.
    let in_time = written.recv_timeout(limit).is_ok();
    if !in_time {
        child.kill().expect("a child of ours can be ended");
    }
    let status = child.wait().expect("a child of ours can be waited for");
    let text = reader.join().expect("the reader does not panic");
    (
        if in_time {
            End::Ended(status)
        } else {
            End::OutOfTime
        },
        text,
    )
}

//! Clients' commands that wait for a slot, in order; bounded in number and bytes.

use std::collections::VecDeque;

use crate::group::Command;
use crate::paxos::Config;
use crate::service::kv::Op;

/// What waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    commands: VecDeque<Command<Op>>,
    bytes: usize,
}

impl Queue {
    /// Lets `command` wait, unless too much does already; then it is given back.
    pub(super) fn push(&mut self, command: Command<Op>, config: &Config) -> Result<(), Command<Op>> {
        let bytes = self.bytes + command.op.bytes();
        if config.queue_ops_max <= self.commands.len() || config.queue_bytes_max < bytes {
            return Err(command);
        }
        self.bytes = bytes;
        self.commands.push_back(command);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Command<Op>> {
        let command = self.commands.pop_front()?;
        self.bytes -= command.op.bytes();
        Some(command)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Command<Op>> {
        self.commands.iter()
    }
}

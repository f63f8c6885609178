//! Many commands in one crossing.

use std::collections::VecDeque;

use crate::bindings::host::redis::pipeline::{self, Command};
use crate::error::{Error, Result};
use crate::redis::{Connection, FromReply, Reply, reply};

/// Commands that are sent together. Each needs its own power and all of its keys granted; one that is refused refuses
/// them all before anything is sent. Not a transaction: one that fails does not stop those behind it.
#[derive(Clone, Debug, Default)]
#[must_use = "it is sent by `run`"]
pub struct Pipeline {
    commands: Vec<Command>,
}

impl Pipeline {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn command<A: AsRef<[u8]>>(mut self, name: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        self.add(name, arguments);
        self
    }

    pub fn add<A: AsRef<[u8]>>(&mut self, name: &str, arguments: impl IntoIterator<Item = A>) {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_vec()).collect();
        self.commands.push(Command { name: name.to_owned(), arguments });
    }

    pub fn len(&self) -> usize {
        self.commands.len()
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Sends them; one reply for each, in their order.
    pub fn run(&self, on: &Connection) -> Result<Replies> {
        let replies = reply::trees(pipeline::run(&on.raw, &self.commands)?)?;
        if replies.len() != self.commands.len() {
            return Err(Error::failed(format!("the host answered {} of {} commands", replies.len(), self.commands.len())));
        }
        Ok(Replies { replies: replies.into() })
    }
}

/// The replies of a pipeline, the first command's first.
#[derive(Clone, Debug)]
pub struct Replies {
    replies: VecDeque<Reply>,
}

impl Replies {
    /// The next reply as this type. A command that failed is an error here, and the next reply can still be taken.
    pub fn value<T: FromReply>(&mut self) -> Result<T> {
        let reply = self.replies.pop_front().ok_or_else(|| Error::failed("every reply of the pipeline was taken already"))?;
        reply.into_value()
    }
}

impl Iterator for Replies {
    type Item = Reply;

    /// The next reply as it is, a failed one included.
    fn next(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }
}

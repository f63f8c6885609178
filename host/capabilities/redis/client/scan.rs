//! A walk over all keys with SCAN, on a connection of its own, one server after the other.

use std::collections::VecDeque;

use super::reply::ServerError;
use super::request::Request;
use super::session::{Master, Way};
use super::wire::{Budget, Wire};
use super::{Failure, connect};

pub(in super::super) struct Walk {
    way: Way,
    waiting: VecDeque<Option<Master>>,
    wire: Option<Wire>,
    cursor: Vec<u8>,
    /// What the server is asked to match, if anything.
    pattern: Option<Vec<u8>>,
    /// How many keys it looks at for one answer.
    count: u32,
}

impl Walk {
    /// Connects to the first server.
    pub(in super::super) async fn open(
        masters: Vec<Option<Master>>,
        way: Way,
        pattern: Option<Vec<u8>>,
        count: u32,
    ) -> Result<Self, Failure> {
        let mut walk = Self { way, waiting: masters.into(), wire: None, cursor: b"0".to_vec(), pattern, count };
        walk.enter().await?;
        Ok(walk)
    }

    /// Goes on to the next server; false when there is none.
    async fn enter(&mut self) -> Result<bool, Failure> {
        let connected = match self.waiting.pop_front() {
            None => return Ok(false),
            Some(None) => connect::server(&self.way).await?,
            Some(Some(master)) => connect::node(&self.way, &master.0).await?,
        };
        self.wire = Some(connected.wire);
        self.cursor = b"0".to_vec();
        Ok(true)
    }

    /// One SCAN: hands over each key, and answers whether there is more. After a failure the walk is over.
    pub(in super::super) async fn step(&mut self, budget: &Budget, each: impl FnMut(&[u8])) -> Result<Result<bool, ServerError>, Failure> {
        let Some(mut wire) = self.wire.take() else { return Ok(Ok(false)) };
        let count = self.count.to_string();
        let mut words: Vec<&[u8]> = vec![b"SCAN", &self.cursor, b"COUNT", count.as_bytes()];
        if let Some(pattern) = &self.pattern {
            words.extend([b"MATCH".as_slice(), pattern]);
        }
        let mut request = Request::reading();
        request.add(&words, None);
        match wire.scan(request.bytes(), budget, each).await? {
            Err(error) => Ok(Err(error)),
            Ok(cursor) if cursor == b"0" => Ok(Ok(self.enter().await?)),
            Ok(cursor) => {
                self.cursor = cursor;
                self.wire = Some(wire);
                Ok(Ok(true))
            }
        }
    }
}

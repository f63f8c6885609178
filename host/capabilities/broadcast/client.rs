//! The servers of a ring: the only file that names the crate beneath. No text here holds an address or a key.

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, Value};

use super::limits;
use crate::capabilities::redis::client::{self, Target, Timeouts};

/// Why the servers did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Not reached, not ready, or lost. Trying again may help.
    Lost(String),
    /// It will not be different the next time.
    Refused(String),
    /// We are not let in.
    Rejected(String),
    /// Its address cannot be one.
    Unusable(String),
}

/// What a server answered to one command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Nothing,
    Number(i64),
    Text(Vec<u8>),
    List(Vec<Answer>),
    /// An error's first word.
    Failed(String),
}

impl Answer {
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn list(self) -> Vec<Answer> {
        if let Self::List(list) = self { list } else { Vec::new() }
    }

    /// The failure that this answer is, unless the key only holds something else than a layer keeps there.
    pub(super) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Failed(code) if code != "WRONGTYPE" => Some(refused(code)),
            _ => None,
        }
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        match value {
            Value::Int(number) => Self::Number(number),
            Value::BulkString(bytes) => Self::Text(bytes),
            Value::SimpleString(text) => Self::Text(text.into_bytes()),
            Value::Okay => Self::Text(b"OK".to_vec()),
            Value::Double(number) => Self::Text(number.to_string().into_bytes()),
            Value::Boolean(truth) => Self::Number(i64::from(truth)),
            Value::Array(values) | Value::Set(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Value::Map(pairs) => Self::List(pairs.into_iter().flat_map(|(key, value)| [key.into(), value.into()]).collect()),
            Value::ServerError(error) => Self::Failed(error.code().to_owned()),
            _ => Self::Nothing,
        }
    }
}

/// Commands for one server, sent and answered in one go.
#[derive(Default)]
pub(super) struct Batch(Pipeline);

impl Batch {
    pub(super) fn add(&mut self, words: &[&[u8]]) {
        let mut command = Cmd::new();
        for word in words {
            command.arg(*word);
        }
        self.0.add_command(command);
    }
}

/// The servers, each connected when it is first asked, and again after it was lost.
pub(super) struct Ring {
    shards: Vec<Shard>,
}

struct Shard {
    url: String,
    /// `` `, server 2 of 3` `` where there are several.
    which: String,
    connection: Option<MultiplexedConnection>,
}

impl Ring {
    pub(super) fn new(urls: &[String]) -> Self {
        let which = |index: usize| if urls.len() > 1 { format!(" (server {} of {})", index + 1, urls.len()) } else { String::new() };
        let shard = |(index, url): (usize, &String)| Shard { url: url.clone(), which: which(index), connection: None };
        Self { shards: urls.iter().enumerate().map(shard).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    /// Empty batches, one for each server.
    pub(super) fn batches(&self) -> Vec<Batch> {
        self.shards.iter().map(|_| Batch::default()).collect()
    }

    /// Asks all servers at once, each its own batch. A server that fails is connected anew the next time.
    pub(super) async fn ask(&mut self, batches: Vec<Batch>) -> Vec<Result<Vec<Answer>, Failure>> {
        join_all(self.shards.iter_mut().zip(batches).map(|(shard, batch)| shard.ask(batch))).await
    }

    /// Asks the first server.
    pub(super) async fn ask_first(&mut self, batch: Batch) -> Result<Vec<Answer>, Failure> {
        let mut batches = self.batches();
        if let Some(first) = batches.first_mut() {
            *first = batch;
        }
        self.ask(batches).await.into_iter().next().unwrap_or_else(|| Ok(Vec::new()))
    }
}

impl Shard {
    async fn ask(&mut self, batch: Batch) -> Result<Vec<Answer>, Failure> {
        if batch.0.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.try_to_ask(&batch.0).await;
        if answers.is_err() {
            self.connection = None;
        }
        answers
    }

    async fn try_to_ask(&mut self, pipeline: &Pipeline) -> Result<Vec<Answer>, Failure> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().await?);
        }
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        let values = connection.send_packed_commands(pipeline, 0, pipeline.len()).await.map_err(|error| self.broken(&error))?;
        let answers: Vec<Answer> = values.into_iter().map(Answer::from).collect();
        // A server that starts, or became a replica, answers each command alike: it is as good as lost.
        match answers.iter().find_map(|answer| answer.failure().filter(|failure| matches!(failure, Failure::Lost(_)))) {
            Some(failure) => Err(failure),
            None => Ok(answers),
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let which = &self.which;
        let target = Target::parse(&self.url).map_err(|problem| Failure::Unusable(format!("redis{which} cannot be used: {problem}")))?;
        let timeouts = Timeouts { connect: limits::CONNECT, answer: limits::ANSWER };
        target.client(timeouts).await.map_err(|failure| match failure {
            client::Failure::Unreachable(text) => {
                Failure::Lost(format!("redis{which} cannot be reached: {text}\nhint: `host config redis` shows where it is looked for"))
            }
            client::Failure::Timeout(_) => Failure::Lost(format!("redis{which} did not answer in time")),
            client::Failure::Rejected { code, .. } => refused(&code),
            client::Failure::TooMuch(text) => Failure::Refused(format!("redis{which}: {text}")),
        })
    }

    fn broken(&self, error: &redis::RedisError) -> Failure {
        let which = &self.which;
        match error.code() {
            _ if error.is_timeout() => Failure::Lost(format!("redis{which} did not answer in time")),
            Some(code) => refused(code),
            None => Failure::Lost(format!("the connection to redis{which} broke")),
        }
    }
}

/// What an error's first word means. The rest of its text may name keys and users, and is not told.
fn refused(code: &str) -> Failure {
    let passing = ["LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "UNKILLABLE", "NOREPLICAS"];
    if passing.contains(&code) {
        return Failure::Lost(format!("redis is not ready: it answers {code}"));
    }
    let meaning = match code {
        "NOPERM" => ": its user may not run the commands of a channel layer on its keys",
        "NOAUTH" | "WRONGPASS" => ": user or password are wrong",
        "OOM" => ": its memory is full",
        "CLUSTER" | "MOVED" | "ASK" | "CROSSSLOT" => ": it is a cluster, which Django Channels' layers cannot use",
        _ => "",
    };
    let text = format!("redis refuses{meaning} ({code})");
    if matches!(code, "NOAUTH" | "WRONGPASS") { Failure::Rejected(text) } else { Failure::Refused(text) }
}

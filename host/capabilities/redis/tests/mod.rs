//! Tests of the capability against real servers, through the Host functions, without a guest.

mod budget;
mod commands;
mod failover;
mod functions;
mod limits;
mod scan;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;
use wasmtime::component::{Resource, ResourceTable};

use crate::gate::journal::Journal;
use crate::gate::{Budgets, Gate, Leave};
use crate::grants::{BudgetGrants, RedisGrant, RedisPower};

use super::host::{Connection, Scan};
use super::pipeline::{Command, Reply};
use super::types::{ConnectOptions, Error, HostConnection as _, Keys};
use super::{RedisCtx, RedisView, pipeline, read};

pub(super) const ALL: &[RedisPower] = &[RedisPower::Read, RedisPower::Write, RedisPower::Delete, RedisPower::Publish];

/// A run without a guest.
pub(super) struct Run {
    pub(super) ctx: RedisCtx,
    pub(super) table: ResourceTable,
    pub(super) leave: watch::Sender<Leave>,
}

pub(super) type Answer<T> = Result<T, Error>;

/// A grant of these powers on these keys, and on channels `news.*`.
pub(super) fn grant(powers: &[RedisPower], keys: &[&str]) -> RedisGrant {
    RedisGrant {
        powers: powers.iter().copied().collect::<BTreeSet<_>>(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        channels: vec!["news.*".to_owned()],
        ..RedisGrant::default()
    }
}

impl Run {
    pub(super) fn new(url: &str, grant: RedisGrant) -> Self {
        Self::with_budget(url, grant, None)
    }

    pub(super) fn with_budget(url: &str, grant: RedisGrant, keys_deleted: Option<u64>) -> Self {
        let (leave, receiver) = watch::channel(Leave::Granted);
        let budgets = Budgets::new(BudgetGrants { keys_deleted, ..BudgetGrants::default() });
        let gate = Gate::new("test".to_owned(), budgets, Journal::nowhere(), receiver, false);
        let urls = BTreeMap::from([("default".to_owned(), url.to_owned()), ("other".to_owned(), url.to_owned())]);
        let grants = BTreeMap::from([("default".to_owned(), grant)]);
        Self { ctx: RedisCtx::new(gate, urls, grants), table: ResourceTable::new(), leave }
    }

    pub(super) fn view(&mut self) -> RedisView<'_> {
        RedisView { ctx: &mut self.ctx, table: &mut self.table }
    }

    pub(super) async fn try_open(&mut self, name: &str, options: ConnectOptions) -> Answer<Conn> {
        Ok(Conn(self.view().open(name.to_owned(), options).await.unwrap()?.rep()))
    }

    pub(super) async fn open(&mut self) -> Conn {
        self.try_open("default", DEFAULTS).await.unwrap()
    }

    /// Commands as lines, words parted by spaces.
    pub(super) async fn pipeline(&mut self, on: Conn, lines: &[&str]) -> Answer<Vec<Reply>> {
        let commands = lines.iter().map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default().to_owned();
            Command { name, arguments: words.map(|word| word.as_bytes().to_owned()).collect() }
        });
        pipeline::Host::run(&mut self.view(), on.borrow(), commands.collect()).await.unwrap()
    }

    pub(super) async fn get(&mut self, on: Conn, key: &str) -> Answer<Option<String>> {
        let value = read::Host::get(&mut self.view(), on.borrow(), key.as_bytes().to_owned()).await.unwrap()?;
        Ok(value.map(|value| String::from_utf8(value).unwrap()))
    }

    pub(super) async fn scan(&mut self, on: Conn, pattern: &str, batch: u32) -> Answer<Resource<Scan>> {
        read::HostScan::start(&mut self.view(), on.borrow(), pattern.as_bytes().to_owned(), batch).await.unwrap()
    }

    pub(super) async fn next(&mut self, scan: &Resource<Scan>) -> Answer<Option<Keys>> {
        read::HostScan::next(&mut self.view(), Resource::new_borrow(scan.rep())).await.unwrap()
    }

    /// All keys of a walk, sorted, each once.
    pub(super) async fn keys(&mut self, on: Conn, pattern: &str) -> Answer<Vec<String>> {
        let scan = self.scan(on, pattern, 10).await?;
        let mut all = BTreeSet::new();
        while let Some(keys) = self.next(&scan).await? {
            all.extend(texts(&keys));
        }
        read::HostScan::drop(&mut self.view(), scan).await.unwrap();
        Ok(all.into_iter().collect())
    }
}

pub(super) const DEFAULTS: ConnectOptions = ConnectOptions { connect_timeout_ms: 0, response_timeout_ms: 0 };

/// A connection's handle.
#[derive(Clone, Copy)]
pub(super) struct Conn(pub(super) u32);

impl Conn {
    pub(super) fn borrow(self) -> Resource<Connection> {
        Resource::new_borrow(self.0)
    }
}

/// Keys as they cross to a guest.
pub(super) fn packed(keys: &[&str]) -> Keys {
    let mut packed = Keys { bytes: Vec::new(), ends: Vec::new() };
    for key in keys {
        packed.bytes.extend_from_slice(key.as_bytes());
        packed.ends.push(packed.bytes.len() as u32);
    }
    packed
}

pub(super) fn texts(keys: &Keys) -> Vec<String> {
    let mut start = 0;
    let mut texts = Vec::new();
    for end in &keys.ends {
        texts.push(String::from_utf8_lossy(&keys.bytes[start..*end as usize]).into_owned());
        start = *end as usize;
    }
    texts
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_owned()
}

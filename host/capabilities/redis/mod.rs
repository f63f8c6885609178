//! `host:redis`: the Redis servers an operator configured, by name, with the powers and keys that were granted.
//!
//! A guest names a Redis and never learns its address, user or password, nor the prefix that the host puts
//! before its keys. Every key of every command is checked before anything is sent; a command that is not in
//! [`table`] does not exist. What is absent on purpose: scripts, transactions, subscriptions, blocking commands,
//! administration, and any command that reaches every key at once.

pub mod client;
mod error;
mod glob;
#[expect(unreachable_pub, reason = "bindgen re-exports the resources, which must be `pub` for that")]
mod host;
mod limits;
pub mod policy;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::gate::Gate;
use crate::grants::{RedisGrant, RedisPower};

use self::policy::Permit;

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/redis",
        world: "host:redis/imports",
        imports: { default: async | trappable },
        additional_derives: [PartialEq],
        with: {
            "host:redis/types.connection": crate::capabilities::redis::host::Connection,
            "host:redis/read.scan": crate::capabilities::redis::host::Scan,
        },
    });
}
use self::bindings::host::redis::{delete, pipeline, publish, read, types, write};

/// What one run may reach, and what it has open.
pub struct RedisCtx {
    gate: Gate,
    /// Addresses of all configured Redis servers, by name.
    urls: BTreeMap<String, String>,
    permits: BTreeMap<String, Permit>,
    open: Arc<AtomicUsize>,
    scans: Arc<AtomicUsize>,
}

impl RedisCtx {
    pub fn new(gate: Gate, urls: BTreeMap<String, String>, grants: BTreeMap<String, RedisGrant>) -> Self {
        let permits = grants.into_iter().map(|(name, grant)| (name.clone(), Permit::new(gate.command(), &name, grant))).collect();
        Self { gate, urls, permits, open: Arc::default(), scans: Arc::default() }
    }

    /// Nothing is left to do at the end of a run: connections close when the store that holds them is dropped, and
    /// a change that was sent is done by the server or not, whatever happens here.
    pub async fn shutdown(&mut self) {
        self.urls.clear();
    }
}

/// The context and the store's table, borrowed for one call.
pub struct RedisView<'a> {
    pub ctx: &'a mut RedisCtx,
    pub table: &'a mut ResourceTable,
}

struct HasRedis;

impl HasData for HasRedis {
    type Data<'a> = RedisView<'a>;
}

/// Links what all powers share and the interface of each power; the others do not exist for the guest.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    powers: &BTreeSet<RedisPower>,
    view: fn(&mut T) -> RedisView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, HasRedis>(linker, view)?;
    for power in powers {
        match power {
            RedisPower::Read => read::add_to_linker::<T, HasRedis>(linker, view)?,
            RedisPower::Write => write::add_to_linker::<T, HasRedis>(linker, view)?,
            RedisPower::Delete => delete::add_to_linker::<T, HasRedis>(linker, view)?,
            RedisPower::Publish => publish::add_to_linker::<T, HasRedis>(linker, view)?,
        }
    }
    pipeline::add_to_linker::<T, HasRedis>(linker, view)
}

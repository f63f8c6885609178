//! `host:broadcast`: the websocket connections of the application, by label, with the powers that were granted.
//!
//! A guest sees labels and numbers, and never a channel's name, a key or an address. Labels outside of the granted
//! patterns do not exist for it. What is absent on purpose: messages of a guest's own, deleting anything (members and
//! counts are the application's to tidy), and sending between two calls of `step`.

mod book;
mod client;
mod error;
#[expect(unreachable_pub, reason = "bindgen re-exports the resource, which must be `pub` for that")]
mod host;
mod limits;
mod listing;
mod pace;
mod plan;
pub mod policy;
mod runs;
mod sending;
mod start;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::channels::Settings;
use crate::gate::Gate;
use crate::grants::{BroadcastGrant, BroadcastPower};
use crate::own_folder::OwnFolder;

use self::policy::Permit;
use self::runs::Runs;

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/broadcast",
        world: "host:broadcast/imports",
        imports: { default: async | trappable },
        additional_derives: [PartialEq],
        with: { "host:broadcast/types.sending": crate::capabilities::broadcast::host::Broadcast },
    });
}
use self::bindings::host::broadcast::{drop, list, reload, types};

/// What one run may reach.
pub struct BroadcastCtx {
    gate: Gate,
    /// None without `[broadcast]` in host.toml.
    settings: Option<Settings>,
    permit: Permit,
    runs: Runs,
}

impl BroadcastCtx {
    /// `runs` is the folder that remembers interrupted broadcasts, `run_id` this run's own.
    pub fn new(gate: Gate, settings: Option<Settings>, grant: Option<BroadcastGrant>, runs: OwnFolder, run_id: String) -> Self {
        let permit = Permit::new(gate.command(), grant.unwrap_or_default());
        Self { gate, settings, permit, runs: Runs::new(runs, run_id) }
    }
}

/// The context and the store's table, borrowed for one call.
pub struct BroadcastView<'a> {
    pub ctx: &'a mut BroadcastCtx,
    pub table: &'a mut ResourceTable,
}

struct HasBroadcast;

impl HasData for HasBroadcast {
    type Data<'a> = BroadcastView<'a>;
}

/// Links what all powers share and the interface of each power; the others do not exist for the guest.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    powers: &BTreeSet<BroadcastPower>,
    view: fn(&mut T) -> BroadcastView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, HasBroadcast>(linker, view)?;
    for power in powers {
        match power {
            BroadcastPower::List => list::add_to_linker::<T, HasBroadcast>(linker, view)?,
            BroadcastPower::Drop => drop::add_to_linker::<T, HasBroadcast>(linker, view)?,
            BroadcastPower::Reload => reload::add_to_linker::<T, HasBroadcast>(linker, view)?,
        }
    }
    Ok(())
}

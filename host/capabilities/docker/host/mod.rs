//! The WIT functions: one file per interface. The first line of each is the gate.

mod build;
mod create;
mod exec;
mod inspect;
mod logs;
mod network;
mod pull;
mod remove;
mod shared;
mod start_stop;
mod types;
mod volume;

use std::sync::Arc;

use crate::gate::{Decision, Effect, Operation};
use crate::grants::DockerPower;

use super::DockerView;
use super::error::too_much;
use super::limits;
use super::scope::Scope;
use super::types::Error;

impl DockerView<'_> {
    pub(super) fn decide(&self, power: DockerPower) -> Decision {
        self.ctx.scope.permit.decide(power)
    }

    /// For work that outlives the call.
    pub(super) fn scope(&self) -> Arc<Scope> {
        Arc::clone(&self.ctx.scope)
    }
}

pub(super) fn operation(action: &'static str, target: &str, effect: Effect, detail: String) -> Operation {
    // The journal cuts further; what a guest names is not copied for it beyond what a name can be.
    let target = target.chars().take(200).collect();
    Operation { capability: "docker", action, target, effect, detail }
}

/// A name that is no name cannot be one of the project's.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    match name.len() > limits::NAME_BYTES {
        true => Err(too_much(format!("a name of {} bytes; at most {} are possible", name.len(), limits::NAME_BYTES))),
        false => Ok(()),
    }
}

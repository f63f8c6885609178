//! From trees to the model: each key read with the type it must have, and none left unread.

mod build;
mod deploy;
mod keys;
mod ports;
mod resources;
mod service;
mod top;
mod volumes;

use std::collections::BTreeMap;

use crate::error::Error;
use crate::node::{Entry, Node};
use crate::notes::Notes;

pub(crate) use keys::Keys;
pub(crate) use top::top;

/// What readers need beside the tree.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) project: &'a str,
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) notes: &'a Notes,
}

/// A map of things by name, each read by `read`.
fn each<'a, T>(
    node: &'a Node,
    path: &str,
    mut read: impl FnMut(&'a str, &'a Entry) -> Result<T, Error>,
) -> Result<BTreeMap<String, T>, Error> {
    if node.is_null() {
        return Ok(BTreeMap::new());
    }
    let map = node.as_map().ok_or_else(|| node.expected("a map", path))?;
    map.iter().map(|(key, entry)| Ok((key.clone(), read(key, entry)?))).collect()
}

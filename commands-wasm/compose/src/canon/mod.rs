//! One form for everything: each document is brought into Compose's long syntax before it is merged with others.
//!
//! Lists of `KEY=value` become maps, short volumes and ports their long form (port ranges one entry each), names
//! become maps of nothing; relative paths are joined with the folder of the file they stand in. What has a wrong
//! type is left as it is: whoever reads it says what was expected.

mod forms;
mod port;
mod service;
mod volume;

pub(crate) use port::range as port_range;

use crate::error::Error;
use crate::files;
use crate::node::{Entry, Map, Node, Value};
use crate::notes::Notes;

/// Where a document stands.
#[derive(Clone, Copy)]
pub(crate) struct Canon<'a> {
    /// What relative paths in it start from.
    pub(crate) folder: &'a str,
    pub(crate) notes: &'a Notes,
}

impl Canon<'_> {
    /// Brings a whole document into its long form.
    pub(crate) fn document(&self, node: &mut Node) -> Result<(), Error> {
        let kind = node.kind();
        let Value::Map(map) = &mut node.value else {
            return Err(Error::new(format!("a Compose file is a map of `services:` and the like, not {kind}")).at(&node.place));
        };
        for (key, entry) in map.iter_mut() {
            let Some(things) = entry.node.as_map_mut() else { continue };
            for (name, thing) in things.iter_mut() {
                let path = format!("{key}.{name}");
                match key.as_str() {
                    "services" => self.service(&mut thing.node, &path)?,
                    "networks" | "volumes" | "secrets" | "configs" => self.shared(&mut thing.node, &path)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// A network, volume, secret or config of the top level.
    fn shared(&self, node: &mut Node, path: &str) -> Result<(), Error> {
        let Some(map) = node.as_map_mut() else { return Ok(()) };
        if let Some(labels) = map.get_mut("labels") {
            forms::pairs(&mut labels.node, &format!("{path}.labels"))?;
        }
        if let Some(file) = map.get_mut("file") {
            self.path(&mut file.node);
        }
        if let Some(external) = map.get_mut("external") {
            let name = external.node.as_map_mut().map(|inside| inside.shift_remove("name"));
            if let Some(name) = name {
                let place = external.place.clone();
                let left = external.node.as_map().is_some_and(|inside| inside.keys().any(|key| !key.starts_with("x-")));
                if left {
                    return Err(external.node.expected("`true` or `false`", &format!("{path}.external")));
                }
                self.notes.warn(Some(&place), format!("`{path}.external` is a map: write `external: true` and `name:`"));
                external.node = Node::bool(&place, true);
                if let Some(name) = name {
                    map.entry("name".to_owned()).or_insert(name);
                }
            }
        }
        // A local volume that is a bind in disguise.
        let is = |map: &Map, key: &str, value: &str| map.get(key).is_some_and(|entry| entry.node.as_text() == Some(value));
        if path.starts_with("volumes.")
            && is(map, "driver", "local")
            && let Some(options) = at(map, "driver_opts").and_then(Node::as_map_mut).filter(|options| is(options, "o", "bind"))
            && let Some(device) = at(options, "device")
        {
            self.path(device);
        }
        Ok(())
    }

    /// A path as seen from the folder that all start from.
    fn path(&self, node: &mut Node) {
        if let Value::Text(path) = &mut node.value
            && !path.is_empty()
        {
            *path = files::join(self.folder, path);
        }
    }

    fn context(&self, node: &mut Node) {
        if node.as_text().is_some_and(is_local_context) {
            self.path(node);
        }
    }
}

/// Whether a build's context is a folder: neither a URL nor what another service builds.
pub(crate) fn is_local_context(context: &str) -> bool {
    let remote = ["github.com/", "git@", "service:"];
    !context.contains("://") && !remote.iter().any(|start| context.starts_with(start))
}

/// The key's node, if it is there.
fn at<'a>(map: &'a mut Map, key: &str) -> Option<&'a mut Node> {
    map.get_mut(key).map(|entry| &mut entry.node)
}

/// Sets a key that is not there.
fn default(map: &mut Map, key: &str, node: Node) {
    let place = node.place.clone();
    map.entry(key.to_owned()).or_insert(Entry { place, node });
}

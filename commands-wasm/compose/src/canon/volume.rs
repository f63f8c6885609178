//! `SOURCE:TARGET:OPTIONS` of a mount, `SOURCE:TARGET:PERMISSIONS` of a device.

use super::Canon;
use crate::error::Error;
use crate::files;
use crate::node::{Entry, Map, Node, Value};

const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
const CONSISTENCIES: [&str; 3] = ["cached", "delegated", "consistent"];

impl Canon<'_> {
    pub(super) fn volumes(&self, node: &mut Node, path: &str) -> Result<(), Error> {
        let Value::List(items) = &mut node.value else { return Ok(()) };
        for item in items {
            if let Some(text) = item.as_text() {
                *item = self.volume(text, item, path)?;
            } else if let Some(map) = item.as_map_mut() {
                let bind = map.get("type").is_some_and(|entry| entry.node.as_text() == Some("bind"));
                if let Some(source) = super::at(map, "source").filter(|_| bind) {
                    self.path(source);
                }
                if let Some(labels) = super::at(map, "volume").and_then(Node::as_map_mut).and_then(|section| super::at(section, "labels")) {
                    super::forms::pairs(labels, &format!("{path}.volume.labels"))?;
                }
            }
            if let Some(target) = item.as_map_mut().and_then(|map| super::at(map, "target"))
                && let Value::Text(text) = &mut target.value
                && text.starts_with('/')
            {
                *text = files::clean(text);
            }
        }
        Ok(())
    }

    fn volume(&self, text: &str, item: &Node, path: &str) -> Result<Node, Error> {
        let fail = |why: String| {
            Error::new(why).at(&item.place).key(path).hint("write SOURCE:TARGET, SOURCE:TARGET:ro or the long form with `type:`")
        };
        let parts = split(text);
        if parts.iter().any(String::is_empty) {
            let why = if text.is_empty() { "a volume is not empty".to_owned() } else { format!("`{text}` has nothing between two colons") };
            return Err(fail(why).hint("a variable in it may be empty"));
        }
        let (source, target, options) = match parts.as_slice() {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options] => (Some(source), target, options.as_str()),
            _ => return Err(fail(format!("`{text}` has too many colons"))),
        };
        let bind = source.is_some_and(|source| is_path(source));
        let leaf = |text: &str| Node::text(&item.place, text);
        let mut map = Map::new();
        let mut section = Map::new();
        let set = |map: &mut Map, key: &str, node: Node| map.insert(key.to_owned(), Entry { place: item.place.clone(), node });
        set(&mut map, "type", leaf(if bind { "bind" } else { "volume" }));
        if let Some(source) = source {
            let mut node = leaf(source);
            if bind {
                self.path(&mut node);
            }
            set(&mut map, "source", node);
        }
        set(&mut map, "target", leaf(target));
        if bind {
            set(&mut section, "create_host_path", Node::bool(&item.place, true));
        }
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option {
                "ro" => {
                    set(&mut map, "read_only", Node::bool(&item.place, true));
                }
                "rw" => {}
                "nocopy" if !bind => {
                    set(&mut section, "nocopy", Node::bool(&item.place, true));
                }
                "z" | "Z" if bind => {
                    set(&mut section, "selinux", leaf(option));
                }
                // A label of a volume is the engine's own affair, and harmless.
                "z" | "Z" => {}
                option if CONSISTENCIES.contains(&option) => {
                    set(&mut map, "consistency", leaf(option));
                }
                option if bind && PROPAGATIONS.contains(&option) => {
                    set(&mut section, "propagation", leaf(option));
                }
                option => self.notes.warn(
                    Some(&item.place),
                    format!("`{path}`: the option `{option}` of `{text}` is not known, and without effect, as with Compose"),
                ),
            }
        }
        set(&mut map, if bind { "bind" } else { "volume" }, Node::new(&item.place, Value::Map(section)));
        Ok(Node::new(&item.place, Value::Map(map)))
    }

    pub(super) fn devices(&self, node: &mut Node, path: &str) -> Result<(), Error> {
        let Value::List(items) = &mut node.value else { return Ok(()) };
        for item in items {
            if let Some(text) = item.as_text() {
                let parts: Vec<&str> = text.split(':').collect();
                let (source, target, permissions) = match parts.as_slice() {
                    [source] => (*source, *source, "rwm"),
                    [source, target] => (*source, *target, "rwm"),
                    [source, target, permissions] => (*source, *target, *permissions),
                    _ => return Err(Error::new(format!("`{text}` is not SOURCE:TARGET:PERMISSIONS")).at(&item.place).key(path)),
                };
                let leaf = |text: &str| Node::text(&item.place, text);
                *item = Node::map(&item.place, [("source", leaf(source)), ("target", leaf(target)), ("permissions", leaf(permissions))]);
            } else if let Some(map) = item.as_map_mut() {
                let source = map.get("source").map(|entry| entry.node.clone());
                if let Some(source) = source {
                    super::default(map, "permissions", Node::text(&source.place, "rwm"));
                    super::default(map, "target", source);
                }
            }
        }
        Ok(())
    }
}

/// The parts between colons. A drive's letter belongs to its path: `C:\\x`, or `c:/x` when a target follows; a volume
/// may have a name of one letter.
fn split(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let drive = match parts.as_slice() {
        [letter, path, rest @ ..] if letter.len() == 1 && letter.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
            path.starts_with('\\') || (path.starts_with('/') && rest.first().is_some_and(|target| target.starts_with('/')))
        }
        _ => false,
    };
    let skip = usize::from(drive);
    let first = parts.iter().take(skip + 1).copied().collect::<Vec<_>>().join(":");
    std::iter::once(first).chain(parts.iter().skip(skip + 1).map(|part| (*part).to_owned())).collect()
}

fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~']) || files::is_anchored(source)
}

//! The two ways of writing a list, a map of texts, a reference.

use crate::error::Error;
use crate::node::{Entry, Map, Node, Value};

/// `[KEY=value, NAME]` to `{KEY: value, NAME: null}`.
pub(super) fn pairs(node: &mut Node, path: &str) -> Result<(), Error> {
    let Value::List(items) = &node.value else { return Ok(()) };
    let mut map = Map::new();
    for item in items {
        let text = item.as_text().ok_or_else(|| item.expected("a string like `NAME=value`", path))?;
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if name.ends_with(char::is_whitespace) {
            return Err(Error::new(format!("`{}` ends with a space before the `=`", name.trim_end())).at(&item.place).key(path));
        }
        let value = value.map_or_else(|| Node::null(&item.place), |value| Node::text(&item.place, value));
        map.insert(name.to_owned(), Entry { place: item.place.clone(), node: value });
    }
    node.value = Value::Map(map);
    Ok(())
}

/// Names that no process can be given.
pub(super) fn variables(node: &Node, path: &str) -> Result<(), Error> {
    let is_none = |name: &str| name.is_empty() || name.contains(|letter: char| letter == '=' || letter.is_whitespace());
    match node.as_map().into_iter().flatten().find(|(name, _)| is_none(name)) {
        Some((name, entry)) => Err(Error::new(format!("`{name}` is not a variable's name")).at(&entry.place).key(path)),
        None => Ok(()),
    }
}

/// `[a, b]` to `{a: node of a, b: ...}`.
pub(super) fn named(node: &mut Node, path: &str, make: impl Fn(&Node) -> Node) -> Result<(), Error> {
    let Value::List(items) = &node.value else { return Ok(()) };
    let mut map = Map::new();
    for item in items {
        let name = item.as_text().ok_or_else(|| item.expected("a string", path))?;
        map.insert(name.to_owned(), Entry { place: item.place.clone(), node: make(item) });
    }
    node.value = Value::Map(map);
    Ok(())
}

/// `a` to `[a]`.
pub(super) fn list(node: &mut Node) {
    if node.as_text().is_some() {
        let item = Node { tag: crate::node::Tag::None, ..node.clone() };
        node.value = Value::List(vec![item]);
    }
}

/// `{name: address}` and `{name: [address, ...]}` to `[name=address]`; `name:address` to `name=address`.
pub(super) fn hosts(node: &mut Node, path: &str) -> Result<(), Error> {
    let mut out = Vec::new();
    match &node.value {
        Value::Map(map) => {
            for (name, entry) in map {
                let addresses = match &entry.node.value {
                    Value::List(addresses) => addresses.as_slice(),
                    _ => std::slice::from_ref(&entry.node),
                };
                for address in addresses {
                    let text = address.as_text().ok_or_else(|| address.expected("an address", &format!("{path}.{name}")))?;
                    out.push(host(name, text, address, path)?);
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let text = item.as_text().ok_or_else(|| item.expected("a string like `name=address`", path))?;
                let Some((name, addresses)) = text.split_once('=').or_else(|| text.split_once(':')) else {
                    return Err(Error::new(format!("`{text}` has no address")).at(&item.place).key(path).hint("write name=address"));
                };
                for address in addresses.split(',') {
                    out.push(host(name, address, item, path)?);
                }
            }
        }
        _ => return Ok(()),
    }
    node.value = Value::List(out);
    Ok(())
}

fn host(name: &str, address: &str, at: &Node, path: &str) -> Result<Node, Error> {
    if name.is_empty() || name.contains([':', '=']) {
        return Err(Error::new(format!("`{name}` is not a host's name")).at(&at.place).key(path));
    }
    let bare = address.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')).unwrap_or(address);
    Ok(Node::text(&at.place, format!("{name}={bare}")))
}

/// `name` to `{source: name}`.
pub(super) fn references(node: &mut Node) {
    let Value::List(items) = &mut node.value else { return };
    for item in items.iter_mut().filter(|item| item.as_text().is_some()) {
        let source = item.clone();
        *item = Node::map(&source.place.clone(), [("source", source)]);
    }
}

/// Numbers in a list to texts.
pub(super) fn texts(node: &mut Node) {
    let Value::List(items) = &mut node.value else { return };
    for item in items {
        if let (Value::Int(..) | Value::Float(..), Some(text)) = (&item.value, item.printed()) {
            item.value = Value::Text(text);
        }
    }
}

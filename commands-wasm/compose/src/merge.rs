//! A later file over an earlier one, by Compose's rules for each key.
//!
//! Maps are merged, lists appended, single values replaced, nothing leaves what is there; commands are replaced as a
//! whole; a logging section is replaced when its driver is another one. `!reset` takes away, `!override` replaces.
//! Both trees are in their long form. Lists that hold a thing once are made so by [`crate::unique`].

use crate::error::Error;
use crate::node::{Entry, Map, Node, Tag, Value};

enum Rule {
    /// By type: maps key by key, lists appended, the rest replaced.
    Usual,
    /// The later one as a whole, also when it is nothing.
    Replace,
    /// Maps key by key, where nothing counts as a value: a name taken from the environment.
    Pairs,
    /// As a whole, unless both have the same driver.
    Logging,
    /// Address pools with the same subnet.
    Pools,
}

fn rule(path: &[&str]) -> Rule {
    match path {
        ["services", _, "command" | "entrypoint"] | ["services", _, "healthcheck", "test"] | ["services", _, "ulimits", _] => Rule::Replace,
        ["services", _, "build", "ulimits", _] => Rule::Replace,
        ["services", _, "annotations" | "environment" | "labels" | "sysctls"] => Rule::Pairs,
        ["services", _, "build", "args" | "labels" | "additional_contexts"] | ["services", _, "deploy", "labels"] => Rule::Pairs,
        ["services", _, "logging"] => Rule::Logging,
        ["networks" | "volumes" | "secrets" | "configs", _, "labels"] => Rule::Pairs,
        ["networks", _, "ipam", "config"] => Rule::Pools,
        _ => Rule::Usual,
    }
}

/// `over` merged over `base`, at this path.
pub(crate) fn merge(base: Node, over: Node, path: &mut Vec<&str>) -> Result<Node, Error> {
    if over.tag != Tag::None || base.tag == Tag::Reset || base.is_null() {
        return Ok(over);
    }
    match rule(path) {
        Rule::Replace => return Ok(over),
        Rule::Logging if !same_driver(&base, &over) && over.as_map().is_some() => return Ok(over),
        Rule::Pools => {
            if let (Value::List(_), Value::List(_)) = (&base.value, &over.value) {
                return Ok(pools(base, over));
            }
        }
        Rule::Pairs | Rule::Usual | Rule::Logging => {}
    }
    if over.is_null() {
        return Ok(base);
    }
    match (base.value, over.value) {
        (Value::Map(old), Value::Map(new)) => {
            let null_counts = matches!(rule(path), Rule::Pairs);
            Ok(Node { place: over.place, tag: base.tag, value: Value::Map(merge_maps(old, new, path, null_counts)?) })
        }
        (Value::List(mut old), Value::List(new)) => {
            old.extend(new);
            Ok(Node { place: over.place, tag: base.tag, value: Value::List(old) })
        }
        (old @ (Value::Map(_) | Value::List(_)), new) => {
            let (old, new) = (Node { value: old, place: base.place, tag: base.tag }, Node { value: new, place: over.place, tag: over.tag });
            let error = Error::new(format!("{} cannot be merged over {}, which stands at {}", new.kind(), old.kind(), old.place));
            Err(error.at(&new.place).key(path.join(".")).hint("`!override` replaces instead of merging"))
        }
        (_, new) => Ok(Node { place: over.place, tag: base.tag, value: new }),
    }
}

fn merge_maps(mut old: Map, new: Map, path: &mut Vec<&str>, null_counts: bool) -> Result<Map, Error> {
    for (key, entry) in new {
        // The slot stays, so that the order is the first file's.
        let Some(slot) = old.get_mut(&key) else {
            old.insert(key, entry);
            continue;
        };
        let before = std::mem::replace(&mut slot.node, Node::null(&entry.place));
        let place = if entry.node.is_null() && !null_counts { slot.place.clone() } else { entry.place };
        let node = if null_counts && entry.node.tag == Tag::None { entry.node } else { below(before, entry.node, path, &key)? };
        *slot = Entry { place, node };
    }
    Ok(old)
}

fn below(base: Node, over: Node, path: &[&str], key: &str) -> Result<Node, Error> {
    let mut path: Vec<&str> = path.to_vec();
    path.push(key);
    merge(base, over, &mut path)
}

fn same_driver(base: &Node, over: &Node) -> bool {
    match (base.get("driver"), over.get("driver")) {
        (Some(base), Some(over)) => base.as_text() == over.as_text(),
        _ => true,
    }
}

/// Pools of the same subnet are merged, others added.
fn pools(base: Node, over: Node) -> Node {
    let (Value::List(mut pools), Value::List(new)) = (base.value, over.value) else { return Node::null(&over.place) };
    for pool in new {
        let subnet = pool.get("subnet").and_then(Node::as_text).map(str::to_owned);
        let same = pools.iter_mut().find(|old| old.get("subnet").and_then(Node::as_text).map(str::to_owned) == subnet);
        match (same, pool.value) {
            (Some(Node { value: Value::Map(old), .. }), Value::Map(new)) => old.extend(new),
            (_, value) => pools.push(Node { place: pool.place, tag: pool.tag, value }),
        }
    }
    Node { place: over.place, tag: base.tag, value: Value::List(pools) }
}

/// Forgets all tags, and what is reset: after this, nothing earlier is left to be reset.
pub(crate) fn settle(node: &mut Node) {
    node.tag = Tag::None;
    match &mut node.value {
        Value::List(nodes) => {
            nodes.retain(|node| node.tag != Tag::Reset);
            nodes.iter_mut().for_each(settle);
        }
        Value::Map(map) => {
            map.retain(|_, entry| entry.node.tag != Tag::Reset);
            map.values_mut().for_each(|entry| settle(&mut entry.node));
        }
        _ => {}
    }
}

//! Lists that hold a thing once: of two ports, mounts or names that are the same, the later one takes the place of
//! the earlier one.

use std::collections::HashMap;

use crate::node::{Node, Value};

/// Makes all such lists of a document hold things once.
pub(crate) fn enforce(node: &mut Node) {
    walk(node, &mut Vec::new());
}

fn walk(node: &mut Node, path: &mut Vec<String>) {
    match &mut node.value {
        Value::Map(map) => {
            for (key, entry) in map {
                path.push(key.clone());
                walk(&mut entry.node, path);
                path.pop();
            }
        }
        Value::List(nodes) => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            if let Some(identity) = identity(&path) {
                *nodes = once(std::mem::take(nodes), identity);
            }
        }
        _ => {}
    }
}

fn once(nodes: Vec<Node>, identity: fn(&Node) -> Option<String>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for node in nodes {
        let Some(key) = identity(&node) else {
            out.push(node);
            continue;
        };
        match seen.get(&key).and_then(|index| out.get_mut(*index)) {
            Some(slot) => *slot = node,
            None => {
                seen.insert(key, out.len());
                out.push(node);
            }
        }
    }
    out
}

/// What makes an element of the list at this path the same as another one.
fn identity(path: &[&str]) -> Option<fn(&Node) -> Option<String>> {
    let ["services", _, rest @ ..] = path else { return None };
    match rest {
        ["ports"] => Some(port),
        ["volumes" | "devices"] => Some(|node| text(node, "target")),
        ["secrets"] => Some(|node| mounted(node, "/run/secrets/")),
        ["configs"] => Some(|node| mounted(node, "/")),
        ["env_file"] => Some(|node| text(node, "path")),
        ["tmpfs"] => Some(|node| node.as_text().map(|text| text.split(':').next().unwrap_or_default().to_owned())),
        ["cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search" | "expose" | "links" | "profiles" | "label_file"] => Some(itself),
        ["external_links" | "security_opt" | "group_add" | "volumes_from" | "device_cgroup_rules" | "extra_hosts"] => Some(itself),
        ["build", "tags" | "platforms" | "extra_hosts" | "cache_from" | "cache_to"] => Some(itself),
        ["networks", _, "aliases" | "link_local_ips"] => Some(itself),
        _ => None,
    }
}

fn itself(node: &Node) -> Option<String> {
    node.as_text().map(str::to_owned)
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.as_text().map(str::to_owned)
}

fn mounted(node: &Node, folder: &str) -> Option<String> {
    text(node, "target").or_else(|| text(node, "source").map(|source| format!("{folder}{source}")))
}

fn port(node: &Node) -> Option<String> {
    let part = |key: &str| node.get(key).and_then(Node::printed).unwrap_or_default();
    node.as_map().map(|_| format!("{}:{}:{}/{}", part("host_ip"), part("published"), part("target"), part("protocol")))
}

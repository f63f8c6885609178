//! A service in its long form.

use super::{Canon, at, default, forms, port};
use crate::error::Error;
use crate::node::{Node, Value};

impl Canon<'_> {
    pub(super) fn service(&self, node: &mut Node, path: &str) -> Result<(), Error> {
        let Some(map) = node.as_map_mut() else { return Ok(()) };
        let below = |key: &str| format!("{path}.{key}");
        for (key, entry) in map.iter_mut() {
            let node = &mut entry.node;
            match key.as_str() {
                "annotations" | "labels" | "sysctls" => forms::pairs(node, &below(key))?,
                "environment" => {
                    forms::pairs(node, &below(key))?;
                    forms::variables(node, &below(key))?;
                }
                "build" => self.build(node, &below(key))?,
                "configs" | "secrets" => forms::references(node),
                "depends_on" => forms::named(node, &below(key), |item| {
                    let condition = Node::text(&item.place, "service_started");
                    Node::map(&item.place, [("condition", condition), ("required", Node::bool(&item.place, true))])
                })?,
                "deploy" => {
                    if let Some(labels) = node.as_map_mut().and_then(|deploy| at(deploy, "labels")) {
                        forms::pairs(labels, &below("deploy.labels"))?;
                    }
                }
                "devices" => self.devices(node, &below(key))?,
                "dns" | "dns_search" | "tmpfs" => {
                    forms::list(node);
                    without_empty(node);
                }
                "env_file" => self.env_files(node),
                "expose" | "group_add" => forms::texts(node),
                "extends" if node.as_text().is_some() => {
                    let service = node.clone();
                    *node = Node::map(&service.place.clone(), [("service", service)]);
                }
                "extra_hosts" => forms::hosts(node, &below(key))?,
                "gpus" if node.as_text() == Some("all") => {
                    let count = Node::map(&node.place, [("count", Node::text(&node.place, "all"))]);
                    node.value = Value::List(vec![count]);
                }
                "label_file" => {
                    forms::list(node);
                    self.paths(node);
                }
                "networks" => forms::named(node, &below(key), |item| Node::null(&item.place))?,
                "ports" => port::ports(node, &below(key))?,
                "volumes" => self.volumes(node, &below(key))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn build(&self, node: &mut Node, path: &str) -> Result<(), Error> {
        if node.as_text().is_some() {
            let context = Node { tag: crate::node::Tag::None, ..node.clone() };
            node.value = Node::map(&context.place.clone(), [("context", context)]).value;
        }
        let Some(map) = node.as_map_mut() else { return Ok(()) };
        for (key, entry) in map.iter_mut() {
            let node = &mut entry.node;
            let path = format!("{path}.{key}");
            match key.as_str() {
                "args" | "labels" => forms::pairs(node, &path)?,
                "additional_contexts" => {
                    forms::pairs(node, &path)?;
                    for entry in node.as_map_mut().into_iter().flat_map(|map| map.values_mut()) {
                        self.context(&mut entry.node);
                    }
                }
                "context" => self.context(node),
                "extra_hosts" => forms::hosts(node, &path)?,
                "no_cache_filter" => forms::list(node),
                "secrets" => forms::references(node),
                _ => {}
            }
        }
        Ok(())
    }

    fn env_files(&self, node: &mut Node) {
        forms::list(node);
        let Value::List(items) = &mut node.value else { return };
        for item in items {
            if item.as_text().is_some() {
                let path = item.clone();
                *item = Node::map(&path.place.clone(), [("path", path)]);
            }
            let place = item.place.clone();
            let Some(map) = item.as_map_mut() else { continue };
            if let Some(path) = at(map, "path") {
                self.path(path);
            }
            default(map, "required", Node::bool(&place, true));
        }
    }

    fn paths(&self, node: &mut Node) {
        if let Value::List(items) = &mut node.value {
            items.iter_mut().for_each(|item| self.path(item));
        }
    }
}

fn without_empty(node: &mut Node) {
    if let Value::List(items) = &mut node.value {
        items.retain(|item| item.as_text() != Some(""));
    }
}

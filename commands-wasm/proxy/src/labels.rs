//! One container's labels: which routers, services and middlewares they define.

use std::collections::BTreeMap;

use host_sdk::docker::Pair;
use host_sdk::serde_json::{Map, Value};

use crate::options::{self, Step};

/// `http` or `tcp`
pub(crate) type Protocol = &'static str;
/// `routers`, `services` or `middlewares`
pub(crate) type Section = &'static str;

pub(crate) const PROTOCOLS: [Protocol; 2] = ["http", "tcp"];
pub(crate) const SECTIONS: [Section; 3] = ["routers", "services", "middlewares"];

/// What a container's labels say. Names are compared without case, and kept as first written.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// `traefik.enable`, where it is there.
    pub(crate) enabled: Option<bool>,
    /// `traefik.docker.network`
    pub(crate) network: Option<String>,
    /// There are labels of routers, services or middlewares.
    pub(crate) routes: bool,
    items: BTreeMap<(Protocol, Section), BTreeMap<String, Item>>,
    /// What is not understood, with what is therefore left out.
    pub(crate) warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) body: Map<String, Value>,
}

impl Found {
    pub(crate) fn items(&self, protocol: Protocol, section: Section) -> impl Iterator<Item = &Item> {
        self.items.get(&(protocol, section)).into_iter().flat_map(BTreeMap::values)
    }
}

pub(crate) fn read(labels: &[Pair]) -> Found {
    let mut found = Found::default();
    let mut sorted: Vec<&Pair> = labels.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    // What has an option that is not understood is left out as a whole: half of a middleware may let anybody in.
    let mut broken = Vec::new();
    for Pair { name, value } in sorted {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "traefik.enable" => found.enable(value),
            "traefik.docker.network" => found.network = Some(value.clone()),
            _ => match route(name, &lower) {
                Some((protocol, section, item, path)) => {
                    found.routes = true;
                    if let Err(why) = found.set(protocol, section, item, path, value) {
                        found.warnings.push(format!("`{name}` {why}: {} `{item}` is left out", singular(section)));
                        broken.push((protocol, section, item.to_ascii_lowercase()));
                    }
                }
                None if lower.starts_with("traefik.") => found.warnings.push(format!("`{name}` is not supported")),
                None => {}
            },
        }
    }
    for (protocol, section, name) in broken {
        found.items.get_mut(&(protocol, section)).and_then(|items| items.remove(&name));
    }
    found
}

/// `traefik.http.routers.NAME.PATH`
fn route<'l>(label: &'l str, lower: &str) -> Option<(Protocol, Section, &'l str, &'l str)> {
    let protocol = PROTOCOLS.into_iter().find(|protocol| lower.starts_with(&format!("traefik.{protocol}.")))?;
    let section = SECTIONS.into_iter().find(|section| lower.starts_with(&format!("traefik.{protocol}.{section}.")))?;
    let rest = label.get(format!("traefik.{protocol}.{section}.").len()..)?;
    let (name, path) = rest.split_once('.')?;
    (!name.is_empty()).then_some((protocol, section, name, path))
}

fn singular(section: &str) -> &str {
    section.strip_suffix('s').unwrap_or(section)
}

impl Found {
    fn enable(&mut self, value: &str) {
        match options::value(options::Kind::Flag, value) {
            Ok(Some(Value::Bool(enabled))) => self.enabled = Some(enabled),
            _ => self.warnings.push(format!("`traefik.enable` is `{value}`, which is neither `true` nor `false`")),
        }
    }

    fn set(&mut self, protocol: Protocol, section: Section, name: &str, path: &str, value: &str) -> Result<(), String> {
        let (steps, kind) = options::find(protocol, section, path).ok_or("is not supported")?;
        let value = options::value(kind, value).map_err(|what| format!("must be {what}"))?;
        let items = self.items.entry((protocol, section)).or_default();
        let item = items.entry(name.to_ascii_lowercase()).or_insert_with(|| Item { name: name.to_owned(), body: Map::new() });
        put(&mut item.body, &steps, value);
        Ok(())
    }
}

/// Puts the value at its place; what is on the way there is made, also for a value that says nothing.
fn put(map: &mut Map<String, Value>, steps: &[Step], value: Option<Value>) {
    let Some((step, rest)) = steps.split_first() else { return };
    match (step.index, rest) {
        (None, []) => {
            // `tls=true` beside `tls.certresolver=x` adds nothing.
            let keeps = matches!((map.get(&step.key), &value), (Some(Value::Object(_)), Some(Value::Object(_))));
            if let Some(value) = value.filter(|_| !keeps) {
                map.insert(step.key.clone(), value);
            }
        }
        (None, rest) => {
            let entry = map.entry(step.key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = entry {
                put(inner, rest, value);
            }
        }
        (Some(index), rest) => {
            let entry = map.entry(step.key.clone()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = entry {
                while list.len() <= index {
                    list.push(Value::Object(Map::new()));
                }
                if let Some(Value::Object(inner)) = list.get_mut(index) {
                    put(inner, rest, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use host_sdk::docker::pair;
    use host_sdk::serde_json::json;

    use super::*;

    fn found(labels: &[(&str, &str)]) -> Found {
        let labels: Vec<Pair> = labels.iter().map(|(name, value)| pair(*name, *value)).collect();
        read(&labels)
    }

    fn body(found: &Found, section: Section) -> Value {
        let items: Map<String, Value> =
            found.items("http", section).map(|item| (item.name.clone(), Value::Object(item.body.clone()))).collect();
        Value::Object(items)
    }

    #[test]
    fn labels_become_the_tree_that_a_file_has() {
        let found = found(&[
            ("traefik.enable", "true"),
            ("traefik.docker.network", "reverse-proxy"),
            ("com.example.other", "x"),
            ("traefik.http.routers.Web.rule", "Host(`a`)"),
            ("traefik.http.routers.web.entrypoints", "web,websecure"),
            ("traefik.http.routers.web.tls", "true"),
            ("traefik.http.routers.web.tls.domains[1].main", "b"),
            ("traefik.http.routers.web.tls.domains[0].sans", "x,y"),
            ("Traefik.HTTP.Middlewares.small.Compress", "true"),
        ]);
        assert_eq!((found.enabled, found.network.as_deref(), found.routes), (Some(true), Some("reverse-proxy"), true));
        let expected = json!({ "Web": {
            "rule": "Host(`a`)", "entryPoints": ["web", "websecure"], "tls": { "domains": [{ "sans": ["x", "y"] }, { "main": "b" }] },
        } });
        assert_eq!(body(&found, "routers"), expected);
        assert_eq!(body(&found, "middlewares"), json!({ "small": { "compress": {} } }));
        assert_eq!(found.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_label_that_is_not_understood_is_named_and_takes_its_item_with_it() {
        let found = found(&[
            ("traefik.http.middlewares.auth.basicauth.usres", "a:b"),
            ("traefik.http.middlewares.auth.basicauth.realm", "x"),
            ("traefik.http.middlewares.gz.compress", "true"),
            ("traefik.http.routers.web.priority", "high"),
            ("traefik.udp.routers.x.service", "y"),
            ("traefik.tls.stores.default.defaultgeneratedcert.resolver", "le"),
            ("traefik.http.middlewares.p.plugin.x.y", "1"),
        ]);
        assert_eq!(body(&found, "middlewares"), json!({ "gz": { "compress": {} } }));
        assert_eq!(body(&found, "routers"), json!({}));
        let expected = [
            "`traefik.http.middlewares.auth.basicauth.usres` is not supported: middleware `auth` is left out",
            "`traefik.http.middlewares.p.plugin.x.y` is not supported: middleware `p` is left out",
            "`traefik.http.routers.web.priority` must be a whole number: router `web` is left out",
            "`traefik.tls.stores.default.defaultgeneratedcert.resolver` is not supported",
            "`traefik.udp.routers.x.service` is not supported",
        ];
        assert_eq!(found.warnings, expected);
    }

    #[test]
    fn a_label_without_a_value_says_nothing() {
        let found = found(&[("traefik.http.routers.web.tls.certresolver", ""), ("traefik.http.routers.web.middlewares", "")]);
        assert_eq!(body(&found, "routers"), json!({ "web": { "tls": {} } }));
    }
}

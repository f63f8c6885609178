//! The top level: services, and what they share.

use std::collections::BTreeMap;

use super::{Context, Keys, each};
use crate::error::Error;
use crate::model::{Ipam, IpamPool, Network, SecretOrConfig, Service, Volume};
use crate::names;
use crate::node::{Entry, Node};

/// All of a file, read.
pub(crate) struct Top {
    pub(crate) services: BTreeMap<String, Service>,
    pub(crate) networks: BTreeMap<String, Network>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) secrets: BTreeMap<String, SecretOrConfig>,
    pub(crate) configs: BTreeMap<String, SecretOrConfig>,
}

pub(crate) fn top(node: &Node, context: Context<'_>) -> Result<Top, Error> {
    let keys = Keys::of(node, "", context)?;
    keys.unsupported(&[("models", "a model is a service of its own: give it an image")])?;
    for applied in ["name", "version", "include"] {
        let _ = keys.node(applied);
    }
    let things = |key: &'static str| keys.node(key).map_or_else(|| Node::null(&keys.place), Clone::clone);
    let [services, networks, volumes, secrets, configs] = ["services", "networks", "volumes", "secrets", "configs"].map(things);
    old_format(node, &keys)?;
    let top = Top {
        services: each(&services, "services", |name, entry| {
            names::check_key(name, "service", &entry.place)?;
            super::service::service(name, entry, context)
        })?,
        networks: each(&networks, "networks", |key, entry| network(key, entry, context))?,
        volumes: each(&volumes, "volumes", |key, entry| volume(key, entry, context))?,
        secrets: each(&secrets, "secrets", |key, entry| secret(key, entry, context))?,
        configs: each(&configs, "configs", |key, entry| config(key, entry, context))?,
    };
    keys.finish()?;
    Ok(top)
}

/// Services at the top level, as in the first version of the format.
fn old_format(node: &Node, keys: &Keys<'_>) -> Result<(), Error> {
    let Some(map) = node.as_map() else { return Ok(()) };
    let old = |entry: &&Entry| entry.node.get("image").is_some() || entry.node.get("build").is_some();
    match map.iter().filter(|(key, _)| !key.starts_with("x-")).map(|(_, entry)| entry).find(old) {
        Some(entry) if !keys.has("services") => Err(Error::new("services stand below `services:`")
            .at(&entry.place)
            .hint("this is the first version of the format: write `services:` and indent the rest")),
        _ => Ok(()),
    }
}

/// Keys of a thing that may be nothing but its name.
fn keys_of<'a>(node: &'a Node, path: String, empty: &'a Node, context: Context<'a>) -> Result<Keys<'a>, Error> {
    Keys::of(if node.is_null() { empty } else { node }, path, context)
}

/// The name on the engine.
fn named(keys: &Keys<'_>, key: &str, external: bool) -> Result<String, Error> {
    let name = keys.text("name")?;
    Ok(name.unwrap_or_else(|| if external { key.to_owned() } else { format!("{}_{key}", keys.context.project) }))
}

fn refuse_beside_external(keys: &Keys<'_>, external: bool, others: &[&str]) -> Result<(), Error> {
    match others.iter().find(|other| external && keys.has(other)) {
        Some(other) => Err(keys.wrong(other, "stands beside `external`: what is there already is not described")),
        None => Ok(()),
    }
}

fn network(key: &str, entry: &Entry, context: Context<'_>) -> Result<Network, Error> {
    names::check_key(key, "network", &entry.place)?;
    let empty = Node::map(&entry.place, []);
    let keys = keys_of(&entry.node, format!("networks.{key}"), &empty, context)?;
    let external = keys.flag("external")?;
    refuse_beside_external(
        &keys,
        external,
        &["driver", "driver_opts", "ipam", "internal", "attachable", "labels", "enable_ipv6", "enable_ipv4"],
    )?;
    let network = Network {
        key: key.to_owned(),
        name: named(&keys, key, external)?,
        external,
        driver: keys.text("driver")?,
        driver_opts: keys.options("driver_opts")?,
        ipam: keys.sub("ipam")?.map(ipam).transpose()?.unwrap_or_default(),
        internal: keys.flag("internal")?,
        attachable: keys.flag("attachable")?,
        enable_ipv4: keys.bool("enable_ipv4")?,
        enable_ipv6: keys.bool("enable_ipv6")?,
        labels: keys.options("labels")?,
        place: entry.place.clone(),
    };
    keys.finish()?;
    Ok(network)
}

fn ipam(keys: Keys<'_>) -> Result<Ipam, Error> {
    let mut config = Vec::new();
    for item in keys.list("config")? {
        let pool = Keys::of(item, keys.below("config"), keys.context)?;
        config.push(IpamPool {
            subnet: pool.text("subnet")?,
            gateway: pool.text("gateway")?,
            ip_range: pool.text("ip_range")?,
            aux_addresses: pool.options("aux_addresses")?,
        });
        pool.finish()?;
    }
    let ipam = Ipam { driver: keys.text("driver")?, config, options: keys.options("options")? };
    keys.finish()?;
    Ok(ipam)
}

fn volume(key: &str, entry: &Entry, context: Context<'_>) -> Result<Volume, Error> {
    names::check_key(key, "volume", &entry.place)?;
    let empty = Node::map(&entry.place, []);
    let keys = keys_of(&entry.node, format!("volumes.{key}"), &empty, context)?;
    let external = keys.flag("external")?;
    refuse_beside_external(&keys, external, &["driver", "driver_opts", "labels"])?;
    let volume = Volume {
        key: key.to_owned(),
        name: named(&keys, key, external)?,
        external,
        driver: keys.text("driver")?,
        driver_opts: keys.options("driver_opts")?,
        labels: keys.options("labels")?,
        place: entry.place.clone(),
    };
    keys.finish()?;
    Ok(volume)
}

/// The one source of a secret or config, and the value of a variable.
struct Source {
    file: Option<String>,
    environment: Option<String>,
    content: Option<String>,
}

fn source(keys: &Keys<'_>, external: bool, allowed: &[&'static str]) -> Result<Source, Error> {
    let given: Vec<&str> = allowed.iter().copied().filter(|key| keys.has(key)).collect();
    if given.len() > 1 {
        return Err(keys.wrong(
            given.get(1).copied().unwrap_or_default(),
            format!("stands beside `{}`: one of {}", given.first().copied().unwrap_or_default(), allowed.join(", ")),
        ));
    }
    if given.is_empty() && !external {
        return Err(Error::new(format!("needs one of {}", allowed.join(", "))).at(&keys.place).key(&keys.path));
    }
    refuse_beside_external(keys, external, allowed)?;
    let environment = keys.text("environment")?;
    let written = if allowed.contains(&"content") { keys.text("content")? } else { None };
    let content = match &environment {
        None => written,
        Some(name) => {
            let value = keys.context.environment.get(name).cloned();
            if value.is_none() {
                keys.context.notes.warn(Some(&keys.place), format!("`{}`: the variable `{name}` is not set", keys.path));
            }
            value
        }
    };
    Ok(Source { file: keys.text("file")?, environment, content })
}

fn secret(key: &str, entry: &Entry, context: Context<'_>) -> Result<SecretOrConfig, Error> {
    names::check_key(key, "secret", &entry.place)?;
    let keys = Keys::of(&entry.node, format!("secrets.{key}"), context)?;
    keys.unsupported(&[
        ("driver", "secrets' drivers are for a swarm"),
        ("driver_opts", "secrets' drivers are for a swarm"),
        ("template_driver", "templates are for a swarm"),
    ])?;
    secret_or_config(key, entry, keys, &["file", "environment"])
}

fn config(key: &str, entry: &Entry, context: Context<'_>) -> Result<SecretOrConfig, Error> {
    names::check_key(key, "config", &entry.place)?;
    let keys = Keys::of(&entry.node, format!("configs.{key}"), context)?;
    keys.unsupported(&[("template_driver", "templates are for a swarm")])?;
    secret_or_config(key, entry, keys, &["file", "environment", "content"])
}

/// `from`: the keys of which one says where it comes from.
fn secret_or_config(key: &str, entry: &Entry, keys: Keys<'_>, from: &[&'static str]) -> Result<SecretOrConfig, Error> {
    let external = keys.flag("external")?;
    let source = source(&keys, external, from)?;
    let read = SecretOrConfig {
        key: key.to_owned(),
        name: named(&keys, key, external)?,
        external,
        file: source.file,
        environment: source.environment,
        content: source.content,
        labels: keys.options("labels")?,
        place: entry.place.clone(),
    };
    keys.finish()?;
    Ok(read)
}

//! `[redis.NAME]`, `[broadcast]`, and what a command is granted on them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Placed, Text, sections, text};
use crate::channels::{Mode, Settings};
use crate::grants::{BroadcastGrant, BroadcastPower, Power, RedisGrant, RedisPower, manifest};
use crate::outcome::Result;
use crate::project::document::{Item, Section};
use crate::project::{Environment, is_name, suggest};

/// Django Channels' own default.
const DEFAULT_PREFIX: &str = "asgi";
/// Servers of one ring: the slots are 4096.
const RING_BOUND: usize = 4096;

/// `[broadcast]`: how the application's workers listen.
#[derive(Clone, Debug)]
pub struct BroadcastSection {
    /// Configured names, the ring's first shard first.
    pub redis: Vec<Placed<String>>,
    pub prefix: Option<Text>,
    pub mode: Option<Placed<Mode>>,
}

/// `redis.NAME` of a command.
#[derive(Clone, Debug)]
pub struct RedisSection {
    pub powers: BTreeSet<RedisPower>,
    pub keys: Vec<Text>,
    pub prefix: Option<Text>,
    pub channels: Vec<Text>,
}

/// `broadcast` of a command.
#[derive(Clone, Debug)]
pub struct BroadcastGrantSection {
    pub powers: BTreeSet<BroadcastPower>,
    pub labels: Vec<Text>,
}

/// `[redis.NAME] url`
pub(super) fn servers(root: &Section<'_>) -> Result<BTreeMap<String, Text>> {
    let server = |(name, item): (&str, Item<'_>)| {
        if !is_name(name) {
            return Err(item.error("is no name for a Redis: letters, digits, `-` and `_`"));
        }
        let section = item.section()?;
        section.only(&["url"])?;
        Ok((name.to_owned(), Text::read(&section.require("url")?)?))
    };
    sections(root, "redis")?.into_iter().map(server).collect()
}

/// `[broadcast]`, whose servers must be configured.
pub(super) fn broadcast(root: &Section<'_>, servers: &BTreeMap<String, Text>) -> Result<Option<BroadcastSection>> {
    let Some(item) = root.get("broadcast") else { return Ok(None) };
    let section = item.section()?;
    section.only(&["redis", "prefix", "mode"])?;
    let redis = section.require("redis")?;
    let names = match redis.string() {
        Ok(one) => vec![(one, redis.clone())],
        Err(_) => redis.strings()?,
    };
    if names.is_empty() || names.len() > RING_BOUND {
        return Err(redis.error(&format!("names {} servers; a ring has 1 to {RING_BOUND}", names.len())));
    }
    let known: Vec<&str> = servers.keys().map(String::as_str).collect();
    for (name, item) in &names {
        if !known.contains(name) {
            let hint = if known.is_empty() { format!("[redis.{name}]\nurl = \"${{REDIS_URL}}\"") } else { suggest::hint(name, &known) };
            return Err(item.error(&format!("names `{name}`, but there is no [redis.{name}]")).hint(hint));
        }
    }
    let mode = section.get("mode").map(|item| mode(&item)).transpose()?;
    let redis = names.into_iter().map(|(name, item)| Placed { value: name.to_owned(), line: item.line() }).collect();
    Ok(Some(BroadcastSection { redis, prefix: text(&section, "prefix")?, mode }))
}

fn mode(item: &Item<'_>) -> Result<Placed<Mode>> {
    let word = item.string()?;
    let value = Mode::from_word(word)
        .ok_or_else(|| item.error(&format!("is `{word}`, which is no mode")).hint(suggest::hint(word, &Mode::ALL.map(Mode::word))))?;
    Ok(Placed { value, line: item.line() })
}

impl BroadcastSection {
    /// With addresses and variables looked up.
    pub fn settings(&self, servers: &BTreeMap<String, Text>, environment: &Environment) -> Result<Settings> {
        let url = |name: &Placed<String>| servers.get(&name.value).map(|url| url.resolve(environment));
        let prefix = self.prefix.as_ref().map(|prefix| prefix.resolve(environment)).transpose()?;
        Ok(Settings {
            redis: self.redis.iter().filter_map(url).collect::<Result<_>>()?,
            prefix: prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()),
            mode: self.mode.as_ref().map_or(Mode::Auto, |mode| mode.value),
        })
    }
}

impl RedisSection {
    pub(super) fn read(item: &Item<'_>) -> Result<Self> {
        let section = item.section()?;
        section.only(&["allow", "keys", "prefix", "channels"])?;
        let powers: BTreeSet<RedisPower> = manifest::powers(&section.require("allow")?)?;
        let list = |key| section.get(key).map(|item| globs(&item)).transpose().map(Option::unwrap_or_default);
        let read = Self { powers, keys: list("keys")?, prefix: text(&section, "prefix")?, channels: list("channels")? };
        if read.keys.is_empty() && read.prefix.is_none() && read.powers.iter().any(|power| *power != RedisPower::Publish) {
            return Err(item.error("says no `keys`, so that no key is granted").hint("keys = [\"${PROJECT_NAME}:cache:*\"]"));
        }
        if read.channels.is_empty() && read.powers.contains(&RedisPower::Publish) {
            return Err(item.error("says no `channels`, so that nothing can be published").hint("channels = [\"news.*\"]"));
        }
        Ok(read)
    }

    pub(super) fn grant(&self, environment: &Environment) -> Result<RedisGrant> {
        let all = |texts: &[Text]| texts.iter().map(|text| text.resolve(environment)).collect::<Result<Vec<_>>>();
        let prefix = self.prefix.as_ref().map(|prefix| prefix.resolve(environment)).transpose()?;
        Ok(RedisGrant { keys: all(&self.keys)?, prefix, channels: all(&self.channels)?, ..self.powers() })
    }

    /// As written: what a line for host.toml is compared with.
    pub(super) fn powers(&self) -> RedisGrant {
        let raw = |texts: &[Text]| texts.iter().map(|text| text.raw.clone()).collect();
        RedisGrant {
            powers: self.powers.clone(),
            keys: raw(&self.keys),
            prefix: self.prefix.as_ref().map(|prefix| prefix.raw.clone()),
            channels: raw(&self.channels),
            asked_keys: Vec::new(),
        }
    }
}

impl BroadcastGrantSection {
    pub(super) fn read(item: &Item<'_>) -> Result<Self> {
        let section = item.section()?;
        section.only(&["allow", "labels"])?;
        let powers = manifest::powers(&section.require("allow")?)?;
        let labels = globs(&section.require("labels")?)?;
        if labels.is_empty() {
            return Err(item.error("says no `labels`, so that none is granted").hint("labels = [\"*.production\"]"));
        }
        Ok(Self { powers, labels })
    }

    pub(super) fn grant(&self, environment: &Environment) -> Result<BroadcastGrant> {
        let labels = self.labels.iter().map(|label| label.resolve(environment)).collect::<Result<_>>()?;
        Ok(BroadcastGrant { powers: self.powers.clone(), labels })
    }

    pub(super) fn powers(&self) -> BroadcastGrant {
        BroadcastGrant { powers: self.powers.clone(), labels: self.labels.iter().map(|label| label.raw.clone()).collect() }
    }
}

/// Patterns, none of them empty: an empty one matches the empty key only, and is always a mistake.
fn globs(item: &Item<'_>) -> Result<Vec<Text>> {
    let glob = |(glob, item): (&str, Item<'_>)| match glob.is_empty() {
        true => Err(item.error("holds an empty pattern")),
        false => Text::read(&item),
    };
    item.strings()?.into_iter().map(glob).collect()
}

/// The words of a grant's powers, for `host config`.
pub(in crate::project) fn words<P: Power>(powers: &BTreeSet<P>) -> String {
    powers.iter().map(|power| power.word()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const SHOP: &str = r#"
[redis.default]
url = "${REDIS_URL:-redis://127.0.0.1:6379/0}"
[redis.second]
url = "redis://second"
[broadcast]
redis = ["default", "second"]
prefix = "venueless:0:asgi:"
mode = "core"
[commands.flush_cache]
redis.default = { allow = ["read", "delete"], keys = ["${PROJECT_NAME}:cache:*"] }
budgets.keys-deleted = 10000
[commands.connections]
broadcast = { allow = ["list", "drop"], labels = ["*.production"] }
budgets.connections-dropped = "50/s"
[commands.news]
redis.second.allow = ["publish"]
redis.second.channels = ["news.*"]
"#;

    fn environment() -> Environment {
        Environment::default().or_else("PROJECT_NAME", "shop")
    }

    #[test]
    fn servers_broadcast_and_grants_are_read() {
        let config = Config::parse(SHOP.as_bytes()).unwrap();
        let settings = config.broadcast.as_ref().unwrap().settings(&config.redis, &environment()).unwrap();
        assert_eq!(settings.redis, ["redis://127.0.0.1:6379/0", "redis://second"]);
        assert_eq!((settings.prefix.as_str(), settings.mode), ("venueless:0:asgi:", Mode::Core));
        let flush = config.commands["flush_cache"].grants(&environment()).unwrap();
        assert_eq!(flush.redis["default"].keys, ["shop:cache:*"]);
        assert_eq!(flush.budgets.keys_deleted, Some(10_000));
        let connections = config.commands["connections"].grants(&environment()).unwrap();
        assert_eq!(connections.broadcast.unwrap().labels, ["*.production"]);
        assert_eq!((connections.budgets.connections_dropped, connections.budgets.connections_dropped_rate), (None, Some(50)));
        assert_eq!(config.commands["news"].grants(&environment()).unwrap().redis["second"].channels, ["news.*"]);
        assert_eq!(config.commands["flush_cache"].powers().redis["default"].keys, ["${PROJECT_NAME}:cache:*"]);
    }

    #[test]
    fn mistakes_are_named_with_place_and_cure() {
        for (text, expected, hint) in [
            ("[redis.default]\nurll = \"x\"", "host.toml:2:1: unknown key `urll` in [redis.default]", "did you mean `url`?"),
            ("[broadcast]\nprefix = \"x\"", "host.toml:1:2: `redis` is missing in [broadcast]", ""),
            (
                "[broadcast]\nredis = \"default\"",
                "host.toml:2:1: `broadcast.redis` names `default`, but there is no [redis.default]",
                "[redis.default]",
            ),
            (
                "[redis.default]\nurl = \"x\"\n[broadcast]\nredis = \"default\"\nmode = \"cor\"",
                "host.toml:5:1: `broadcast.mode` is `cor`, which is no mode",
                "did you mean `core`?",
            ),
            ("[redis.a]\nurl = \"x\"\n[broadcast]\nredis = []", "host.toml:4:1: `broadcast.redis` names 0 servers", ""),
            (
                "[commands.x]\nredis.default = { allow = [\"read\"] }",
                "host.toml:2:7: `commands.x.redis.default` says no `keys`",
                "keys = [",
            ),
            (
                "[commands.x]\nredis.default = { allow = [\"publish\"] }",
                "host.toml:2:7: `commands.x.redis.default` says no `channels`",
                "channels = [",
            ),
            (
                "[commands.x]\nredis.default = { allow = [\"raed\"], keys = [\"*\"] }",
                "host.toml:2:28: `commands.x.redis.default.allow` names `raed`",
                "`read`",
            ),
            ("[commands.x]\nbroadcast = { allow = [\"drop\"] }", "host.toml:2:1: `labels` is missing in [commands.x.broadcast]", ""),
            ("[commands.x]\nbudgets.connections-dropped = \"fast\"", "host.toml:2:9: `commands.x.budgets.connections-dropped` must be", ""),
        ] {
            let failure = Config::parse(text.as_bytes()).map(|_| ()).unwrap_err();
            assert!(failure.message.starts_with(expected), "{failure}\nexpected {expected}");
            assert!(failure.hints.concat().contains(hint), "{:?}", failure.hints);
        }
    }
}

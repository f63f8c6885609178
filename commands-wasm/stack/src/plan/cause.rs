//! Why something is done.

use std::fmt;

use super::Until;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    NotThere,
    /// How it ended, in the engine's words.
    NotRunning(String),
    /// What of the compose file: `environment.DEBUG changed`.
    Keys(Vec<String>),
    /// The name means another image now.
    Image,
    /// The network that it was attached to is not there any more.
    Network(String),
    NotAttached(String),
    /// The same of the network.
    NetworkKeys(Vec<String>),
    Forced,
    /// Made by another program, whose hash says nothing of what changed.
    MadeElsewhere(String),
    /// What it shares something with is made anew.
    SharesWith(String),
    /// `depends_on: {restart: true}`
    RestartsWith(String),
    ScaledDown(u32),
    /// Another container has the same number.
    Duplicate,
    /// A run was ended before it was done.
    Unfinished,
    Orphan,
    /// The engine failed to remove it.
    Broken,
    /// It was asked for.
    Asked,
    PullPolicy,
    Until(Until),
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere => out.write_str("not there"),
            Self::NotRunning(how) if how.is_empty() => out.write_str("not running"),
            Self::NotRunning(how) => write!(out, "not running: {how}"),
            Self::Keys(keys) if keys.is_empty() => out.write_str("its configuration changed"),
            Self::Keys(keys) | Self::NetworkKeys(keys) => out.write_str(&listed(keys)),
            Self::Image => out.write_str("image changed"),
            Self::Network(name) => write!(out, "network {name} recreated"),
            Self::NotAttached(name) => write!(out, "not attached to network {name}"),
            Self::Forced => out.write_str("--force-recreate"),
            Self::MadeElsewhere(by) => write!(out, "made by {by}, nothing tells what changed since"),
            Self::SharesWith(service) => write!(out, "{service} recreated"),
            Self::RestartsWith(service) => write!(out, "restarts with {service}"),
            Self::ScaledDown(count) => write!(out, "scaled to {count}"),
            Self::Duplicate => out.write_str("another container has its number"),
            Self::Unfinished => out.write_str("an interrupted run left it"),
            Self::Orphan => out.write_str("its service is not in the compose file"),
            Self::Broken => out.write_str("dead"),
            Self::Asked => out.write_str("asked for"),
            Self::PullPolicy => out.write_str("pull_policy"),
            Self::Until(until) => write!(out, "until it is {}", until.word()),
        }
    }
}

/// More than these are counted.
const SHOWN: usize = 6;

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_keys_are_named_and_many_of_them_counted() {
        let keys = |count: usize| Cause::Keys((0..count).map(|number| format!("k{number} changed")).collect());
        assert_eq!(keys(1).to_string(), "k0 changed");
        assert_eq!(keys(6).to_string(), "k0 changed, k1 changed, k2 changed, k3 changed, k4 changed, k5 changed");
        assert_eq!(keys(8).to_string(), "k0 changed, k1 changed, k2 changed, k3 changed, k4 changed, k5 changed and 2 more");
        assert_eq!(keys(0).to_string(), "its configuration changed");
    }
}

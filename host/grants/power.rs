//! The powers that can be asked for and granted: each is an interface of its own, so that a component's
//! imports already say which it could use.

use std::collections::BTreeSet;

/// A power of one package of interfaces.
pub trait Power: Copy + Ord + std::fmt::Debug + 'static {
    const ALL: &'static [Self];
    /// `host:sql/`
    const PACKAGE: &'static str;

    /// The word in host.toml and in manifests, and the interface's name in the package.
    fn word(self) -> &'static str;

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|power| power.word() == word)
    }

    /// The powers among a component's imports: `host:sql/read@0.1.0` is `read`. `host:sql/types` is none.
    fn of_imports(imports: &BTreeSet<String>) -> BTreeSet<Self> {
        imports
            .iter()
            .filter_map(|import| import.strip_prefix(Self::PACKAGE))
            .filter_map(|rest| Self::from_word(rest.split_once('@').map_or(rest, |(interface, _)| interface)))
            .collect()
    }
}

/// Powers of `host:sql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SqlPower {
    Read,
    Write,
    Schema,
    Lock,
    Admin,
}

impl Power for SqlPower {
    const ALL: &'static [Self] = &[Self::Read, Self::Write, Self::Schema, Self::Lock, Self::Admin];
    const PACKAGE: &'static str = "host:sql/";

    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Schema => "schema",
            Self::Lock => "lock",
            Self::Admin => "admin",
        }
    }
}

/// Powers of `host:redis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RedisPower {
    Read,
    Write,
    Delete,
    Publish,
}

impl Power for RedisPower {
    const ALL: &'static [Self] = &[Self::Read, Self::Write, Self::Delete, Self::Publish];
    const PACKAGE: &'static str = "host:redis/";

    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Publish => "publish",
        }
    }
}

/// Powers of `host:broadcast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BroadcastPower {
    List,
    Drop,
    Reload,
}

impl Power for BroadcastPower {
    const ALL: &'static [Self] = &[Self::List, Self::Drop, Self::Reload];
    const PACKAGE: &'static str = "host:broadcast/";

    fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Drop => "drop",
            Self::Reload => "reload",
        }
    }
}

/// Powers of `host:docker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DockerPower {
    Inspect,
    Logs,
    StartStop,
    Create,
    Remove,
    Exec,
    Build,
    Pull,
    Network,
    Volume,
    /// Sees what is attached to a network that projects share, whoever it belongs to.
    Shared,
}

impl Power for DockerPower {
    const ALL: &'static [Self] = &[
        Self::Inspect,
        Self::Logs,
        Self::StartStop,
        Self::Create,
        Self::Remove,
        Self::Exec,
        Self::Build,
        Self::Pull,
        Self::Network,
        Self::Volume,
        Self::Shared,
    ];
    const PACKAGE: &'static str = "host:docker/";

    fn word(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Logs => "logs",
            Self::StartStop => "start-stop",
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Exec => "exec",
            Self::Build => "build",
            Self::Pull => "pull",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Shared => "shared",
        }
    }
}

/// Powers of every package: what a component imports, or what is linked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    pub sql: BTreeSet<SqlPower>,
    pub redis: BTreeSet<RedisPower>,
    pub broadcast: BTreeSet<BroadcastPower>,
    pub docker: BTreeSet<DockerPower>,
}

impl Powers {
    pub fn of_imports(imports: &BTreeSet<String>) -> Self {
        Self {
            sql: SqlPower::of_imports(imports),
            redis: RedisPower::of_imports(imports),
            broadcast: BroadcastPower::of_imports(imports),
            docker: DockerPower::of_imports(imports),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_name_powers_by_package_and_interface() {
        let imports = [
            "host:sql/read@0.1.0",
            "host:sql/types@0.1.0",
            "host:redis/delete@0.1.0",
            "host:broadcast/list@0.1.0",
            "host:docker/start-stop@0.1.0",
            "wasi:io/read",
        ];
        let powers = Powers::of_imports(&imports.iter().map(ToString::to_string).collect());
        assert_eq!(powers.sql, BTreeSet::from([SqlPower::Read]));
        assert_eq!(powers.redis, BTreeSet::from([RedisPower::Delete]));
        assert_eq!(powers.broadcast, BTreeSet::from([BroadcastPower::List]));
        assert_eq!(powers.docker, BTreeSet::from([DockerPower::StartStop]));
    }

    #[test]
    fn every_power_is_found_by_its_word() {
        fn all<P: Power + PartialEq>() -> bool {
            P::ALL.iter().all(|power| P::from_word(power.word()) == Some(*power)) && P::from_word("types").is_none()
        }
        assert!(all::<SqlPower>() && all::<RedisPower>() && all::<BroadcastPower>() && all::<DockerPower>());
    }
}

//! Names in Redis: of this gateway, of its connections, of what it keeps there. Pure.
//!
//! A connection is a member of `version.LABEL` like any of a Django Channels worker. Its name holds the gateway's
//! id (16 hex digits) first, so that members can be told apart by gateway. Besides what the layers define, a
//! gateway keeps, all on shard 0:
//!
//! | key | what |
//! | --- | --- |
//! | `host:gateways` | hash, id -> JSON: how its members are named; every gateway that was not reaped yet |
//! | `host:gateway:ID` | string `alive`, expires unless renewed: who has none is dead |
//! | `host:gateway:ID:counts` | hash, label -> what it added to `connections`, changed in one transaction with it |

use serde_json::{Value, json};

use crate::channels::{Mode, Settings, keys};

pub(super) const ALIVE: &str = "alive";

/// How one gateway's members are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    salt: u64,
    pub(super) prefix: String,
    /// Core or pubsub, never auto.
    pub(super) mode: Mode,
}

impl Identity {
    pub(super) fn new(settings: &Settings, mode: Mode) -> Self {
        Self { id: format!("{:016x}", rand::random::<u64>()), salt: rand::random(), prefix: settings.prefix.clone(), mode }
    }

    /// Of another gateway, as `host:gateways` tells it. One that cannot be read names its members as ours are named.
    pub(super) fn of(id: &str, told: &str, ours: &Self) -> Self {
        let told: Value = serde_json::from_str(told).unwrap_or_default();
        let text = |key: &str| told.get(key).and_then(Value::as_str);
        Self {
            id: id.to_owned(),
            salt: 0,
            prefix: text("prefix").unwrap_or(&ours.prefix).to_owned(),
            mode: text("mode").and_then(Mode::from_word).filter(|mode| *mode != Mode::Auto).unwrap_or(ours.mode),
        }
    }

    /// What others read with [`Self::of`].
    pub(super) fn told(&self) -> String {
        json!({"v": 1, "prefix": self.prefix, "mode": self.mode.word()}).to_string()
    }

    /// The member of a connection.
    pub(super) fn member(&self, connection: u64) -> String {
        match self.mode {
            Mode::Pubsub => keys::pubsub_channel(&self.prefix, &format!("{}{connection:016x}", self.id)),
            Mode::Auto | Mode::Core => format!("{}{connection:016x}{:016x}", self.queue_name(), self.salt),
        }
    }

    /// The connection that a channel belongs to; none when it is not one of ours.
    pub(super) fn connection(&self, channel: &str) -> Option<u64> {
        let digits = match self.mode {
            Mode::Pubsub => channel.strip_prefix(&keys::pubsub_channel(&self.prefix, &self.id)).filter(|rest| rest.len() == 16),
            Mode::Auto | Mode::Core => {
                channel.strip_prefix(&self.queue_name()).filter(|rest| rest.len() == 32).and_then(|rest| rest.get(..16))
            }
        };
        u64::from_str_radix(digits?, 16).ok()
    }

    /// The part of a core channel that names a queue, up to and including its mark; what a ring hashes.
    pub(super) fn queue_name(&self) -> String {
        format!("specific.{}{:016x}!", self.id, self.salt)
    }

    /// The core layer's queue of this gateway.
    pub(super) fn queue(&self) -> String {
        keys::core_queue(&self.prefix, &self.queue_name())
    }

    /// A glob of all members of this gateway.
    pub(super) fn members(&self) -> String {
        match self.mode {
            Mode::Pubsub => format!("{}*", escape(&keys::pubsub_channel(&self.prefix, &self.id))),
            Mode::Auto | Mode::Core => format!("specific.{}*", self.id),
        }
    }

    /// A glob of the channels that Channels' own `group_send` publishes to in the pubsub layer.
    pub(super) fn groups(&self) -> String {
        format!("{}*", escape(&self.group_channel("")))
    }

    /// The label of such a channel.
    pub(super) fn label_of<'a>(&self, channel: &'a str) -> Option<&'a str> {
        channel.strip_prefix(&self.group_channel(""))
    }

    fn group_channel(&self, label: &str) -> String {
        format!("{}__group__{}", self.prefix, keys::group(label))
    }

    /// The sorted set of a label's members.
    pub(super) fn group(&self, label: &str) -> String {
        match self.mode {
            Mode::Pubsub => keys::group(label),
            Mode::Auto | Mode::Core => keys::core_group(&self.prefix, label),
        }
    }

    /// The shard that [`Self::group`] is on.
    pub(super) fn group_shard(&self, label: &str, shards: usize) -> usize {
        match self.mode {
            Mode::Pubsub => 0,
            Mode::Auto | Mode::Core => crate::channels::ring::shard(&keys::group(label), shards),
        }
    }
}

/// So that a prefix means itself in a glob.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(mode: Mode) -> Identity {
        Identity { id: "00000000000000ab".to_owned(), salt: 0xcd, prefix: "shop:[a]:".to_owned(), mode }
    }

    #[test]
    fn members_are_named_as_the_layers_name_them() {
        let core = identity(Mode::Core);
        assert_eq!(core.member(7), "specific.00000000000000ab00000000000000cd!000000000000000700000000000000cd");
        assert_eq!(core.queue(), "shop:[a]:specific.00000000000000ab00000000000000cd!");
        assert_eq!(keys::queue_of(&core.member(7)), core.queue_name());
        let pubsub = identity(Mode::Pubsub);
        assert_eq!(pubsub.member(7), "shop:[a]:specific.00000000000000ab0000000000000007");
        assert_eq!(pubsub.members(), r"shop:\[a\]:specific.00000000000000ab*");
        assert_eq!(pubsub.label_of("shop:[a]:__group__version.a.b"), Some("a.b"));
        assert_eq!((core.group("a.b"), pubsub.group("a.b")), ("shop:[a]::group:version.a.b".to_owned(), "version.a.b".to_owned()));
    }

    #[test]
    fn a_connection_is_found_by_its_channel_and_by_no_other() {
        for mode in [Mode::Core, Mode::Pubsub] {
            let identity = identity(mode);
            assert_eq!(identity.connection(&identity.member(u64::MAX)), Some(u64::MAX));
            let member = identity.member(1);
            for other in [
                "",
                "specific.x!y",
                &member[..member.len() - 1],
                &format!("{member}0"),
                &member.replace("ab", "ac"),
                &member.replace("1", "ü"),
            ] {
                assert_eq!(identity.connection(other), None, "{other}");
            }
        }
    }

    #[test]
    fn what_a_gateway_tells_is_what_others_read() {
        let one = identity(Mode::Pubsub);
        let ours = Identity { prefix: "x".to_owned(), ..identity(Mode::Core) };
        assert_eq!(Identity::of(&one.id, &one.told(), &ours), Identity { salt: 0, ..one });
        assert_eq!(Identity::of("1", "rubbish", &ours), Identity { id: "1".to_owned(), salt: 0, ..ours.clone() });
        assert_eq!(Identity::of("1", r#"{"mode":"auto"}"#, &ours).mode, Mode::Core);
    }
}

//! The names of keys and channels, byte for byte as Django Channels' layers and the servers that count write them.

/// Hash on the first shard: label -> how many connections the application believes it has.
pub const ESTIMATES: &str = "connections";
/// What the key of [`alive`] holds.
pub const ALIVE_VALUE: &str = "exists";
/// Seconds that a label stays alive without being renewed.
pub const ALIVE_SECONDS: u64 = 60;
/// Seconds after which a member that is still listed is taken for forgotten.
pub const MEMBER_SECONDS: u64 = 86_400;
/// Seconds that a queue of the core layer keeps messages that nobody takes.
pub const QUEUE_SECONDS: u64 = 60;

/// String on the first shard that exists while the label's workers renew it.
pub fn alive(label: &str) -> String {
    format!("connections:{label}")
}

/// Hash on the first shard: the id of each gateway that nobody tidied up after yet.
pub const GATEWAYS: &str = "host:gateways";

/// String on the first shard that exists while a gateway renews it.
pub fn gateway_alive(id: &str) -> String {
    format!("host:gateway:{id}")
}

/// Hash on the first shard: label -> what a gateway added to [`ESTIMATES`], which is how many members it has.
pub fn gateway_counts(id: &str) -> String {
    format!("host:gateway:{id}:counts")
}

/// The 16 digits behind `specific.`: the id of the gateway, if the channel is one's.
pub fn gateway_of(channel: &str) -> Option<&str> {
    let (_, rest) = channel.rsplit_once("specific.")?;
    rest.get(..16)
}

/// The group of a label: what a ring hashes, and in the pubsub layer the key itself, on the first shard.
pub fn group(label: &str) -> String {
    format!("version.{label}")
}

/// The core layer's sorted set of a label's members. A prefix that ends in a colon gives two of them; so do the servers.
pub fn core_group(prefix: &str, label: &str) -> String {
    format!("{prefix}:group:{}", group(label))
}

/// The queue of a channel in the core layer: what a ring hashes.
pub fn queue_of(channel: &str) -> &str {
    match channel.find('!') {
        Some(end) => channel.get(..=end).unwrap_or(channel),
        None => channel,
    }
}

/// The core layer's sorted set of messages for a queue.
pub fn core_queue(prefix: &str, queue: &str) -> String {
    format!("{prefix}{queue}")
}

/// The pubsub layer's name of a channel made by this process: members are listed by it and messages published on it.
pub fn pubsub_channel(prefix: &str, id: &str) -> String {
    format!("{prefix}specific.{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_servers() {
        assert_eq!(core_group("venueless:0:asgi:", "411b261.production"), "venueless:0:asgi::group:version.411b261.production");
        assert_eq!(core_group("asgi", "a.b"), "asgi:group:version.a.b");
        assert_eq!(group("a.b"), "version.a.b");
        assert_eq!(alive("a.b"), "connections:a.b");
        assert_eq!(core_queue("asgi", "specific.0a!"), "asgispecific.0a!");
        assert_eq!(pubsub_channel("asgi", "0a"), "asgispecific.0a");
    }

    #[test]
    fn a_channel_of_a_gateway_names_it_in_both_layers() {
        for channel in ["specific.00112233445566778899aabbccddeeff!0123", "venueless:0:asgi:specific.0011223344556677000000000000002a"] {
            assert_eq!(gateway_of(channel), Some("0011223344556677"));
        }
        assert_eq!(gateway_of("specific.short"), None);
        assert_eq!(gateway_of("other"), None);
    }

    #[test]
    fn a_queue_is_a_channels_name_up_to_and_including_the_mark() {
        assert_eq!(queue_of("specific.0a!1b"), "specific.0a!");
        assert_eq!(queue_of("specific.0a!1b!2c"), "specific.0a!");
        assert_eq!(queue_of("plain"), "plain");
        assert_eq!(queue_of("é!ü"), "é!");
    }
}

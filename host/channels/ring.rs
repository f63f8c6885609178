//! Which server of a ring holds a name.

/// The shard of `name`: a group without its prefix, a queue up to and including its `!`, or a pubsub channel.
pub fn shard(name: &str, shards: usize) -> usize {
    if shards < 2 {
        return 0;
    }
    let place = usize::try_from(crc32fast::hash(name.as_bytes()) & 0xfff).unwrap_or_default();
    // The layers divide 4096 by the number of shards as floating numbers and round down; this is the same in integers.
    place * shards / 4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_where_channels_redis_looks_for_them() {
        // Made with channels_redis 4.3: `_consistent_hash(name, shards)`.
        let table = [
            ("version.411b261.production", 0, 0, 1),
            ("version.a.b", 0, 1, 2),
            ("version.unknown.unknown", 1, 2, 4),
            ("specific.0123456789abcdef0123456789abcdef!", 0, 1, 1),
            ("asgispecific.0123456789abcdef0123456789abcdef", 0, 1, 1),
            ("é", 1, 2, 4),
        ];
        for (name, two, three, five) in table {
            assert_eq!((shard(name, 1), shard(name, 2), shard(name, 3), shard(name, 5)), (0, two, three, five), "{name}");
        }
    }

    #[test]
    fn integers_divide_as_the_layers_floating_numbers_do() {
        for shards in 2..=64_u32 {
            for place in 0..4096_u32 {
                let theirs = (f64::from(place) / (4096.0 / f64::from(shards))).floor();
                assert!((f64::from(place * shards / 4096) - theirs).abs() < 0.5, "{place} of {shards}");
            }
        }
    }
}

//! Takes the connections of dead gateways out of Redis: members first, then, in one transaction that fails when
//! the dead one turns out to live, what it had added to the counts. Several gateways may do so at once.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd, pipe};

use super::Gateway;
use super::names::Identity;
use super::presence::CHUNK;
use crate::channels::keys;

/// Members that one step of a scan looks at.
const SCANNED: usize = 1_000;

/// Looks at all other gateways and removes the dead ones; answers how many live, ours included.
pub(super) async fn others(gateway: &Gateway, shards: &mut [MultiplexedConnection], ours: &Identity) -> RedisResult<usize> {
    let Some(first) = shards.first_mut() else { return Ok(0) };
    let known: BTreeMap<String, String> = cmd("HGETALL").arg(keys::GATEWAYS).query_async(first).await?;
    let others: Vec<_> = known.into_iter().filter(|(id, _)| *id != ours.id).collect();
    if others.is_empty() {
        return Ok(1);
    }
    let mut commands = pipe();
    for (id, _) in &others {
        commands.exists(keys::gateway_alive(id));
    }
    let alive: Vec<bool> = commands.query_async(first).await?;
    for ((id, told), _) in others.iter().zip(&alive).filter(|(_, alive)| !**alive) {
        let dead = Identity::of(id, told, ours);
        if let Some(connections) = bury(shards, &dead).await? {
            gateway.metrics.reaped(connections);
            gateway.log.info(&format!("gateway {id} is gone: its {connections} connections were taken out of Redis"));
        }
    }
    Ok(1 + alive.iter().filter(|alive| **alive).count())
}

/// None when somebody else did, or it lives.
async fn bury(shards: &mut [MultiplexedConnection], dead: &Identity) -> RedisResult<Option<u64>> {
    let counts_key = keys::gateway_counts(&dead.id);
    let count = shards.len();
    let Some(first) = shards.first_mut() else { return Ok(None) };
    let labels: Vec<String> = cmd("HKEYS").arg(&counts_key).query_async(first).await?;
    for label in &labels {
        if let Some(connection) = shards.get_mut(dead.group_shard(label, count)) {
            remove_members(connection, dead, label, |_| true).await?;
        }
    }
    let Some(first) = shards.first_mut() else { return Ok(None) };
    // From here on any change of these keys makes the transaction fail.
    let watched: RedisResult<()> = cmd("WATCH").arg(keys::gateway_alive(&dead.id)).arg(&counts_key).query_async(first).await;
    watched?;
    let mut look = pipe();
    look.exists(keys::gateway_alive(&dead.id)).hgetall(&counts_key).hexists(keys::GATEWAYS, &dead.id);
    let (alive, counts, known): (bool, BTreeMap<String, i64>, bool) = look.query_async(first).await?;
    if alive || !known {
        let unwatched: RedisResult<()> = cmd("UNWATCH").query_async(first).await;
        return unwatched.map(|()| None);
    }
    let mut commands = pipe();
    commands.atomic();
    for (label, count) in counts.iter().filter(|(_, count)| **count != 0) {
        commands.hincr(keys::ESTIMATES, label, -count);
    }
    commands.del(&counts_key).hdel(keys::GATEWAYS, &dead.id);
    let done: Option<Vec<Value>> = commands.query_async(first).await?;
    if done.is_none() {
        return Ok(None);
    }
    for label in counts.keys() {
        forget_zero(first, label).await?;
    }
    Ok(Some(counts.values().map(|count| u64::try_from(*count).unwrap_or(0)).sum()))
}

/// Removes members of one gateway's; answers how many there were.
pub(super) async fn remove_members(
    connection: &mut MultiplexedConnection,
    of: &Identity,
    label: &str,
    is_gone: impl Fn(&str) -> bool,
) -> RedisResult<u64> {
    let group = of.group(label);
    let pattern = of.members();
    let (mut cursor, mut removed) = (0_u64, 0);
    loop {
        let scan = cmd("ZSCAN").arg(&group).arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCANNED).to_owned();
        let (next, found): (u64, Vec<(String, f64)>) = scan.query_async(connection).await?;
        let gone: Vec<&String> = found.iter().map(|(member, _)| member).filter(|member| is_gone(member)).collect();
        for chunk in gone.chunks(CHUNK) {
            let count: u64 = cmd("ZREM").arg(&group).arg(chunk).query_async(connection).await?;
            removed += count;
        }
        cursor = next;
        if cursor == 0 {
            return Ok(removed);
        }
    }
}

/// A label that counts nothing any more is removed from the shared hash, unless somebody adds to it meanwhile:
/// labels are named after commits, and would pile up.
pub(super) async fn forget_zero(first: &mut MultiplexedConnection, label: &str) -> RedisResult<()> {
    let watched: RedisResult<()> = cmd("WATCH").arg(keys::ESTIMATES).query_async(first).await;
    watched?;
    let count: Option<String> = cmd("HGET").arg(keys::ESTIMATES).arg(label).query_async(first).await?;
    if count.as_deref() != Some("0") {
        return cmd("UNWATCH").query_async(first).await;
    }
    let mut commands = pipe();
    commands.atomic().hdel(keys::ESTIMATES, label);
    let done: RedisResult<Option<Vec<Value>>> = commands.query_async(first).await;
    done.map(|_| ())
}

//! Keeps Redis right about who is connected here.
//!
//! Joins and leaves are written in batches: however many come within a moment, they are a few commands in one
//! round trip. What this gateway added to the shared hash `connections` stands in a hash of its own
//! ([`super::names`]) that changes in the same transaction, so that after any failure the difference between
//! what should be there and what was written is known exactly, and nobody else's share is touched.
//!
//! After each connect everything is compared anew. While Redis is away clients are served as before.
//!
//! The time: a sixth of `--liveness` between two signs of life, which last for four sixths; each time the others
//! are looked at too ([`super::reap`]). So a killed gateway's connections are gone within `--liveness`, as long
//! as one gateway lives, or one is started again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisResult, pipe};
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};

use super::Gateway;
use super::link::{self, Pauses, Server};
use super::names::{self, Identity};
use super::reap;
use super::registry::{Handle, Note};
use crate::channels::{Mode, Settings, keys};

/// How long an answer of Redis may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Joins and leaves of this time are written together.
const BATCH: Duration = Duration::from_millis(20);
/// Members in one command.
pub(super) const CHUNK: usize = 500;
/// Longest time between two signs of life: a label's own lasts 60 seconds.
const LONGEST_BEAT: Duration = Duration::from_secs(15);
/// Members are written again so often: senders take those older than a day for forgotten.
const REFRESH: Duration = Duration::from_secs(6 * 3600);
/// How long taking everything out of Redis may take at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// Labels that are looked at to find out the layer.
const DETECTED: usize = 100;

/// The part of `--liveness` between two beats, and for which one lasts.
fn beats(liveness: Duration) -> (Duration, Duration) {
    ((liveness / 6).min(LONGEST_BEAT), liveness * 4 / 6)
}

/// Works until the gateway is over, then takes everything out of Redis. Tells the identity once the layer is known.
pub(super) async fn run(gateway: Arc<Gateway>, settings: Settings, servers: Vec<Server>, identity: watch::Sender<Option<Identity>>) {
    let mut pauses = Pauses::new();
    let mut told = false;
    loop {
        let mut up = false;
        let error = match session(&gateway, &settings, &servers, &identity, &mut up).await {
            Ok(()) => return,
            Err(error) => error,
        };
        gateway.registry.end_notes();
        gateway.metrics.redis(false);
        gateway.metrics.redis_lost();
        if up {
            (pauses, told) = (Pauses::new(), false);
        }
        if !std::mem::replace(&mut told, true) {
            gateway
                .log
                .warn(&format!("Redis cannot be reached ({}): clients are served, and registered once it is back", link::reason(&error)));
        }
        tokio::select! {
            () = pauses.rest() => {}
            () = gateway.closed(true) => return,
        }
    }
}

async fn session(
    gateway: &Arc<Gateway>,
    settings: &Settings,
    servers: &[Server],
    told: &watch::Sender<Option<Identity>>,
    up: &mut bool,
) -> RedisResult<()> {
    let mut shards = Vec::with_capacity(servers.len());
    for server in servers {
        shards.push(server.connect(PATIENCE).await?);
    }
    let known = told.borrow().clone();
    let identity = match known {
        Some(identity) => identity,
        None => {
            let mode = layer(&mut shards, settings, &gateway.settings.label).await?;
            let identity = Identity::new(settings, mode);
            told.send_replace(Some(identity.clone()));
            identity
        }
    };
    let (beat, lasts) = beats(gateway.settings.liveness);
    let mut writer = Writer { gateway: Arc::clone(gateway), shards, identity, lasts, applied: BTreeMap::new(), compared: Instant::now() };
    writer.compare().await?;
    *up = true;
    gateway.metrics.redis(true);
    gateway.log.info(&format!("{} connections registered in Redis ({} layer)", gateway.registry.count(), writer.identity.mode.word()));
    writer.work(beat).await?;
    let farewell = timeout(FAREWELL, writer.leave()).await;
    if !matches!(farewell, Ok(Ok(()))) {
        gateway.log.warn("failed to take the connections out of Redis: others will, or this gateway once it starts again");
    }
    Ok(())
}

/// The layer that is asked for, or the one that left traces; core when there are none.
async fn layer(shards: &mut [MultiplexedConnection], settings: &Settings, own_label: &str) -> RedisResult<Mode> {
    if settings.mode != Mode::Auto {
        return Ok(settings.mode);
    }
    let Some(first) = shards.first_mut() else { return Ok(Mode::Core) };
    let known: Vec<Vec<u8>> = redis::cmd("HKEYS").arg(keys::ESTIMATES).query_async(first).await?;
    let known = known.iter().filter_map(|bytes| crate::channels::label::read(bytes)).take(DETECTED);
    let mut commands = pipe();
    for label in known.chain([own_label]) {
        commands.exists(keys::group(label));
    }
    let found: Vec<bool> = commands.query_async(first).await?;
    Ok(if found.contains(&true) { Mode::Pubsub } else { Mode::Core })
}

/// One session's view of Redis.
struct Writer {
    gateway: Arc<Gateway>,
    /// Shard 0 first; never empty.
    shards: Vec<MultiplexedConnection>,
    identity: Identity,
    /// How long a sign of life lasts.
    lasts: Duration,
    /// What our own hash of counts holds, without zeros.
    applied: BTreeMap<String, i64>,
    compared: Instant,
}

impl Writer {
    /// Until the gateway is over.
    async fn work(&mut self, beat: Duration) -> RedisResult<()> {
        let gateway = Arc::clone(&self.gateway);
        let mut beats = interval(beat);
        let mut looks = interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = gateway.registry.noted.notified() => {
                    sleep(BATCH).await;
                    self.write_notes().await?;
                }
                _ = beats.tick() => {
                    self.beat().await?;
                    let live = reap::others(&gateway, &mut self.shards, &self.identity).await?;
                    gateway.metrics.gateways(live);
                }
                _ = looks.tick() => self.look().await?,
                () = gateway.closed(true) => return Ok(()),
            }
        }
    }

    /// Writes what changed; when too much did, compares anew.
    async fn write_notes(&mut self) -> RedisResult<()> {
        let Some(notes) = self.gateway.registry.take_notes() else { return self.compare().await };
        let (joined, left) = settle(notes);
        if joined.is_empty() && left.is_empty() {
            return Ok(());
        }
        self.add_members(&joined).await?;
        self.remove_members(&left).await?;
        let mut changes = BTreeMap::<String, i64>::new();
        joined.iter().for_each(|handle| *changes.entry(handle.label.to_string()).or_default() += 1);
        left.iter().for_each(|handle| *changes.entry(handle.label.to_string()).or_default() -= 1);
        self.change_counts(&changes).await
    }

    /// Compares everything with what should be there, and mends it.
    async fn compare(&mut self) -> RedisResult<()> {
        let everybody = self.gateway.registry.begin_notes();
        self.sign_of_life(&BTreeSet::new()).await?;
        self.applied = self.counts_in_redis().await?;
        let mut changes: BTreeMap<String, i64> = self.applied.iter().map(|(label, count)| (label.clone(), -count)).collect();
        everybody.iter().for_each(|handle| *changes.entry(handle.label.to_string()).or_default() += 1);
        let labels: Vec<String> = changes.keys().cloned().collect();
        self.add_members(&everybody).await?;
        for label in &labels {
            self.remove_strangers(label, &everybody).await?;
        }
        changes.retain(|_, change| *change != 0);
        self.change_counts(&changes).await?;
        self.compared = Instant::now();
        Ok(())
    }

    /// A sign of life, and a look whether Redis still holds what was written: it may have been flushed, restored
    /// from an old state, or we were taken for dead.
    async fn beat(&mut self) -> RedisResult<()> {
        let labels = self.gateway.registry.labels();
        self.sign_of_life(&labels.keys().map(ToString::to_string).collect()).await?;
        let right = self.counts_in_redis().await? == self.applied && self.members_are_there().await?;
        if right && self.compared.elapsed() < REFRESH { Ok(()) } else { self.compare().await }
    }

    /// For the page: what Redis says about all.
    async fn look(&mut self) -> RedisResult<()> {
        if !self.gateway.everywhere.is_watched(self.gateway.clock.now()) {
            return Ok(());
        }
        let estimates: BTreeMap<Vec<u8>, i64> = redis::cmd("HGETALL").arg(keys::ESTIMATES).query_async(self.first()).await?;
        let readable = estimates.into_iter().filter_map(|(label, count)| Some((crate::channels::label::read(&label)?.to_owned(), count)));
        self.gateway.everywhere.set(readable.collect());
        Ok(())
    }

    #[expect(clippy::indexing_slicing, reason = "a ring has at least one server")]
    fn first(&mut self) -> &mut MultiplexedConnection {
        &mut self.shards[0]
    }

    async fn sign_of_life(&mut self, labels: &BTreeSet<String>) -> RedisResult<()> {
        let id = self.identity.id.clone();
        let lasts = u64::try_from(self.lasts.as_millis()).unwrap_or(u64::MAX);
        let mut commands = pipe();
        commands.pset_ex(keys::gateway_alive(&id), names::ALIVE, lasts).ignore();
        commands.hset(keys::GATEWAYS, &id, self.identity.told()).ignore();
        for label in labels {
            commands.set_ex(keys::alive(label), keys::ALIVE_VALUE, keys::ALIVE_SECONDS).ignore();
        }
        commands.query_async(self.first()).await
    }

    async fn counts_in_redis(&mut self) -> RedisResult<BTreeMap<String, i64>> {
        let key = keys::gateway_counts(&self.identity.id);
        let mut counts: BTreeMap<String, i64> = redis::cmd("HGETALL").arg(key).query_async(self.first()).await?;
        counts.retain(|_, count| *count != 0);
        Ok(counts)
    }

    /// Asks for one member of each label.
    async fn members_are_there(&mut self) -> RedisResult<bool> {
        let mut one = BTreeMap::new();
        for handle in self.gateway.registry.everybody() {
            // Whoever joined just now may not be written yet.
            if self.applied.contains_key(&*handle.label) {
                let oldest = one.entry(Arc::clone(&handle.label)).or_insert_with(|| Arc::clone(&handle));
                if handle.since < oldest.since {
                    *oldest = handle;
                }
            }
        }
        let shards = self.shards.len();
        for (label, handle) in one {
            let shard = self.identity.group_shard(&label, shards);
            let group = self.identity.group(&label);
            let Some(connection) = self.shards.get_mut(shard) else { continue };
            let mut commands = pipe();
            commands.zscore(&group, self.identity.member(handle.id));
            commands.expire(&group, i64::try_from(keys::MEMBER_SECONDS).unwrap_or(i64::MAX)).ignore();
            let (score,): (Option<f64>,) = commands.query_async(connection).await?;
            if score.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds to the shared counts and to our own in one step.
    async fn change_counts(&mut self, changes: &BTreeMap<String, i64>) -> RedisResult<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let own = keys::gateway_counts(&self.identity.id);
        let mut commands = pipe();
        commands.atomic();
        let mut after = self.applied.clone();
        let mut emptied = Vec::new();
        for (label, change) in changes {
            commands.hincr(keys::ESTIMATES, label, *change).ignore();
            let count = after.entry(label.clone()).or_default();
            *count += change;
            if *count == 0 {
                after.remove(label);
                commands.hdel(&own, label).ignore();
                emptied.push(label.clone());
            } else {
                commands.hincr(&own, label, *change).ignore();
                commands.set_ex(keys::alive(label), keys::ALIVE_VALUE, keys::ALIVE_SECONDS).ignore();
            }
        }
        let done: RedisResult<()> = commands.query_async(self.first()).await;
        done?;
        self.applied = after;
        for label in emptied {
            reap::forget_zero(self.first(), &label).await?;
        }
        Ok(())
    }

    async fn add_members(&mut self, handles: &[Arc<Handle>]) -> RedisResult<()> {
        let now = super::registry::milliseconds();
        // A member that was written half a day ago would soon be taken for forgotten.
        let score = |since: u64| if now.saturating_sub(since) > 500 * keys::MEMBER_SECONDS { now } else { since };
        self.each_label(handles, |commands, identity, group, chunk| {
            let scored: Vec<(f64, String)> =
                chunk.iter().map(|handle| (score(handle.since) as f64 / 1000.0, identity.member(handle.id))).collect();
            commands.zadd_multiple(group, &scored).ignore();
            commands.expire(group, i64::try_from(keys::MEMBER_SECONDS).unwrap_or(i64::MAX)).ignore();
        })
        .await
    }

    async fn remove_members(&mut self, handles: &[Arc<Handle>]) -> RedisResult<()> {
        self.each_label(handles, |commands, identity, group, chunk| {
            let members: Vec<String> = chunk.iter().map(|handle| identity.member(handle.id)).collect();
            commands.zrem(group, members).ignore();
        })
        .await
    }

    /// Members with our name that are not connected: leaves that were never written.
    async fn remove_strangers(&mut self, label: &str, everybody: &[Arc<Handle>]) -> RedisResult<()> {
        let shards = self.shards.len();
        let Some(connection) = self.shards.get_mut(self.identity.group_shard(label, shards)) else { return Ok(()) };
        let known: BTreeSet<u64> = everybody.iter().filter(|handle| &*handle.label == label).map(|handle| handle.id).collect();
        let is_gone = |member: &str| self.identity.connection(member).is_none_or(|id| !known.contains(&id));
        reap::remove_members(connection, &self.identity, label, is_gone).await.map(|_| ())
    }

    /// One pipeline for each shard, with chunks of each label.
    async fn each_label(
        &mut self,
        handles: &[Arc<Handle>],
        add: impl Fn(&mut Pipeline, &Identity, &str, &[&Arc<Handle>]),
    ) -> RedisResult<()> {
        let mut by_label = BTreeMap::<&str, Vec<&Arc<Handle>>>::new();
        handles.iter().for_each(|handle| by_label.entry(&handle.label).or_default().push(handle));
        let shards = self.shards.len();
        let mut pipelines: Vec<Pipeline> = (0..shards).map(|_| pipe()).collect();
        for (label, handles) in by_label {
            let group = self.identity.group(label);
            let Some(pipeline) = pipelines.get_mut(self.identity.group_shard(label, shards)) else { continue };
            handles.chunks(CHUNK).for_each(|chunk| add(pipeline, &self.identity, &group, chunk));
        }
        for (connection, pipeline) in self.shards.iter_mut().zip(&pipelines) {
            if !pipeline.is_empty() {
                let done: RedisResult<()> = pipeline.query_async(connection).await;
                done?;
            }
        }
        Ok(())
    }

    /// Takes everything of ours out of Redis.
    async fn leave(&mut self) -> RedisResult<()> {
        self.gateway.registry.end_notes();
        let changes: BTreeMap<String, i64> = self.counts_in_redis().await?.into_iter().map(|(label, count)| (label, -count)).collect();
        self.applied = changes.iter().map(|(label, count)| (label.clone(), -count)).collect();
        for label in changes.keys() {
            self.remove_strangers(label, &[]).await?;
        }
        self.change_counts(&changes).await?;
        let id = self.identity.id.clone();
        let mut commands = pipe();
        commands.del(keys::gateway_counts(&id)).ignore().hdel(keys::GATEWAYS, &id).ignore().del(keys::gateway_alive(&id)).ignore();
        commands.query_async(self.first()).await
    }
}

/// Who joined and who left; whoever did both was never there.
fn settle(notes: Vec<Note>) -> (Vec<Arc<Handle>>, Vec<Arc<Handle>>) {
    let mut joined = HashMap::new();
    let mut left = Vec::new();
    for note in notes {
        if note.joined {
            joined.insert(note.handle.id, note.handle);
        } else if joined.remove(&note.handle.id).is_none() {
            left.push(note.handle);
        }
    }
    (joined.into_values().collect(), left)
}

#[cfg(test)]
mod tests {
    use super::super::registry::Registry;
    use super::*;

    #[test]
    fn who_came_and_went_between_two_writes_is_not_written() {
        let registry = Arc::new(Registry::default());
        let early = registry.join("a", "d", 1);
        registry.begin_notes();
        let stays = registry.join("a", "d", 1);
        drop(registry.join("a", "d", 1));
        let gone = early.handle.id;
        drop(early);
        let (joined, left) = settle(registry.take_notes().unwrap());
        let ids = |handles: &[Arc<Handle>]| handles.iter().map(|handle| handle.id).collect::<Vec<_>>();
        assert_eq!((ids(&joined), ids(&left)), (vec![stays.handle.id], vec![gone]));
    }

    #[test]
    fn a_dead_gateway_is_found_within_its_liveness() {
        for seconds in [1, 2, 6, 30, 60] {
            let liveness = Duration::from_secs(seconds);
            let (beat, lasts) = beats(liveness);
            assert!(lasts + beat < liveness && beat * 3 < lasts, "{liveness:?}");
        }
        assert_eq!(beats(Duration::from_secs(600)).0, LONGEST_BEAT);
    }
}

//! `read.scan`: a walk over the keys that are permitted, a step ahead of the guest.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::redis::client::{Budget, Request, Walk, Way};
use crate::capabilities::redis::error::{failed, invalid, refused, too_much};
use crate::capabilities::redis::glob::{Glob, escape};
use crate::capabilities::redis::policy::Permit;
use crate::capabilities::redis::read::HostScan;
use crate::capabilities::redis::types::{Error, Keys};
use crate::capabilities::redis::{RedisView, limits};
use crate::grants::RedisPower::Read;

use super::{Connection, Place, answers, keys};

/// A guest's walk; dropping it ends the work.
pub struct Scan {
    batches: mpsc::Receiver<Result<Keys, Error>>,
    worker: AbortHandle,
    _place: Place,
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

/// Which keys a walk shows.
struct Filter {
    permit: Arc<Permit>,
    /// The guest's pattern, on keys without the hidden prefix.
    pattern: Glob,
}

impl Filter {
    /// The key as the guest knows it, when it may know it.
    fn shown<'k>(&self, real: &'k [u8]) -> Option<&'k [u8]> {
        let key = real.strip_prefix(self.permit.prefix())?;
        (self.pattern.matches(key) && self.permit.permits(real)).then_some(key)
    }

    /// What the server is asked to match so that it sends less: never less than what is shown. Patterns with many
    /// stars stay here, because old servers need exponential time for them.
    fn pushed(&self) -> Option<Vec<u8>> {
        let own = [escape(self.permit.prefix()).as_slice(), self.pattern.text()].concat();
        let heads = self.permit.patterns().iter().map(Glob::head);
        let shared = heads.reduce(|one, other| common(&one, &other)).unwrap_or_default();
        let shared = [escape(&shared).as_slice(), b"*"].concat();
        let only = match self.permit.patterns() {
            [only] => only.text(),
            _ => shared.as_slice(),
        };
        let candidates = [own.as_slice(), only, shared.as_slice()];
        let narrow =
            |pattern: &&[u8]| Glob::new(pattern).ok().filter(|glob| glob.stars() <= limits::PUSHED_STARS).map(|glob| glob.spelled());
        // The one that spells most leaves out most.
        let best = candidates.iter().rev().max_by_key(|pattern| narrow(pattern).unwrap_or_default())?;
        narrow(best).filter(|bytes| *bytes > 0).map(|_| best.to_vec())
    }
}

fn common(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).take_while(|(one, other)| one == other).map(|(byte, _)| *byte).collect()
}

impl Connection {
    pub(super) async fn database_size(&mut self) -> Result<u64, Error> {
        let name = self.permit.name();
        let mut request = Request::reading();
        request.add(&[b"DBSIZE"], None);
        let session = self.session.as_mut().ok_or_else(|| closed(name))?;
        let replies = session.ask_masters(&request, &Budget::new(limits::ANSWER_BYTES)).await.map_err(|failure| failed(name, failure))?;
        let masters = replies.len();
        let mut answers = answers::Answers::new(replies, self.permit.prefix())?;
        (0..masters).map(|_| answers.count()).sum()
    }

    async fn scan(&mut self, name: String, filter: Result<Filter, Error>, batch: u32, place: Option<Place>) -> Result<Scan, Error> {
        let filter = filter?;
        let count = match batch {
            0 => limits::SCAN_BATCH_DEFAULT,
            batch if batch > limits::SCAN_BATCH => {
                return Err(too_much(format!("a batch of {batch} keys; at most {} are possible", limits::SCAN_BATCH)));
            }
            batch => batch,
        };
        let place = place.ok_or_else(|| too_much(format!("{} walks are open already; drop one first", limits::SCANS)))?;
        let masters = self.session.as_ref().ok_or_else(|| closed(self.permit.name()))?.masters();
        let way = Way { target: self.target.clone(), name, timeouts: self.timeouts };
        let walk = Walk::open(masters, way, filter.pushed(), count).await;
        let walk = walk.map_err(|failure| failed(filter.permit.name(), failure))?;
        let (sender, batches) = mpsc::channel(limits::SCANS_AHEAD);
        let worker = tokio::spawn(work(walk, filter, sender)).abort_handle();
        Ok(Scan { batches, worker, _place: place })
    }
}

fn closed(name: &str) -> Error {
    Error::ConnectionFailed(format!("the connection to Redis `{name}` is closed"))
}

/// Walks on as long as the guest takes what comes.
async fn work(mut walk: Walk, filter: Filter, sender: mpsc::Sender<Result<Keys, Error>>) {
    let name = filter.permit.name();
    loop {
        let mut batch = Keys { bytes: Vec::new(), ends: Vec::new() };
        let mut fits = true;
        let each = |real: &[u8]| {
            if let Some(key) = filter.shown(real) {
                fits &= keys::push(&mut batch, key);
            }
        };
        let more = match walk.step(&Budget::new(limits::ANSWER_BYTES), each).await {
            Ok(Ok(more)) if fits => Ok(more),
            Ok(Ok(_)) => Err(too_much("the keys of one batch are too long to be handed over")),
            Ok(Err(error)) => Err(Error::CommandFailed(refused(error, filter.permit.prefix()))),
            Err(failure) => Err(failed(name, failure)),
        };
        let (answer, go_on) = match more {
            Ok(more) => (Ok(batch), more),
            Err(error) => (Err(error), false),
        };
        if sender.send(answer).await.is_err() || !go_on {
            return;
        }
    }
}

impl HostScan for RedisView<'_> {
    async fn start(&mut self, on: Resource<Connection>, pattern: Vec<u8>, batch: u32) -> Trap<Result<Resource<Scan>, Error>> {
        let name = self.ctx.client_name();
        let place = Place::take(&self.ctx.scans, limits::SCANS);
        let (mut pass, connection) = self.enter(&on, "read.scan", Read, [])?;
        pass.operation.detail = String::from_utf8_lossy(pattern.get(..240).unwrap_or(&pattern)).into_owned();
        let permit = Arc::clone(&connection.permit);
        let filter = Glob::new(&pattern).map(|pattern| Filter { permit, pattern }).map_err(invalid);
        match pass.through(connection.scan(name, filter, batch, place)).await {
            Ok(scan) => Ok(Ok(self.table.push(scan)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Not journaled (one line for each batch would drown the rest), but it ends with the run.
    async fn next(&mut self, this: Resource<Scan>) -> Trap<Result<Option<Keys>, Error>> {
        let gate = self.ctx.gate.clone();
        let scan = self.table.get_mut(&this)?;
        tokio::select! {
            biased;
            refusal = gate.ended() => Ok(Err(refusal.into())),
            next = scan.batches.recv() => Ok(next.transpose()),
        }
    }

    async fn drop(&mut self, this: Resource<Scan>) -> Trap<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::RedisGrant;

    fn filter(keys: &[&str], prefix: &str, pattern: &str) -> Filter {
        let grant = RedisGrant {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            prefix: Some(prefix.to_owned()),
            ..RedisGrant::default()
        };
        let permit = Arc::new(Permit::new("test", "default", grant));
        Filter { permit, pattern: Glob::new(pattern.as_bytes()).unwrap() }
    }

    #[test]
    fn only_granted_keys_that_match_are_shown_without_the_prefix() {
        let filter = filter(&["shop:cache:*"], "shop:", "*:1");
        assert_eq!(filter.shown(b"shop:cache:1"), Some(b"cache:1".as_slice()));
        for other in ["shop:cache:2", "shop:session:1", "cache:1", "other:cache:1"] {
            assert_eq!(filter.shown(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_server_is_asked_for_as_little_as_one_pattern_can_say() {
        let pushed = |keys: &[&str], prefix: &str, pattern: &str| {
            filter(keys, prefix, pattern).pushed().map(|text| String::from_utf8(text).unwrap())
        };
        assert_eq!(pushed(&["shop:*"], "", "shop:cache:*"), Some("shop:cache:*".to_owned()));
        assert_eq!(pushed(&["shop:cache:*"], "", "*"), Some("shop:cache:*".to_owned()));
        assert_eq!(pushed(&["shop:*"], "shop:", "*"), Some("shop:*".to_owned()));
        assert_eq!(pushed(&["a*b:*"], "a*b:", "c*"), Some("a\\*b:c*".to_owned()));
        assert_eq!(pushed(&["shop:cache:*", "shop:views:*"], "", "*"), Some("shop:*".to_owned()));
        assert_eq!(pushed(&["shop:cache:*"], "", "*_kombu.binding.*"), Some("*_kombu.binding.*".to_owned()));
        assert_eq!(pushed(&["shop:cache:*"], "", "*:1"), Some("shop:cache:*".to_owned()));
        assert_eq!(pushed(&["shop:*", "blog:*"], "", "*"), None);
        assert_eq!(pushed(&["*"], "", "*"), None);
        // Hostile to old servers, so matched here.
        assert_eq!(pushed(&["*"], "", &format!("a{}b", "*a".repeat(100))), None);
    }
}

//! Which labels there are and how many connections each has. Only reading, in two round trips.

use std::collections::{BTreeMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::channels::fnmatch::Pattern;
use crate::channels::{Mode, Settings, keys, label, ring};

use super::client::{Answer, Batch, Failure, Ring};
use super::error::{invalid, too_much};
use super::limits;
use super::policy::Permit;
use super::types::Error;

/// Labels that are asked about in one go.
const CHUNK: usize = 5_000;

/// The labels that a call is about: those that match and exist for the command.
pub(super) struct Wanted<'a> {
    permit: &'a Permit,
    patterns: Vec<Pattern>,
}

impl<'a> Wanted<'a> {
    /// No pattern means all labels.
    pub(super) fn new(permit: &'a Permit, patterns: &[String]) -> Result<Self, Error> {
        if patterns.len() > limits::PATTERNS {
            return Err(too_much(format!("{} patterns; at most {} are possible", patterns.len(), limits::PATTERNS)));
        }
        let bytes: usize = patterns.iter().map(String::len).sum();
        if bytes > limits::PATTERN_BYTES {
            return Err(too_much(format!("patterns of {bytes} bytes; at most {} bytes are possible", limits::PATTERN_BYTES)));
        }
        if patterns.iter().any(String::is_empty) {
            return Err(invalid("an empty pattern matches no label"));
        }
        Ok(Self { permit, patterns: patterns.iter().map(|pattern| Pattern::new(pattern)).collect() })
    }

    fn takes(&self, label: &str) -> bool {
        let matches = self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(label));
        matches && self.permit.sees(label)
    }

    /// Labels that are spelled out: they are looked for even where the application keeps no count of them.
    fn spelled_out(&self) -> impl Iterator<Item = String> {
        self.patterns.iter().filter_map(Pattern::literal).filter(|label| self.takes(label) && label::read(label.as_bytes()).is_some())
    }
}

/// One label as it is in Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) label: String,
    pub(super) estimate: Option<i64>,
    pub(super) alive: bool,
    /// Members in each layer: all, or those younger than a day when counted exactly.
    pub(super) core: u64,
    pub(super) pubsub: u64,
}

/// Gateways that were killed and that no other one tidied up after.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    ids: HashSet<String>,
    /// Their connections by label, which are still counted in Redis.
    connections: BTreeMap<String, i64>,
}

impl Gone {
    /// Whether a channel was one of theirs.
    pub(super) fn had(&self, channel: &str) -> bool {
        !self.ids.is_empty() && keys::gateway_of(channel).is_some_and(|id| self.ids.contains(id))
    }
}

/// The labels that are wanted, sorted, without the connections of gateways that are gone.
pub(super) async fn find(ring: &mut Ring, settings: &Settings, wanted: &Wanted<'_>, exact: bool) -> Result<(Vec<Found>, Gone), Error> {
    let mut estimates = estimates(ring, wanted).await?;
    let gone = gone(ring).await?;
    for label in wanted.spelled_out() {
        estimates.entry(label).or_insert(None);
    }
    let mut found: Vec<Found> = estimates.into_iter().map(|(label, estimate)| Found { label, estimate, ..Found::default() }).collect();
    for chunk in found.chunks_mut(CHUNK) {
        count(ring, settings, chunk, exact).await?;
    }
    // A label that was spelled out and is nowhere does not exist.
    found.retain(|found| found.estimate.is_some() || found.alive || found.core > 0 || found.pubsub > 0);
    for found in &mut found {
        let Some(gone) = gone.connections.get(&found.label) else { continue };
        found.estimate = found.estimate.map(|estimate| estimate.saturating_sub(*gone));
        // A gateway is in one layer only.
        let layer = if found.core > 0 { &mut found.core } else { &mut found.pubsub };
        *layer = layer.saturating_sub(u64::try_from(*gone).unwrap_or(0));
    }
    Ok((found, gone))
}

/// Which gateways are known, and no longer renew themselves. Without gateways this is one short question.
async fn gone(ring: &mut Ring) -> Result<Gone, Failure> {
    let mut batch = Batch::default();
    batch.add(&[b"HKEYS", keys::GATEWAYS.as_bytes()]);
    let known = ring.ask_first(batch).await?.into_iter().next().map(Answer::list).unwrap_or_default();
    let known = known.into_iter().filter_map(|id| if let Answer::Text(id) = id { String::from_utf8(id).ok() } else { None });
    let known: Vec<String> = known.take(limits::GATEWAYS).collect();
    let mut gone = Gone::default();
    if known.is_empty() {
        return Ok(gone);
    }
    let mut batch = Batch::default();
    for id in &known {
        batch.add(&[b"EXISTS", keys::gateway_alive(id).as_bytes()]);
        batch.add(&[b"HGETALL", keys::gateway_counts(id).as_bytes()]);
    }
    let mut answers = ring.ask_first(batch).await?.into_iter();
    for id in known {
        let (Some(alive), Some(counts)) = (answers.next(), answers.next()) else { break };
        // What cannot be told counts as living: a connection too many is better than one too few.
        if alive.number() != Some(0) {
            continue;
        }
        gone.ids.insert(id);
        let mut counts = counts.list().into_iter();
        while let (Some(Answer::Text(label)), Some(count)) = (counts.next(), counts.next()) {
            if let Ok(label) = String::from_utf8(label) {
                *gone.connections.entry(label).or_default() += count.number().unwrap_or(0).max(0);
            }
        }
    }
    Ok(gone)
}

/// The application's own counts. One answer holds a thousand labels and more.
async fn estimates(ring: &mut Ring, wanted: &Wanted<'_>) -> Result<BTreeMap<String, Option<i64>>, Error> {
    let mut estimates = BTreeMap::new();
    let mut seen = 0_usize;
    let mut cursor = b"0".to_vec();
    loop {
        let mut batch = Batch::default();
        batch.add(&[b"HSCAN", keys::ESTIMATES.as_bytes(), &cursor, b"COUNT", b"10000"]);
        let answer = ring.ask_first(batch).await?.into_iter().next().unwrap_or(Answer::Nothing);
        if let Some(failure) = answer.failure() {
            return Err(failure.into());
        }
        let mut parts = answer.list().into_iter();
        let (Some(Answer::Text(next)), Some(Answer::List(fields))) = (parts.next(), parts.next()) else { return Ok(estimates) };
        let mut fields = fields.into_iter();
        while let (Some(Answer::Text(label)), Some(count)) = (fields.next(), fields.next()) {
            seen += 1;
            if seen > limits::LABELS {
                return Err(too_much(format!("more than {} labels are registered", limits::LABELS)));
            }
            if let Some(label) = label::read(&label).filter(|label| wanted.takes(label)) {
                estimates.insert(label.to_owned(), Some(count.number().unwrap_or(0)));
            }
        }
        if next == b"0" {
            return Ok(estimates);
        }
        cursor = next;
    }
}

/// What an answer is about.
#[derive(Clone, Copy)]
enum Question {
    Alive,
    Core,
    Pubsub,
}

async fn count(ring: &mut Ring, settings: &Settings, labels: &mut [Found], exact: bool) -> Result<(), Failure> {
    let since = youngest_forgotten();
    let mut batches = ring.batches();
    let mut asked: Vec<Vec<(usize, Question)>> = batches.iter().map(|_| Vec::new()).collect();
    let shards = ring.len();
    for (index, found) in labels.iter().enumerate() {
        let mut ask = |shard: usize, question: Question, key: &str| {
            let (Some(batch), Some(asked)) = (batches.get_mut(shard), asked.get_mut(shard)) else { return };
            asked.push((index, question));
            match question {
                Question::Alive => batch.add(&[b"EXISTS", key.as_bytes()]),
                _ if exact => batch.add(&[b"ZCOUNT", key.as_bytes(), since.as_bytes(), b"+inf"]),
                _ => batch.add(&[b"ZCARD", key.as_bytes()]),
            }
        };
        ask(0, Question::Alive, &keys::alive(&found.label));
        if settings.mode != Mode::Pubsub {
            let shard = ring::shard(&keys::group(&found.label), shards);
            ask(shard, Question::Core, &keys::core_group(&settings.prefix, &found.label));
        }
        if settings.mode != Mode::Core {
            ask(0, Question::Pubsub, &keys::group(&found.label));
        }
    }
    for (answers, asked) in ring.ask(batches).await.into_iter().zip(asked) {
        for (answer, (index, question)) in answers?.iter().zip(asked) {
            if let Some(failure) = answer.failure() {
                return Err(failure);
            }
            let Some(found) = labels.get_mut(index) else { continue };
            let number = answer.number().and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
            match question {
                Question::Alive => found.alive = number > 0,
                Question::Core => found.core = number,
                Question::Pubsub => found.pubsub = number,
            }
        }
    }
    Ok(())
}

/// Seconds since 1970, as the layers score members and messages.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Members that joined up to then are taken for forgotten, as the layers do; they remove them, we never do.
pub(super) fn youngest_forgotten() -> String {
    let day = f64::from(u32::try_from(keys::MEMBER_SECONDS).unwrap_or(u32::MAX));
    format!("({:.6}", now() - day)
}

//! Which labels there are and how many connections each has. Only reading, in two round trips.

use std::collections::BTreeMap;
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

/// The labels that are wanted, sorted.
pub(super) async fn find(ring: &mut Ring, settings: &Settings, wanted: &Wanted<'_>, exact: bool) -> Result<Vec<Found>, Error> {
    let mut estimates = estimates(ring, wanted).await?;
    for label in wanted.spelled_out() {
        estimates.entry(label).or_insert(None);
    }
    let mut found: Vec<Found> = estimates.into_iter().map(|(label, estimate)| Found { label, estimate, ..Found::default() }).collect();
    for chunk in found.chunks_mut(CHUNK) {
        count(ring, settings, chunk, exact).await?;
    }
    // A label that was spelled out and is nowhere does not exist.
    found.retain(|found| found.estimate.is_some() || found.alive || found.core > 0 || found.pubsub > 0);
    Ok(found)
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

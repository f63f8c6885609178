//! One walk over the keys: sort them, count them, and remove those that go.
//!
//! Keys stay in the run of bytes in which they came; nothing is allocated for a single key. While a batch is worked
//! on, the host already fetches the next one. As long as the bindings of queues are not known, keys are held back, up
//! to a bound: the walk itself comes by the bindings, which spares a walk that only looks for them.

use host_sdk::Result;
use host_sdk::redis::{Connection, Keys, Pipeline, RedisError};

use crate::class::{Class, Match};
use crate::pace::{Meter, Pace};
use crate::plan::Plan;
use crate::queues::{self, Queues};
use crate::removal;
use crate::tally::Tally;

/// Keys that the server looks at for one answer: a few milliseconds of its time.
pub(crate) const BATCH: u32 = 5_000;
/// Bytes of keys in one UNLINK.
const CHUNK_BYTES: usize = 1 << 20;
/// Keys that are held back, with four bytes for each: about two million. An eighth of the memory that a run has.
const HELD_BYTES: usize = 64 << 20;

/// What is done with the keys that go.
pub(crate) enum Deed {
    Look,
    Remove(Pace),
}

pub(crate) struct Walk<'a> {
    pub(crate) redis: &'a Connection,
    pub(crate) plan: &'a Plan,
    pub(crate) queues: &'a mut Queues,
    pub(crate) tally: &'a mut Tally,
    pub(crate) meter: Meter,
    pub(crate) deed: Deed,
}

/// A batch, sorted.
#[derive(Default)]
struct Sorted {
    going: Keys,
    spared: [u64; Class::ALL.len()],
    /// Spared when they are of the right type.
    doubtful: Keys,
    matches: Vec<Match>,
    /// Of kombu's, whatever becomes of them.
    bindings: Keys,
}

/// Batches of keys that go, unless a binding says otherwise.
#[derive(Default)]
struct Held {
    batches: Vec<Keys>,
    bytes: usize,
}

impl Walk<'_> {
    /// Walks to the end. After an error, `tally` says how far it came.
    pub(crate) fn run(mut self) -> Result<()> {
        let (mut sorted, mut held) = (Sorted::default(), Held::default());
        let mut scan = self.redis.scan(&self.plan.pattern, BATCH)?;
        while let Some(keys) = scan.next_batch()? {
            self.sort(&keys, &mut sorted)?;
            for class in Class::ALL {
                self.tally.spare(class, sorted.spared.get(class as usize).copied().unwrap_or_default());
            }
            held.push(std::mem::take(&mut sorted.going));
            if !self.queues.is_complete() && held.bytes >= HELD_BYTES {
                self.queues.read(self.redis)?;
            }
            if self.queues.is_complete() {
                self.release(&mut held)?;
            }
        }
        self.queues.complete();
        self.release(&mut held)
    }

    /// Counts the keys that were held, and removes them.
    fn release(&mut self, held: &mut Held) -> Result<()> {
        let (mut chunk, mut samples) = (Keys::new(), Samples::default());
        let most = self.chunk();
        held.bytes = 0;
        for batch in held.batches.drain(..) {
            for key in batch.iter() {
                if self.queues.holds(key) {
                    self.tally.spare(Class::Kombu, 1);
                    continue;
                }
                if let Some(place) = self.tally.count(self.plan.segments.of(key)) {
                    samples.keys.push(key);
                    samples.places.push(place);
                }
                chunk.push(key);
                if chunk.len() >= most || chunk.byte_count() >= CHUNK_BYTES {
                    self.finish(&mut chunk, &mut samples)?;
                }
            }
            self.finish(&mut chunk, &mut samples)?;
            self.meter.looked(u64::from(BATCH), self.tally);
        }
        Ok(())
    }

    /// Keys in one UNLINK.
    fn chunk(&self) -> usize {
        match &self.deed {
            Deed::Look => usize::MAX,
            Deed::Remove(pace) => pace.chunk(),
        }
    }

    fn sort(&mut self, keys: &Keys, sorted: &mut Sorted) -> Result<()> {
        sorted.clear();
        for key in keys.iter() {
            let Some(found) = self.plan.class_of(key) else {
                sorted.going.push(key);
                continue;
            };
            if queues::binding(key).is_some() {
                sorted.bindings.push(key);
            }
            match found {
                Match { class, .. } if self.plan.includes(class) => sorted.going.push(key),
                Match { class, kinds: [] } => sorted.spare(class),
                found => {
                    sorted.doubtful.push(key);
                    sorted.matches.push(found);
                }
            }
        }
        if !self.plan.includes(Class::Kombu) {
            self.queues.note(self.redis, &sorted.bindings)?;
        }
        self.resolve(sorted)
    }

    /// Asks for the types of those whose names a cache might use too.
    fn resolve(&self, sorted: &mut Sorted) -> Result<()> {
        if sorted.doubtful.is_empty() {
            return Ok(());
        }
        let mut pipeline = Pipeline::new();
        sorted.doubtful.iter().for_each(|key| pipeline.add("TYPE", [key]));
        let mut replies = pipeline.run(self.redis)?;
        for (key, found) in sorted.doubtful.iter().zip(&sorted.matches) {
            let kind: String = replies.value()?;
            if found.kinds.contains(&kind.as_str()) {
                if let Some(spared) = sorted.spared.get_mut(found.class as usize) {
                    *spared += 1;
                }
            } else {
                sorted.going.push(key);
            }
        }
        Ok(())
    }

    /// Measures the samples, and removes the chunk.
    fn finish(&mut self, chunk: &mut Keys, samples: &mut Samples) -> Result<()> {
        if !samples.keys.is_empty() {
            match self.redis.memory_usage(&samples.keys) {
                Ok(sizes) => samples.places.iter().zip(sizes).for_each(|(place, size)| self.tally.measured(*place, size)),
                // Not every server that speaks the protocol knows it, and not every user may ask.
                Err(error) if matches!(error.redis(), Some(RedisError::CommandFailed(_))) => self.tally.cannot_measure(),
                Err(error) => return Err(error),
            }
            samples.keys.clear();
            samples.places.clear();
        }
        if let Deed::Remove(pace) = &mut self.deed
            && !chunk.is_empty()
        {
            removal::unlink(self.redis, chunk, |removed| {
                self.tally.removed += removed;
                self.meter.removed(removed, self.tally);
            })?;
            pace.wait(chunk.len());
        }
        chunk.clear();
        Ok(())
    }
}

/// Keys to be measured, and the rows they count for.
#[derive(Default)]
struct Samples {
    keys: Keys,
    places: Vec<usize>,
}

impl Held {
    fn push(&mut self, keys: Keys) {
        self.bytes += keys.byte_count() + keys.len() * size_of::<u32>();
        self.batches.push(keys);
    }
}

impl Sorted {
    fn clear(&mut self) {
        self.going.clear();
        self.doubtful.clear();
        self.matches.clear();
        self.bindings.clear();
        self.spared = Default::default();
    }

    fn spare(&mut self, class: Class) {
        if let Some(spared) = self.spared.get_mut(class as usize) {
            *spared += 1;
        }
    }
}

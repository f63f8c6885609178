//! How fast, and how long still.

use std::time::{Duration, Instant};

use host_sdk::{Progress, duration};

use crate::tally::Tally;
use crate::words;

/// Keys in one UNLINK when nothing bounds the rate: as many as one answer of SCAN has.
const CHUNK: usize = 5_000;
/// Pieces that a bounded rate's second is cut into, so that the server works evenly.
const PIECES: u64 = 20;
/// Between two words on the time left.
const SAY_EVERY: Duration = Duration::from_millis(250);

/// `500/s` or `500`: keys a second. Fits `value_parser`.
pub(crate) fn parse_rate(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse() {
        Ok(rate) if rate > 0 => Ok(rate),
        _ => Err(format!("`{text}` is no rate; write 500/s for 500 keys a second")),
    }
}

/// Keeps to a rate, measured from the beginning: what one piece loses, the next ones make up for.
pub(crate) struct Pace {
    rate: Option<u64>,
    started: Instant,
    done: u64,
}

impl Pace {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self { rate, started: Instant::now(), done: 0 }
    }

    pub(crate) fn chunk(&self) -> usize {
        self.rate.map_or(CHUNK, |rate| usize::try_from(rate / PIECES).unwrap_or(CHUNK).clamp(1, CHUNK))
    }

    /// After `count` more: until they are due.
    pub(crate) fn wait(&mut self, count: usize) {
        let Some(rate) = self.rate else { return };
        self.done += count as u64;
        let left = due(self.done, rate).saturating_sub(self.started.elapsed());
        if !left.is_zero() {
            std::thread::sleep(left);
        }
    }
}

/// When the last of `done` may be done.
fn due(done: u64, rate: u64) -> Duration {
    let micros = u128::from(done) * 1_000_000 / u128::from(rate.max(1));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// A progress bar that also says how long it still takes.
pub(crate) struct Meter {
    bar: Progress,
    total: u64,
    /// What the bar counts: keys that were looked at, or keys that were removed.
    by_removed: bool,
    done: u64,
    started: Instant,
    said: Instant,
}

impl Meter {
    /// `total` is in keys that are looked at, or in keys to be removed.
    pub(crate) fn new(bar: Progress, total: u64, by_removed: bool) -> Self {
        let now = Instant::now();
        Self { bar, total, by_removed, done: 0, started: now, said: now }
    }

    pub(crate) fn looked(&mut self, count: u64, tally: &Tally) {
        if !self.by_removed {
            self.advance(count, tally);
        }
    }

    pub(crate) fn removed(&mut self, count: u64, tally: &Tally) {
        if self.by_removed {
            self.advance(count, tally);
        }
    }

    fn advance(&mut self, count: u64, tally: &Tally) {
        let count = count.min(self.total - self.done);
        self.done += count;
        self.bar.advance(count);
        if self.said.elapsed() >= SAY_EVERY {
            self.said = Instant::now();
            let done = if self.by_removed { String::new() } else { format!("{}, ", words::keys(tally.found)) };
            self.bar.message(&format!("{done}{}", left(self.started.elapsed(), self.done, self.total)));
        }
    }
}

/// `12s left`.
fn left(elapsed: Duration, done: u64, total: u64) -> String {
    let micros = elapsed.as_micros() * u128::from(total.saturating_sub(done)) / u128::from(done.max(1));
    let seconds = u64::try_from(micros.div_ceil(1_000_000)).unwrap_or(u64::MAX);
    format!("{} left", duration::words(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_of_keys_a_second() {
        assert_eq!((parse_rate("500/s"), parse_rate("1")), (Ok(500), Ok(1)));
        for wrong in ["", "0", "0/s", "-1", "5/m", "5 /s", "1.5", "fast"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slow_rate_is_cut_into_small_pieces_and_no_rate_into_large_ones() {
        assert_eq!(Pace::new(None).chunk(), CHUNK);
        assert_eq!(Pace::new(Some(1)).chunk(), 1);
        assert_eq!(Pace::new(Some(1_000)).chunk(), 50);
        assert_eq!(Pace::new(Some(u64::MAX)).chunk(), CHUNK);
    }

    #[test]
    fn each_key_is_due_in_its_turn() {
        assert_eq!(due(0, 500), Duration::ZERO);
        assert_eq!(due(250, 500), Duration::from_millis(500));
        assert_eq!(due(u64::MAX, 1), Duration::from_micros(u64::MAX));
    }

    #[test]
    fn the_time_left_goes_by_the_time_that_was_needed_so_far() {
        assert_eq!(left(Duration::from_secs(10), 100, 400), "30s left");
        assert_eq!(left(Duration::from_secs(10), 400, 400), "0s left");
        assert_eq!(left(Duration::from_millis(1), 0, 400), "1s left");
    }
}

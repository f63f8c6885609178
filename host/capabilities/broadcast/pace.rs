//! When each message is due: absolute deadlines, so that neither the work between two messages nor the pauses
//! between two calls of a guest slow a broadcast down. Pure: the clock and the dice are handed in.

use std::time::Duration;

use super::limits::LATE;
use super::types::Pace;

/// Time between two messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tempo {
    pub(super) pause: Duration,
    /// 0 to 1.
    pub(super) jitter: f64,
}

impl Tempo {
    /// What was asked for, slowed down to `ceiling` messages a second; none is as fast as the servers are.
    pub(super) fn new(pace: &Pace, messages: usize, ceiling: Option<u64>) -> Result<Option<Self>, String> {
        let asked = [pace.interval_ms != 0, pace.rate != 0.0, pace.over_ms != 0].into_iter().filter(|asked| *asked).count();
        if asked > 1 {
            return Err("a pace is one of `interval-ms`, `rate` and `over-ms`".to_owned());
        }
        if pace.jitter_percent > 100 {
            return Err(format!("a jitter is 0 to 100 percent, not {}", pace.jitter_percent));
        }
        if !pace.rate.is_finite() || pace.rate < 0.0 || (pace.rate > 0.0 && pace.rate < 0.001) {
            return Err(format!("a rate is 0.001 messages a second or more, not {}", pace.rate));
        }
        let seconds = if pace.interval_ms != 0 {
            f64::from(pace.interval_ms) / 1_000.0
        } else if pace.rate != 0.0 {
            1.0 / pace.rate
        } else {
            Duration::from_millis(pace.over_ms).as_secs_f64() / float(messages.max(1))
        };
        let least = ceiling.map_or(0.0, |ceiling| 1.0 / float(usize::try_from(ceiling.max(1)).unwrap_or(usize::MAX)));
        let pause = Duration::try_from_secs_f64(seconds.max(least)).map_err(|_| "the pace is too slow".to_owned())?;
        let jitter = f64::from(pace.jitter_percent) / 100.0;
        Ok((!pause.is_zero()).then_some(Self { pause, jitter }))
    }

    /// How long so many messages take.
    pub(super) fn time_for(&self, messages: usize) -> Duration {
        self.pause.saturating_mul(u32::try_from(messages).unwrap_or(u32::MAX))
    }
}

fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Deadlines of a broadcast that is under way. Times count from its first step.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    tempo: Tempo,
    /// Of the next message, without jitter.
    place: Duration,
    /// Of the next message, with jitter.
    due: Duration,
}

impl Pacer {
    pub(super) fn new(tempo: Tempo) -> Self {
        Self { tempo, place: Duration::ZERO, due: Duration::ZERO }
    }

    /// When the next message is due.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    /// How many messages are due now, at most `bound`. `dice` answers numbers from -1 to 1.
    ///
    /// Jitter moves each deadline by up to half of its share around its place, so that a pause differs by up to the
    /// whole of it, and the mean is exactly what was asked for.
    pub(super) fn take(&mut self, now: Duration, bound: usize, mut dice: impl FnMut() -> f64) -> usize {
        if now > self.due + LATE.max(self.tempo.pause) {
            self.place = now;
            self.due = now;
        }
        let mut taken = 0;
        while taken < bound && self.due <= now {
            taken += 1;
            self.place += self.tempo.pause;
            let shift = self.tempo.pause.as_secs_f64() * self.tempo.jitter / 2.0 * dice();
            let due = self.place.as_secs_f64() + shift;
            self.due = Duration::try_from_secs_f64(due).unwrap_or(self.place);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace { interval_ms: 0, rate: 0.0, over_ms: 0, jitter_percent: 0 }
    }

    fn tempo(pace: Pace, messages: usize, ceiling: Option<u64>) -> Option<Duration> {
        Tempo::new(&pace, messages, ceiling).unwrap().map(|tempo| tempo.pause)
    }

    #[test]
    fn each_way_to_say_a_pace_gives_the_pause_between_messages() {
        let milliseconds = |count| Some(Duration::from_millis(count));
        assert_eq!(tempo(pace(), 10, None), None);
        assert_eq!(tempo(Pace { interval_ms: 50, ..pace() }, 10, None), milliseconds(50));
        assert_eq!(tempo(Pace { rate: 500.0, ..pace() }, 10, None), milliseconds(2));
        assert_eq!(tempo(Pace { over_ms: 600_000, ..pace() }, 1_200, None), milliseconds(500));
        assert_eq!(tempo(Pace { over_ms: 600_000, ..pace() }, 0, None), milliseconds(600_000));
    }

    #[test]
    fn the_operators_ceiling_holds_whatever_is_asked() {
        let ceiling = Some(50);
        for asked in [pace(), Pace { rate: 500.0, ..pace() }, Pace { interval_ms: 1, ..pace() }, Pace { over_ms: 10, ..pace() }] {
            assert_eq!(tempo(asked, 1_000, ceiling), Some(Duration::from_millis(20)), "{asked:?}");
        }
        assert_eq!(tempo(Pace { rate: 10.0, ..pace() }, 1_000, ceiling), Some(Duration::from_millis(100)));
    }

    #[test]
    fn a_pace_that_makes_no_sense_is_refused() {
        let two = Pace { interval_ms: 1, rate: 1.0, ..pace() };
        let wrong = [
            two,
            Pace { jitter_percent: 101, ..pace() },
            Pace { rate: f64::NAN, ..pace() },
            Pace { rate: f64::INFINITY, ..pace() },
            Pace { rate: -1.0, ..pace() },
            Pace { rate: 0.0001, ..pace() },
        ];
        for pace in wrong {
            assert!(Tempo::new(&pace, 10, None).is_err(), "{pace:?}");
        }
        assert!(Tempo::new(&Pace { jitter_percent: 100, rate: 0.001, ..pace() }, 10, None).is_ok());
    }

    /// Messages that were due in ten seconds, looked at every `look` milliseconds.
    fn in_ten_seconds(jitter: f64, look: u64) -> usize {
        let mut pacer = Pacer::new(Tempo { pause: Duration::from_millis(2), jitter });
        let mut state = 7_u32;
        let mut dice = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 23) - 1.0
        };
        (0..10_000 / look).map(|turn| pacer.take(Duration::from_millis(turn * look), 1_000, &mut dice)).sum()
    }

    #[test]
    fn the_mean_rate_is_exact_whatever_the_jitter_and_however_seldom_it_is_looked() {
        for (jitter, look) in [(0.0, 1), (0.3, 1), (1.0, 1), (0.0, 70), (1.0, 250)] {
            let sent = in_ten_seconds(jitter, look);
            let last = (10_000 / look - 1) * look;
            let expected = usize::try_from(last / 2).unwrap() + 1;
            assert!(sent.abs_diff(expected) <= 1, "jitter {jitter}, every {look} ms: {sent}, not {expected}");
        }
    }

    #[test]
    fn jitter_moves_pauses_by_no_more_than_its_share() {
        let pause = Duration::from_millis(10);
        let mut pacer = Pacer::new(Tempo { pause, jitter: 0.3 });
        let mut last = None;
        let mut sign = 1.0;
        for _ in 0..100 {
            let due = pacer.due();
            if let Some(last) = last.replace(due) {
                let between = due - last;
                assert!(between >= pause.mul_f64(0.69) && between <= pause.mul_f64(1.31), "{between:?}");
            }
            sign = -sign;
            assert_eq!(pacer.take(due, 1, || sign), 1);
        }
    }

    #[test]
    fn what_was_missed_in_a_long_pause_is_not_caught_up() {
        let mut pacer = Pacer::new(Tempo { pause: Duration::from_millis(2), jitter: 0.0 });
        assert_eq!(pacer.take(Duration::ZERO, 100, || 0.0), 1);
        assert_eq!(pacer.take(Duration::from_millis(400), 1_000, || 0.0), 200);
        assert_eq!(pacer.take(Duration::from_secs(10), 1_000, || 0.0), 1);
        assert_eq!(pacer.due(), Duration::from_millis(10_002));
    }
}

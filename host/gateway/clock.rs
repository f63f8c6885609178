//! The one clock of all connections: a task that ticks ten times a second, so that no connection needs a timer.
//!
//! Each tick moves the time on; every fifth one looks at all connections: who is silent is asked, who does not
//! answer, does not take what is sent, or does not finish closing is let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::Gateway;
use super::metrics::Cut;
use super::registry::{Handle, Signal};

const TICK: Duration = Duration::from_millis(100);
/// Ticks between two looks at all connections.
const LOOK: u32 = 5;

/// How long a client may keep others waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Silence after which a client is asked; none never asks.
    pub silence: Option<Duration>,
    /// How long an answer may take.
    pub answer: Duration,
    /// How long bytes may wait for somebody to take them.
    pub stall: Duration,
    /// How long a close may take to be answered.
    pub closing: Duration,
}

/// Ticks since the gateway started, from 1.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    ticks: AtomicU32,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), ticks: AtomicU32::new(1) }
    }

    pub(super) fn now(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Ticks for at least this time.
    pub(super) fn ticks(duration: Duration) -> u32 {
        u32::try_from(duration.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u32::MAX)
    }

    /// From the real time, so that a process that was stopped knows it.
    fn advance(&self) -> u32 {
        let ticks = u32::try_from(self.started.elapsed().as_millis() / TICK.as_millis()).unwrap_or(u32::MAX - 1) + 1;
        self.ticks.store(ticks, Ordering::Relaxed);
        ticks
    }
}

/// Ticks until the process ends.
pub(super) async fn run(gateway: Arc<Gateway>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut last = gateway.clock.now();
    loop {
        interval.tick().await;
        let now = gateway.clock.advance();
        // A process that was stopped must not blame its clients for the silence.
        let slept = now.saturating_sub(last) > 20 * LOOK;
        if slept || now.is_multiple_of(LOOK) {
            for handle in gateway.registry.everybody() {
                if slept {
                    forgive(&handle, now);
                } else {
                    look(&handle, now, &gateway);
                }
            }
            gateway.rates.forget_old();
        }
        last = now;
    }
}

fn forgive(handle: &Handle, now: u32) {
    handle.heard.store(now, Ordering::Relaxed);
    for since in [&handle.asked, &handle.client_stalled, &handle.upstream_stalled, &handle.closing] {
        // Only what has begun: 0 means never.
        let _ = since.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ticks| (ticks != 0).then_some(now));
    }
}

fn look(handle: &Handle, now: u32, gateway: &Gateway) {
    match judge(handle, now, &gateway.settings.patience) {
        Verdict::Fine => {}
        // It counts as asked once the question is on its way, which a large frame may delay.
        Verdict::Ask => handle.signal(Signal::Ping),
        Verdict::Cut(why) => {
            gateway.metrics.cut(why);
            handle.signal(Signal::Cut);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Ask,
    Cut(Cut),
}

fn judge(handle: &Handle, now: u32, patience: &Patience) -> Verdict {
    let over = |since: &AtomicU32, patience: Duration| {
        let since = since.load(Ordering::Relaxed);
        since != 0 && now.saturating_sub(since) > Clock::ticks(patience)
    };
    if over(&handle.closing, patience.closing) {
        return Verdict::Cut(Cut::Closing);
    }
    if over(&handle.client_stalled, patience.stall) {
        return Verdict::Cut(Cut::SlowClient);
    }
    if over(&handle.upstream_stalled, patience.stall) {
        return Verdict::Cut(Cut::SlowUpstream);
    }
    let Some(silence) = patience.silence else { return Verdict::Fine };
    let asked = handle.asked.load(Ordering::Relaxed);
    if asked == 0 {
        return if over(&handle.heard, silence) { Verdict::Ask } else { Verdict::Fine };
    }
    if over(&handle.asked, patience.answer) { Verdict::Cut(Cut::Silent) } else { Verdict::Fine }
}

#[cfg(test)]
mod tests {
    use super::super::registry::Registry;
    use super::*;

    const PATIENCE: Patience = Patience {
        silence: Some(Duration::from_secs(30)),
        answer: Duration::from_secs(10),
        stall: Duration::from_secs(20),
        closing: Duration::from_secs(5),
    };

    #[test]
    fn a_silent_client_is_asked_once_and_let_go_when_it_does_not_answer() {
        let member = Arc::new(Registry::default()).join("a", "d", 1);
        let handle = &member.handle;
        assert_eq!(judge(handle, 301, &PATIENCE), Verdict::Fine);
        assert_eq!(judge(handle, 302, &PATIENCE), Verdict::Ask);
        handle.asked.store(302, Ordering::Relaxed);
        assert_eq!(judge(handle, 402, &PATIENCE), Verdict::Fine);
        assert_eq!(judge(handle, 403, &PATIENCE), Verdict::Cut(Cut::Silent));
        assert_eq!(judge(handle, 9999, &Patience { silence: None, ..PATIENCE }), Verdict::Fine);
    }

    #[test]
    fn who_takes_nothing_or_does_not_finish_closing_is_let_go() {
        let member = Arc::new(Registry::default()).join("a", "d", 1);
        let handle = &member.handle;
        handle.upstream_stalled.store(1, Ordering::Relaxed);
        assert_eq!((judge(handle, 201, &PATIENCE), judge(handle, 202, &PATIENCE)), (Verdict::Fine, Verdict::Cut(Cut::SlowUpstream)));
        handle.client_stalled.store(1, Ordering::Relaxed);
        assert_eq!(judge(handle, 202, &PATIENCE), Verdict::Cut(Cut::SlowClient));
        handle.closing.store(100, Ordering::Relaxed);
        assert_eq!((judge(handle, 150, &PATIENCE), judge(handle, 151, &PATIENCE)), (Verdict::Fine, Verdict::Cut(Cut::Closing)));
    }
}

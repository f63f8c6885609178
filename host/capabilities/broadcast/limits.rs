//! Bounds of `host:broadcast`, with their reasons. Tests at and past each stand in `tests.rs`, `plan.rs`, `listing.rs`.

use std::time::Duration;

/// Patterns of one call: more are a list of labels, not filters.
pub(super) const PATTERNS: usize = 1_000;
/// Bytes of all patterns of one call together.
pub(super) const PATTERN_BYTES: usize = 32 << 10;
/// Labels in Redis that are looked at; a real server has one for each version that still has clients.
pub(super) const LABELS: usize = 100_000;
/// Gateways that are asked whether they live.
pub(super) const GATEWAYS: usize = 1_000;
/// Connections of one broadcast: about 100 bytes of memory each, and in the core layer 75 bytes of a message.
pub(super) const MEMBERS: u64 = 1_000_000;
/// Messages on their way at once: enough to be fast, and few enough to stop soon.
pub(super) const BATCH: usize = 1_000;

/// For everything until a connection is ready.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// For each answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// How long a lost server is tried to be reached again before the guest is told.
pub(super) const OUTAGE: Duration = Duration::from_secs(15);
/// Pauses between such attempts.
pub(super) const RETRY: Duration = Duration::from_millis(250);

/// A live worker takes a message within milliseconds; one that is still there after this is not listened for.
pub(super) const TAKEN_WITHIN: Duration = Duration::from_secs(2);
/// After this the server may have dropped the queue by itself, so that a message that is gone says nothing.
pub(super) const QUEUE_CERTAIN: Duration = Duration::from_secs(50);
/// Pauses between looks at the queues: the first, and the longest.
pub(super) const LOOK_FIRST: Duration = Duration::from_millis(5);
pub(super) const LOOK_LONGEST: Duration = Duration::from_millis(100);

/// A broadcast that fell behind by more than this does not catch up: the rate that was asked for is not exceeded
/// for long by what was late.
pub(super) const LATE: Duration = Duration::from_millis(500);
/// Shortest and longest `step`.
pub(super) const STEP_MS: std::ops::RangeInclusive<u32> = 10..=1_000;
/// How often progress is written to the run's file while it is sent.
pub(super) const SAVE_EVERY: Duration = Duration::from_millis(200);
/// Interrupted broadcasts that nobody resumed are forgotten after this.
pub(super) const RUN_AGE: Duration = Duration::from_secs(30 * 86_400);
/// Largest file of an interrupted broadcast: the queues and names of [`MEMBERS`].
pub(super) const RUN_BYTES: u64 = 256 << 20;

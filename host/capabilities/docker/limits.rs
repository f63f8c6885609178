//! Bounds of `host:docker`, with their reasons.

use std::time::Duration;

/// For each plain question: an engine that is busy answers within this, one that hangs does not.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// While something takes as long as it takes, the engine is asked this often whether it lives.
pub(super) const BEAT: Duration = Duration::from_secs(5);
/// How long an engine that went away may take to come back before those who watch a container are told.
pub(super) const OUTAGE: Duration = Duration::from_secs(15);

/// Jobs that work at once: each is a connection to the engine.
pub(super) const JOBS: usize = 64;
/// Events of a job that wait for the guest; as many as one call hands over.
pub(super) const EVENTS: usize = 500;
/// Bytes of an event's text.
pub(super) const EVENT_BYTES: usize = 4 << 10;
/// How long a question for an outcome waits for work that is being ended.
pub(super) const ENDING: Duration = Duration::from_millis(200);

/// Looks at a container that is waited for: the first pauses, and the longest.
pub(super) const LOOK_FIRST: Duration = Duration::from_millis(20);
pub(super) const LOOK_LONGEST: Duration = Duration::from_millis(250);

/// Between attempts at a lock.
pub(super) const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Lines of one reading of logs, and the bytes of one line.
pub(super) const LOG_LINES: u32 = 10_000;
pub(super) const LOG_LINE_BYTES: usize = 16 << 10;
/// Bytes of one reading of logs together: what crosses to a guest in one call is bounded too.
pub(super) const LOG_BYTES: usize = 32 << 20;
/// Bytes of one health check's output.
pub(super) const PROBE_BYTES: usize = 4 << 10;

/// Names, labels, variables, mounts... of one spec, counted together.
pub(super) const SPEC_ITEMS: usize = 20_000;
/// Bytes of one file that is put into a container, and of all of one container.
pub(super) const FILE_BYTES: usize = 1 << 20;
pub(super) const FILES_BYTES: usize = 16 << 20;
/// Specs of one check, references and ports of one question.
pub(super) const QUESTIONS: usize = 1_000;
/// Bytes of a name or reference.
pub(super) const NAME_BYTES: usize = 1_024;

/// Bytes of a program's output that are kept for the guest, both streams together.
pub(super) const CAPTURED_BYTES: u32 = 16 << 20;
/// Bytes of an answer about containers: a thousand of them are some megabytes.
pub(super) const TOLD_BYTES: usize = 64 << 20;

/// Of a Dockerfile: variables before its first `FROM`, bytes of one value, values within values; stages, and the images
/// and addresses that it names.
pub(super) const BUILD_VARIABLES: usize = 1_000;
pub(super) const BUILD_VALUE_BYTES: usize = 4 << 10;
pub(super) const BUILD_VALUE_DEPTH: usize = 16;
pub(super) const BUILD_IMAGES: usize = 200;

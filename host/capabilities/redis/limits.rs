//! Every bound of `host:redis` in one place, with its reason.

use std::time::Duration;

/// Connections of one run that are open at once: a command needs one or two.
pub(super) const CONNECTIONS: usize = 8;
/// Walks over keys at once: each has a connection of its own beside these.
pub(super) const SCANS: usize = 4;
/// Connecting, when the guest names no bound: names, TLS, login.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer, when the guest names no bound: a slow server that persists, not one that hangs.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// One pattern, granted or asked for: matching takes (pattern * key) steps at worst.
pub(super) const PATTERN_BYTES: usize = 1024;
/// Stars of a pattern that the server is asked to match: older ones take exponential time in them.
pub(super) const PUSHED_STARS: usize = 3;
/// One key. Servers take 512 MiB; a key of more than this is a mistake.
pub(super) const KEY_BYTES: usize = 64 << 10;
/// Keys, fields, members or values of one call: a round trip costs nothing beside them.
pub(super) const WORDS: usize = 1_000_000;
/// Commands of one pipeline.
pub(super) const COMMANDS: usize = 100_000;
/// One call with all its words, as it goes to the server; what a guest can hand over at once is no more.
pub(super) const REQUEST_BYTES: usize = 128 << 20;
/// The answers to one call together, held by the host before the guest has them.
pub(super) const ANSWER_BYTES: usize = 64 << 20;
/// Keys that the server looks at for one answer of a scan: at more than this it is busy for milliseconds.
pub(super) const SCAN_BATCH: u32 = 100_000;
/// The same when the guest names none.
pub(super) const SCAN_BATCH_DEFAULT: u32 = 1_000;
/// Answers of a scan that wait for the guest: the server works while the guest does.
pub(super) const SCANS_AHEAD: usize = 1;
/// Keys in one UNLINK: many commands in flight keep the server busy, and none keeps it from others for long.
pub(super) const UNLINK_KEYS: usize = 500;

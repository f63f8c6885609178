//! Every bound of `host:sql` in one place, with its reason.

use std::time::Duration;

/// Connections of one run that are open at once: a command needs one or two; a pool of a web server's size is a leak.
pub(super) const CONNECTIONS: usize = 8;
/// One statement or one script. The largest seeds of real projects are a few MiB.
pub(super) const SQL_BYTES: usize = 16 << 20;
/// What Postgres' protocol can count.
pub(super) const PARAMETERS: usize = 65_535;
/// One value, as parameter or result: far below SQLite's and Postgres' own bound of 1 GiB, so that a guest cannot make the host hold that.
pub(super) const VALUE_BYTES: usize = 64 << 20;
/// Rows of one batch: beyond this, crossing into the guest costs nothing any more.
pub(super) const BATCH_ROWS: u32 = 4096;
/// Bytes of one batch, after which it is handed over however few rows it has.
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// Batches decoded ahead of the guest: enough that decoding and the guest run side by side.
pub(super) const BATCHES_AHEAD: usize = 2;
/// Rows of `execute-returning` are held until the statement is committed, so they are bounded as a whole.
pub(super) const RETURNED_BYTES: usize = 64 << 20;
/// Clients that `admin.summary` lists.
pub(super) const CLIENTS: i64 = 100;
/// Connecting, when the guest names no bound.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Waiting for another process' lock on an SQLite file, when no statement timeout is set.
pub(super) const SQLITE_LOCK_WAIT: Duration = Duration::from_secs(5);
/// How long an engine's own statement timeout is trusted beyond its end before the host cancels by itself.
pub(super) const TIMEOUT_GRACE: Duration = Duration::from_millis(1500);
/// One request to cancel, by a second connection.
pub(super) const CANCEL_REQUEST: Duration = Duration::from_secs(2);
/// From the wish to cancel to giving the connection up.
pub(super) const CANCEL_WAIT: Duration = Duration::from_secs(4);
/// Between the last row and the end of its query on the connection.
pub(super) const ROWS_END: Duration = Duration::from_millis(250);
/// Until clients that are disconnected again and again let a database's name go.
pub(super) const DISCONNECT_WAIT: Duration = Duration::from_secs(10);
/// Closing all connections at the end of a run.
pub(super) const SHUTDOWN: Duration = Duration::from_secs(5);
/// A name in Postgres (NAMEDATALEN - 1).
pub(super) const NAME_BYTES: usize = 63;

//! The lock that keeps migrations apart: sqlx's own key, polled, with its holder named.
//!
//! Never a blocking request: a session that waits in `pg_advisory_lock` holds a snapshot, for which
//! CREATE INDEX CONCURRENTLY waits in turn. Between two tries our session is idle.

use std::time::{Duration, Instant};

use host_sdk::duration;

use crate::failure::{Code, Failure, Result};
use crate::ledger::{Engine, Holder, Ledger};
use crate::talk::Talk;

/// What sqlx's embedded migrator locks: `0x3d32ad9e * crc32(database)`.
pub fn sqlx_key(database: &str) -> i64 {
    0x3d32_ad9e * i64::from(crc32(database.as_bytes()))
}

/// CRC-32/ISO-HDLC, bit by bit: a database's name is short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Between two tries: short at first, for the fifty that start together; a second in the long run.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Takes the lock or gives up after `timeout`; zero is one try. Each new holder is named once.
pub fn acquire(ledger: &mut dyn Ledger, key: i64, timeout: Duration, talk: &mut dyn Talk) -> Result<()> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut named = None;
    loop {
        if ledger.try_lock(key)? {
            return Ok(());
        }
        let holder = ledger.lock_holder(key)?;
        let left = timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(held(ledger, key, holder.as_ref(), timeout));
        }
        let process = holder.as_ref().map(|holder| holder.process);
        if named != Some(process) {
            talk.note(&format!("waiting up to {} for the migration lock, {}", duration::words(timeout), holder_text(holder.as_ref())));
            named = Some(process);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn held(ledger: &dyn Ledger, key: i64, holder: Option<&Holder>, timeout: Duration) -> Failure {
    let waited = if timeout.is_zero() { String::new() } else { format!(" after {}", duration::words(timeout)) };
    let failure = Failure::new(
        Code::Locked,
        format!("the migration lock of `{}` is still taken{waited}: {}", ledger.database(), holder_text(holder)),
    )
    .hint("wait longer with `--lock-timeout SECONDS`");
    match (ledger.engine(), holder) {
        (Engine::Postgres, Some(holder)) if holder.process != 0 => {
            failure.hint(format!("if it hangs, end it in the database: `SELECT pg_terminate_backend({})` (lock key {key})", holder.process))
        }
        (Engine::Sqlite, Some(holder)) if holder.process != 0 => failure.hint(format!("if it hangs, end it: `kill {}`", holder.process)),
        _ => failure,
    }
}

fn holder_text(holder: Option<&Holder>) -> String {
    let Some(holder) = holder else { return "released just now or held by a session that the database does not show".to_owned() };
    let mut text = "held by".to_owned();
    if holder.process != 0 {
        text += &format!(" process {}", holder.process);
    }
    if !holder.user.is_empty() {
        text += &format!(" of user `{}`", holder.user);
    }
    if !holder.application.is_empty() {
        text += &format!(" (application `{}`)", holder.application);
    }
    if !holder.state.is_empty() {
        text += &format!(", {} for {} s", holder.state, holder.seconds);
    }
    if text == "held by" { "held by another process".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{crc32, holder_text, sqlx_key};
    use crate::ledger::Holder;

    #[test]
    fn the_key_is_the_one_sqlx_computes() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(sqlx_key("123456789"), 0x3d32_ad9e * 0xcbf4_3926);
    }

    #[test]
    fn a_holder_is_named_as_far_as_it_is_known() {
        let holder = Holder { process: 7, user: "app".to_owned(), application: "psql".to_owned(), state: "idle".to_owned(), seconds: 3 };
        assert_eq!(holder_text(Some(&holder)), "held by process 7 of user `app` (application `psql`), idle for 3 s");
        assert_eq!(holder_text(Some(&Holder::default())), "held by another process");
        assert!(holder_text(None).contains("released just now"));
    }
}

//! Advisory locks. The host never blocks: who wants to wait, asks again.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use crate::bindings::host::sql::lock;
use crate::ending::Ending;
use crate::error::{Error, Result};
use crate::sql::{Database, Holder};

/// Time between two tries.
const INTERVAL: Duration = Duration::from_millis(100);

/// A lock of this connection's. Dropping it releases it.
#[derive(Debug)]
pub struct AdvisoryLock<'a> {
    raw: lock::AdvisoryLock,
    connection: PhantomData<&'a Database>,
}

impl AdvisoryLock<'_> {
    /// False when it was no longer ours: a pooler, a killed session.
    pub fn release(self) -> Result<bool> {
        Ok(self.raw.release()?)
    }
}

impl Database {
    /// Power `lock`: one try; none when somebody else holds it.
    pub fn try_lock(&self, key: i64) -> Result<Option<AdvisoryLock<'_>>> {
        let raw = lock::AdvisoryLock::try_acquire(&self.connection, key)?;
        Ok(raw.map(|raw| AdvisoryLock { raw, connection: PhantomData }))
    }

    /// Power `lock`: who holds it, as far as the database tells.
    pub fn lock_holder(&self, key: i64) -> Result<Option<Holder>> {
        Ok(lock::AdvisoryLock::holder(&self.connection, key)?)
    }

    /// Power `lock`: tries until it is ours; after `timeout` ends with exit code 6 and names the holder.
    pub fn wait_for_lock(&self, key: i64, timeout: Duration) -> Result<AdvisoryLock<'_>> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(lock) = self.try_lock(key)? {
                return Ok(lock);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let holder = self.lock_holder(key)?.map(|holder| format!(", held by {holder}")).unwrap_or_default();
                return Err(Error::new(Ending::Locked, format!("lock {key} of `{}` was not free in time{holder}", self.name())));
            }
            std::thread::sleep(left.min(INTERVAL));
        }
    }
}

/// `process 17 (user `app`, `psql`, idle for 12 s)`, as far as it is known.
impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = (!self.user.is_empty()).then(|| format!("user `{}`", self.user));
        let application = (!self.application.is_empty()).then(|| format!("`{}`", self.application));
        let state = (!self.state.is_empty()).then(|| format!("{} for {} s", self.state, self.seconds));
        let parts: Vec<String> = [user, application, state].into_iter().flatten().collect();
        write!(out, "process {}", self.process)?;
        if parts.is_empty() { Ok(()) } else { write!(out, " ({})", parts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_named_as_far_as_it_is_known() {
        let mut holder = Holder { process: 17, user: String::new(), application: String::new(), state: String::new(), seconds: 12 };
        assert_eq!(holder.to_string(), "process 17");
        holder.user = "app".to_owned();
        holder.state = "idle".to_owned();
        assert_eq!(holder.to_string(), "process 17 (user `app`, idle for 12 s)");
    }
}

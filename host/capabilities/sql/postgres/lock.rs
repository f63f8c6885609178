//! Advisory locks of the session.

use sqlx::Row;

use crate::capabilities::sql::client::Result;
use crate::capabilities::sql::lock::Holder;
use crate::capabilities::sql::types::Error;

use super::session::Pg;

/// A 64-bit key stands in `pg_locks` as two halves, with `objsubid` 1.
const HOLDER: &str = "SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(a.state, ''), \
    coalesce(extract(epoch FROM now() - a.state_change), 0)::int8 \
    FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid IS NOT NULL \
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) \
    AND l.classid::int8 = ($1 >> 32) & 4294967295 AND l.objid::int8 = $1 & 4294967295 LIMIT 1";

impl Pg {
    pub(super) async fn try_lock(&mut self, key: i64) -> Result<bool> {
        self.check_direct().await?;
        self.boolean("SELECT pg_try_advisory_lock($1)", key).await
    }

    /// False when the lock was not this session's any more.
    pub(super) async fn unlock(&mut self, key: i64) -> Result<bool> {
        self.boolean("SELECT pg_advisory_unlock($1)", key).await
    }

    pub(super) async fn holder(&mut self, key: i64) -> Result<Option<Holder>> {
        let found = sqlx::query(HOLDER).bind(key).fetch_optional(&mut self.conn).await;
        let Some(row) = found.map_err(|error| self.failed(error))? else { return Ok(None) };
        let holder = || -> std::result::Result<Holder, sqlx::Error> {
            Ok(Holder {
                process: row.try_get::<Option<i32>, _>(0)?.and_then(|pid| u64::try_from(pid).ok()).unwrap_or(0),
                user: row.try_get(1)?,
                application: row.try_get(2)?,
                state: row.try_get(3)?,
                seconds: u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or(0),
            })
        };
        holder().map(Some).map_err(|error| self.failed(error))
    }

    async fn boolean(&mut self, sql: &'static str, key: i64) -> Result<bool> {
        let answer = sqlx::query_scalar::<_, bool>(sql).bind(key).fetch_one(&mut self.conn).await;
        answer.map_err(|error| self.failed(error))
    }

    /// A pooler that hands out another server session per transaction would make session locks worthless.
    async fn check_direct(&mut self) -> Result<()> {
        if self.is_direct || self.transaction.is_some() {
            return Ok(());
        }
        for _ in 0..3 {
            let pid = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").persistent(false).fetch_one(&mut self.conn).await;
            if pid.map_err(|error| self.failed(error))? != self.pid {
                return Err(Error::Other(format!(
                    "database `{}` is reached through a connection pooler in transaction mode, where advisory locks do not hold; \
                     use a direct connection, e.g. port 5432",
                    self.target.name
                )));
            }
        }
        self.is_direct = true;
        Ok(())
    }
}

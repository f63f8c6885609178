//! The database as a whole: summary, an empty one beside it, swapping names in one transaction.
//!
//! All of it is done from a connection to another database of the server. A staged database is empty but for
//! what its template has; it gets the old one's owner, encoding and locale, not its grants and settings.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::capabilities::sql::admin::{Client, DatabaseSummary};
use crate::capabilities::sql::client::{Result, Target, cut, is_kept, keep_name};
use crate::capabilities::sql::limits::{CLIENTS, DISCONNECT_WAIT, NAME_BYTES};
use crate::capabilities::sql::types::Error;

use super::{connect, error, options};

const STAGED: &str = "_staged_";
const SUFFIX_BYTES: usize = 12;

/// An empty database; its maker holds an advisory lock on its name, so that leftovers are told from those in use.
pub(in super::super) struct Staged {
    pub(in super::super) name: String,
    keeper: Option<Maintenance>,
}

/// A connection to another database of the server.
struct Maintenance {
    conn: PgConnection,
    /// The configured name, for messages.
    name: String,
    /// The name of the database on its server.
    database: String,
    options: PgConnectOptions,
}

impl Maintenance {
    async fn open(target: &Target) -> Result<Self> {
        let options = options(target)?;
        let database = options.get_database().unwrap_or(options.get_username()).to_owned();
        let mut last = error::broken(&target.name);
        for other in ["postgres", "template1"] {
            if other == database {
                continue;
            }
            match connect(&options.clone().database(other), &target.name, target.connect_timeout).await {
                Ok(conn) => return Ok(Self { conn, name: target.name.clone(), database, options }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        error::of_statement(error, &self.name)
    }

    async fn send(&mut self, sql: String) -> Result<()> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn).await;
        done.map(drop).map_err(|error| self.failed(error))
    }

    async fn exists(&mut self, database: &str) -> Result<bool> {
        let found = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1)");
        found.bind(database).fetch_one(&mut self.conn).await.map_err(|error| self.failed(error))
    }

    async fn names(&mut self) -> Result<Vec<String>> {
        let names = sqlx::query_scalar::<_, String>("SELECT datname::text FROM pg_catalog.pg_database ORDER BY datname DESC");
        names.fetch_all(&mut self.conn).await.map_err(|error| self.failed(error))
    }

    async fn lock(&mut self, name: &str) -> Result<bool> {
        let got = sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)").bind(lock_key(name)).fetch_one(&mut self.conn).await;
        got.map_err(|error| self.failed(error))
    }

    /// Deletes staged databases whose makers are gone. One that somebody is connected to is left alone.
    async fn delete_leftovers(&mut self) -> Result<()> {
        let prefix = staged_prefix(&self.database);
        for name in self.names().await?.into_iter().filter(|name| name.starts_with(&prefix) && name.len() == prefix.len() + SUFFIX_BYTES) {
            if self.lock(&name).await? {
                let _ = self.send(format!("DROP DATABASE IF EXISTS {}", quoted(&name))).await;
                self.send(format!("SELECT pg_advisory_unlock({})", lock_key(&name))).await?;
            }
        }
        Ok(())
    }

    /// `OWNER`, and the encoding and locale when they differ from those a new database gets anyway.
    async fn properties(&mut self) -> Result<String> {
        let sql = "SELECT pg_catalog.pg_get_userbyid(d.datdba)::text, pg_catalog.pg_encoding_to_char(d.encoding)::text, d.datcollate::text, d.datctype::text, \
            d.encoding = t.encoding AND d.datcollate = t.datcollate AND d.datctype = t.datctype \
            FROM pg_catalog.pg_database d, pg_catalog.pg_database t WHERE d.datname = $1 AND t.datname = 'template1'";
        let found = sqlx::query(sql).bind(&self.database).fetch_optional(&mut self.conn).await;
        let Some(row) = found.map_err(|error| self.failed(error))? else { return Ok(String::new()) };
        let text = |index: usize| row.try_get::<String, _>(index).unwrap_or_default();
        let owner = format!(" OWNER {}", quoted(&text(0)));
        match row.try_get::<bool, _>(4).unwrap_or(true) {
            true => Ok(owner),
            false => {
                let literal = |text: String| format!("'{}'", text.replace('\'', "''"));
                let (encoding, collate, ctype) = (literal(text(1)), literal(text(2)), literal(text(3)));
                Ok(format!("{owner} TEMPLATE template0 ENCODING {encoding} LC_COLLATE {collate} LC_CTYPE {ctype}"))
            }
        }
    }

    /// Renames in one transaction. Clients are disconnected again and again until the server lets the name go.
    async fn rename(&mut self, renames: &[(&str, &str)], disconnect: bool) -> Result<()> {
        let steps: Vec<String> =
            renames.iter().map(|(from, to)| format!("ALTER DATABASE {} RENAME TO {};", quoted(from), quoted(to))).collect();
        let sql = format!("BEGIN; {} COMMIT", steps.join(" "));
        let started = Instant::now();
        loop {
            if disconnect {
                self.disconnect(&renames.iter().map(|(from, _)| (*from).to_owned()).collect::<Vec<_>>()).await?;
            }
            let Err(error) = self.send(sql.clone()).await else { return Ok(()) };
            self.send("ROLLBACK".to_owned()).await?;
            let in_use = matches!(&error, Error::QueryFailed(report) if report.code == "55006");
            if !in_use || !disconnect || started.elapsed() > DISCONNECT_WAIT {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn disconnect(&mut self, databases: &[String]) -> Result<()> {
        let sql = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = ANY($1) AND pid <> pg_backend_pid()";
        let done = sqlx::query(sql).bind(databases).execute(&mut self.conn).await;
        done.map(drop).map_err(|error| self.failed(error))
    }

    async fn delete(&mut self, database: &str) -> Result<()> {
        let force = if self.conn.server_version_num().unwrap_or(0) >= 130_000 { " WITH (FORCE)" } else { "" };
        self.send(format!("DROP DATABASE IF EXISTS {}{force}", quoted(database))).await
    }
}

impl Staged {
    pub(in super::super) async fn create(target: &Target) -> Result<Self> {
        let mut keeper = Maintenance::open(target).await?;
        keeper.delete_leftovers().await?;
        let name = format!("{}{}", staged_prefix(&keeper.database), random_suffix());
        if !keeper.lock(&name).await? {
            return Err(Error::Other("another run has a staged database of the same name".to_owned()));
        }
        let properties = keeper.properties().await?;
        keeper.send(format!("CREATE DATABASE {}{properties}", quoted(&name))).await?;
        Ok(Self { name, keeper: Some(keeper) })
    }

    pub(in super::super) async fn discard(mut self) -> Result<()> {
        match self.keeper.take() {
            Some(mut keeper) => keeper.delete(&self.name).await,
            None => Ok(()),
        }
    }

    pub(in super::super) async fn swap(mut self, target: &Target, keep_as: Option<String>, disconnect: bool) -> Result<()> {
        let Some(mut keeper) = self.keeper.take() else { return Err(error::broken(&target.name)) };
        let swapped = swap_with(&mut keeper, &self.name, keep_as, disconnect).await;
        if swapped.is_err() && keeper.exists(&self.name).await.unwrap_or(false) {
            let _ = keeper.delete(&self.name).await;
        }
        let _ = keeper.conn.close().await;
        swapped
    }
}

async fn swap_with(keeper: &mut Maintenance, staged: &str, keep_as: Option<String>, disconnect: bool) -> Result<()> {
    let database = keeper.database.clone();
    if !keeper.exists(&database).await? {
        return keeper.rename(&[(staged, &database)], disconnect).await;
    }
    let is_kept = keep_as.is_some();
    // One that is to be deleted has a name that can be restored, too, until it is deleted.
    let wanted = keep_as.unwrap_or_else(|| format!("{database}_before_{}", random_suffix()));
    let keep_as = keep_name(&wanted, &database, NAME_BYTES)?;
    keeper.rename(&[(&database, &keep_as), (staged, &database)], disconnect).await?;
    if is_kept { Ok(()) } else { keeper.delete(&keep_as).await }
}

impl Drop for Staged {
    /// The run ended without a word: deleted in the background if there is still time, else by the next stage.
    fn drop(&mut self) {
        if let (Some(mut keeper), Ok(runtime)) = (self.keeper.take(), tokio::runtime::Handle::try_current()) {
            let name = std::mem::take(&mut self.name);
            runtime.spawn(async move { keeper.delete(&name).await });
        }
    }
}

/// What stands at the configured address, and that address for the person.
pub(in super::super) async fn summary(target: &Target) -> Result<(DatabaseSummary, String)> {
    let mut maintenance = Maintenance::open(target).await?;
    let database = maintenance.database.clone();
    let options = maintenance.options.clone();
    let server = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let shown = format!("database `{}` is `{database}` on {server}, user `{}`", target.name, options.get_username());
    let mut summary = DatabaseSummary {
        exists: maintenance.exists(&database).await?,
        database: database.clone(),
        bytes: 0,
        tables: 0,
        clients: Vec::new(),
    };
    if summary.exists {
        let size = sqlx::query_scalar::<_, i64>("SELECT pg_catalog.pg_database_size($1::name)")
            .bind(&database)
            .fetch_one(&mut maintenance.conn)
            .await;
        summary.bytes = u64::try_from(size.map_err(|error| maintenance.failed(error))?).unwrap_or(0);
        summary.clients = clients(&mut maintenance).await?;
        summary.tables = tables(target, &options).await?;
    }
    let _ = maintenance.conn.close().await;
    Ok((summary, shown))
}

async fn clients(maintenance: &mut Maintenance) -> Result<Vec<Client>> {
    let sql = "SELECT pid, coalesce(usename::text, ''), coalesce(application_name, ''), coalesce(state, '') FROM pg_catalog.pg_stat_activity \
        WHERE datname = $1 AND pid <> pg_backend_pid() ORDER BY pid LIMIT $2";
    let rows = sqlx::query(sql).bind(&maintenance.database).bind(CLIENTS).fetch_all(&mut maintenance.conn).await;
    let client = |row: &sqlx::postgres::PgRow| {
        let text = |index: usize| row.try_get::<String, _>(index).unwrap_or_default();
        let process = row.try_get::<i32, _>(0).ok().and_then(|pid| u64::try_from(pid).ok()).unwrap_or(0);
        Client { process, user: text(1), application: text(2), state: text(3) }
    };
    Ok(rows.map_err(|error| maintenance.failed(error))?.iter().map(client).collect())
}

async fn tables(target: &Target, options: &PgConnectOptions) -> Result<u32> {
    let mut conn = connect(options, &target.name, target.connect_timeout).await?;
    let sql = "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    let count = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut conn).await.map_err(|error| error::of_statement(error, &target.name))?;
    let _ = conn.close().await;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Databases that a swap kept. Names end with a time, so the newest come first.
pub(in super::super) async fn kept(target: &Target) -> Result<Vec<String>> {
    let mut maintenance = Maintenance::open(target).await?;
    let database = maintenance.database.clone();
    Ok(maintenance.names().await?.into_iter().filter(|name| is_kept(name, &database, NAME_BYTES)).collect())
}

pub(in super::super) async fn restore(target: &Target, kept: &str, keep_as: &str, disconnect: bool) -> Result<()> {
    let mut maintenance = Maintenance::open(target).await?;
    let database = maintenance.database.clone();
    if !is_kept(kept, &database, NAME_BYTES) || !maintenance.exists(kept).await? {
        return Err(crate::capabilities::sql::error::invalid(format!("`{kept}` is not a kept database of `{}`", target.name)));
    }
    let keep_as = keep_name(keep_as, &database, NAME_BYTES)?;
    match maintenance.exists(&database).await? {
        true => maintenance.rename(&[(&database, &keep_as), (kept, &database)], disconnect).await,
        false => maintenance.rename(&[(kept, &database)], disconnect).await,
    }
}

fn staged_prefix(database: &str) -> String {
    format!("{}{STAGED}", cut(database, NAME_BYTES - STAGED.len() - SUFFIX_BYTES))
}

/// The random end of a version 7 uuid.
fn random_suffix() -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    id.get(id.len() - SUFFIX_BYTES..).unwrap_or_default().to_owned()
}

fn lock_key(name: &str) -> i64 {
    let hash = Sha256::digest(name.as_bytes());
    i64::from_be_bytes(hash.first_chunk::<8>().copied().unwrap_or_default())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

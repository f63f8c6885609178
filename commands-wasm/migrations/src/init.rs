//! `init_db`: a new database is made and migrated beside the old one, then takes its place in one step. Until
//! that step nothing has happened to the old one; after it, the old one is kept under a name that leads back.

use std::time::{Duration, SystemTime};

use crate::failure::{Code, Failure, Result};
use crate::files::App;
use crate::ledger::{self, Ledger};
use crate::migrate::{self, Action, Request};
use crate::moment;
use crate::plan::Permits;
use crate::report::Report;
use crate::talk::Talk;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    pub process: u64,
    pub user: String,
    pub application: String,
    pub state: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub exists: bool,
    pub database: String,
    pub bytes: u64,
    pub tables: u32,
    pub clients: Vec<Client>,
}

/// The server as `init_db` needs it.
pub trait Server {
    fn summary(&mut self) -> ledger::Result<Summary>;
    /// Creates an empty database beside the configured one, and connects to it.
    fn stage(&mut self) -> ledger::Result<&mut dyn Ledger>;
    /// Closes the connection and puts the staged database in the configured one's place.
    fn swap(&mut self, keep_as: Option<&str>, disconnect: bool) -> ledger::Result<()>;
    /// Deletes the staged database.
    fn discard(&mut self);
    /// Newest first.
    fn restorable(&mut self) -> ledger::Result<Vec<String>>;
    fn restore(&mut self, kept: &str, keep_as: &str, disconnect: bool) -> ledger::Result<()>;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// `--confirm-name`.
    pub confirmed: Option<String>,
    /// Delete the old database instead of keeping it.
    pub drop_old: bool,
    /// End the connections of others.
    pub disconnect: bool,
}

/// What became of it, for `--json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub database: String,
    pub kept_as: Option<String>,
}

/// `--list`: the databases that lead back.
pub fn list(server: &mut dyn Server, talk: &mut dyn Talk) -> Result<Vec<String>> {
    let kept = server.restorable()?;
    if kept.is_empty() {
        talk.note("no database is kept from before");
    }
    talk.out(&kept.iter().map(|name| format!("{name}\n")).collect::<String>());
    Ok(kept)
}

pub fn recreate(wish: &Wish, apps: Vec<App>, server: &mut dyn Server, talk: &mut dyn Talk, report: &mut Report) -> Result<Done> {
    let summary = server.summary()?;
    describe(&summary, talk);
    let keep_as = if summary.exists && !wish.drop_old { Some(kept_name(&summary.database, &server.restorable()?)) } else { None };
    if summary.exists {
        let migrations: usize = apps.iter().map(|app| app.migrations.len()).sum();
        let fate = keep_as.as_ref().map_or("it is DELETED with everything in it".to_owned(), |name| format!("it is renamed to `{name}`"));
        talk.note(&format!("{fate}; a new one with {migrations} migrations takes its place"));
        refuse_clients(&summary, wish)?;
        confirm(&summary.database, wish, "recreate it", talk)?;
    }
    talk.out(&format!("Recreating database {}:\n  Creating a new one...", summary.database));
    let result =
        migrate_new(apps, server, talk, report).and_then(|()| server.swap(keep_as.as_deref(), wish.disconnect).map_err(Failure::from));
    if let Err(failure) = result {
        server.discard();
        let message = format!("{}\n  the new database was deleted; `{}` is as it was before", failure.message, summary.database);
        return Err(Failure { message, ..failure });
    }
    let keep_as = kept(server, keep_as);
    talk.out(&format!("The new database is in place of {}.\n", summary.database));
    if let Some(kept) = &keep_as {
        talk.out(&format!("The old one is kept as {kept}. To go back:\n  host run init_db --restore {kept}\n"));
    }
    Ok(Done { database: summary.database, kept_as: keep_as })
}

pub fn restore(kept: &str, wish: &Wish, server: &mut dyn Server, talk: &mut dyn Talk) -> Result<Done> {
    let known = server.restorable()?;
    if !known.iter().any(|name| name == kept) {
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let hint = if names.is_empty() { "no database is kept from before".to_owned() } else { format!("kept are {}", names.join(", ")) };
        return Err(Failure::usage(format!("there is no kept database `{kept}`")).hint(hint));
    }
    let summary = server.summary()?;
    describe(&summary, talk);
    let keep_as = kept_name(&summary.database, &known);
    talk.note(&format!("it is renamed to `{keep_as}`; `{kept}` takes its place"));
    refuse_clients(&summary, wish)?;
    confirm(&summary.database, wish, "put the kept one in its place", talk)?;
    server.restore(kept, &keep_as, wish.disconnect)?;
    let keep_as = self::kept(server, Some(keep_as)).unwrap_or_default();
    talk.out(&format!(
        "{kept} is in place of {database}. To go back:\n  host run init_db --restore {keep_as}\n",
        database = summary.database
    ));
    Ok(Done { database: summary.database, kept_as: Some(keep_as) })
}

fn migrate_new(apps: Vec<App>, server: &mut dyn Server, talk: &mut dyn Talk, report: &mut Report) -> Result<()> {
    let staged = server.stage().inspect_err(|_| talk.out(" FAILED\n"))?;
    talk.out(" OK\n");
    let request = Request {
        app: None,
        target: None,
        action: Action::Migrate,
        permits: Permits::default(),
        fake_initial: false,
        run_syncdb: apps.iter().any(|app| app.schema.is_some()),
        lock_key: None,
        lock_timeout: Duration::ZERO,
        explain_lock: false,
        verbose: false,
    };
    migrate::run(&request, apps, staged, talk, report).map_err(|failure| {
        // Hints of `migrate` speak of a database that is about to be deleted.
        Failure { hints: vec!["correct that, then `host run init_db` again".to_owned()], ..failure }
    })
}

fn describe(summary: &Summary, talk: &mut dyn Talk) {
    if !summary.exists {
        talk.note(&format!("database `{}` does not exist yet", summary.database));
        return;
    }
    let clients = summary.clients.len();
    let [tables, connections] =
        [(summary.tables as usize, "table"), (clients, "open connection")].map(|(count, noun)| counted(count, noun));
    talk.note(&format!("database `{}`: {}, {tables}, {connections}", summary.database, size(summary.bytes)));
    /// Enough to see who is there.
    const SHOWN_MAX: usize = 10;
    for client in summary.clients.iter().take(SHOWN_MAX) {
        talk.note(&format!("  process {}, user `{}`, application `{}`, {}", client.process, client.user, client.application, client.state));
    }
    if clients > SHOWN_MAX {
        talk.note(&format!("  and {} more", clients - SHOWN_MAX));
    }
}

fn refuse_clients(summary: &Summary, wish: &Wish) -> Result<()> {
    if summary.clients.is_empty() || wish.disconnect {
        return Ok(());
    }
    let count = counted(summary.clients.len(), "open connection");
    Err(Failure::new(Code::Unconfirmed, format!("nothing was changed: `{}` has {count}, listed above", summary.database))
        .hint("stop what is connected, or end its connections with `--disconnect`"))
}

/// `--yes` does not answer this: the name is typed, or given.
fn confirm(database: &str, wish: &Wish, what: &str, talk: &mut dyn Talk) -> Result<()> {
    let typed = match &wish.confirmed {
        Some(name) => name.clone(),
        None => talk.text(&format!("Type the name of the database to {what}"), &format!("--confirm-name {database}"))?,
    };
    if typed.trim() == database {
        return Ok(());
    }
    Err(Failure::new(Code::Unconfirmed, format!("nothing was changed: `{}` is not the name of the database, `{database}`", typed.trim())))
}

/// `shop_before_20260102t030405z`. The host shortens a name that its engine would cut.
/// Two within a second are told apart by a number.
fn kept_name(database: &str, known: &[String]) -> String {
    let first = format!("{database}_before_{}", moment::stamp(SystemTime::now()));
    let names = (2..).map(|number| format!("{first}_{number}"));
    std::iter::once(first.clone()).chain(names).find(|name| !known.contains(name)).unwrap_or(first.clone())
}

/// The name that was really given.
fn kept(server: &mut dyn Server, wanted: Option<String>) -> Option<String> {
    let wanted = wanted?;
    let known = server.restorable().unwrap_or_default();
    if known.contains(&wanted) { Some(wanted) } else { known.into_iter().next().or(Some(wanted)) }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes as f64 / 1024.0;
    for unit in UNITS {
        if amount < 1024.0 || unit == "TiB" {
            return format!("{amount:.1} {unit}");
        }
        amount /= 1024.0;
    }
    format!("{bytes} B")
}

#[cfg(test)]
#[path = "init_tests.rs"]
mod tests;

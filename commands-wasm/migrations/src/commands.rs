//! The commands' bodies: from arguments to the library and to an ending. Their `main` is a few lines.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use host_sdk::serde_json::{Value, json};
use host_sdk::{Host, Result, out, talk, warning};

use crate::arguments::{Lock, MigrateArgs, django_level};
use crate::failure::Failure;
use crate::files::App;
use crate::init::{self, Wish};
use crate::ledger::{self, Reader};
use crate::migrate;
use crate::plan::{self, Judged};
use crate::report::Report;
use crate::server::AdminServer;
use crate::show;
use crate::state::State;
use crate::store::{self, ReadStore, WriteStore};
use crate::view::{self, Source};
use crate::voice::Voice;
use crate::wait::{self, Health, Patience, World};

/// Where this project keeps its migrations: config keys `migrations` and `app`.
pub fn load(host: &Host) -> Result<Vec<App>> {
    let folder = host.config("migrations")?.unwrap_or_else(|| "migrations".to_owned());
    let default_label = host.config("app")?.unwrap_or_else(|| host.project());
    let default_label = if default_label.is_empty() { "app".to_owned() } else { default_label };
    Ok(Source { folder: folder.trim_end_matches('/').to_owned(), default_label }.load()?)
}

/// `migrate` and `lockedmigrate`.
pub fn migrate(args: &MigrateArgs, host: &Host, lock: Lock) -> Result<()> {
    // `config.out-of-order = "allow"`: for projects whose branches number their migrations independently.
    let out_of_order = host.config("out-of-order")?.is_some_and(|value| value == "allow");
    let mut request = args.request(lock, out_of_order, host.settings().verbosity > 0);
    if request.app.is_some() && request.app == django_level(std::env::args()) {
        request.app = request.target.take();
    }
    let apps = load(host)?;
    let mut store = WriteStore::open(&args.database).map_err(Failure::from)?;
    let mut report = Report::default();
    match migrate::run(&request, apps, &mut store, &mut Voice::new(host), &mut report) {
        Ok(()) if host.wants_json() => host.json(&report.document(host.name(), &args.database)),
        Ok(()) => Ok(()),
        Err(failure) => Err(report.attach(failure).into()),
    }
}

/// What `showmigrations` was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Show<'a> {
    /// None: all.
    pub apps: &'a [String],
    pub plan: bool,
    pub database: &'a str,
}

pub fn show(wish: Show<'_>, host: &Host) -> Result<()> {
    let apps = load(host)?;
    let mut judged = match ReadStore::open(wish.database, store::no_bounds()) {
        Ok(mut store) => view::open(apps, &mut store)?,
        Err(error) if is_no_file_yet(&error) => view::open(apps, &mut NoDatabase)?,
        Err(error) => return Err(Failure::from(error).into()),
    };
    let labels: Vec<&App> = judged.iter().map(|judged| &judged.app).collect();
    let level = django_level(std::env::args());
    let wanted: BTreeSet<&String> = wish.apps.iter().filter(|word| Some(*word) != level.as_ref()).collect();
    if let Some(unknown) = wanted.iter().find(|word| labels.iter().all(|app| app.label != ***word)) {
        return Err(plan::unknown_app(&labels, unknown).into());
    }
    judged.retain(|judged| wanted.is_empty() || wanted.contains(&judged.app.label));
    let selected: Vec<&Judged> = judged.iter().collect();
    if host.wants_json() {
        return host.json(&show::document(&selected, wish.database));
    }
    let with_times = host.settings().verbosity > 0;
    let text = if wish.plan { show::plan(&selected, with_times) } else { show::list(&selected, with_times) };
    out!("{}", text.trim_end_matches('\n'));
    explain(&judged);
    Ok(())
}

/// What the words behind the names mean, where there are any.
fn explain(judged: &[Judged]) {
    for warning in view::warnings(judged) {
        warning!("{warning}");
    }
    let any = |state: State| judged.iter().any(|judged| judged.state.in_state(state).next().is_some());
    if any(State::Edited) || any(State::OutOfOrder) || any(State::Unfinished) {
        talk!("hint: `host run migrate` says what can be done about what is edited, out of order or unfinished");
    }
}

/// A SQLite file that is not there yet: nothing is applied, and nothing is created to find that out.
fn is_no_file_yet(error: &ledger::Error) -> bool {
    matches!(error, ledger::Error::Rejected(complaint) if complaint.code == "14")
}

struct NoDatabase;

impl Reader for NoDatabase {
    fn engine(&self) -> ledger::Engine {
        ledger::Engine::Sqlite
    }

    fn database(&self) -> String {
        String::new()
    }

    fn read(&mut self, _tables: &[&str]) -> ledger::Result<ledger::Tables> {
        Ok(ledger::Tables::new())
    }

    fn exist(&mut self, names: &[String]) -> ledger::Result<Vec<bool>> {
        Ok(vec![false; names.len()])
    }
}

/// What `wait4db` was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    pub patience: Patience,
    pub database: &'a str,
    /// Pending migrations count as not ready.
    pub migrated: bool,
}

pub fn wait(wish: Wait<'_>, host: &Host) -> Result<()> {
    let apps = if wish.migrated { load(host)? } else { Vec::new() };
    let judged = view::open(apps, &mut NoDatabase)?;
    let mut world = Probing { wish, judged, started: Instant::now(), changes: Vec::new() };
    let result = wait::wait(wish.patience, &mut world);
    let seconds = world.started.elapsed().as_secs_f64();
    match result {
        Ok(probes) if host.wants_json() => host.json(
            &json!({ "command": host.name(), "database": wish.database, "seconds": seconds, "probes": probes, "changes": world.changes }),
        ),
        Ok(_) => {
            let migrated = if wish.migrated { "ready and migrated" } else { "ready" };
            out!("database {} is {migrated}", wish.database);
            Ok(())
        }
        Err(failure) => {
            let was_there = world.changes.iter().any(|change| change["state"] == "ready" || change["state"] == "pending");
            let failure = match was_there {
                true => failure,
                false => failure.hint(format!("`host config sql.{}.url` shows where it is looked for", wish.database)),
            };
            Err(failure.detail("seconds", seconds).detail("changes", world.changes).into())
        }
    }
}

struct Probing<'a> {
    wish: Wait<'a>,
    judged: Vec<Judged>,
    started: Instant,
    changes: Vec<Value>,
}

impl World for Probing<'_> {
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn probe(&mut self, bound: Duration) -> Health {
        match self.look(bound) {
            Ok(health) => health,
            Err(ledger::Error::Rejected(complaint)) if !is_passing(&complaint.code) => Health::Refused(complaint.text()),
            Err(error) => Health::Unreachable(error.text().lines().next().unwrap_or_default().to_owned()),
        }
    }

    fn changed(&mut self, health: &Health) {
        let text = wait::describe(health, self.wish.patience.stable);
        talk!("{text}");
        self.changes.push(json!({ "seconds": self.elapsed().as_secs_f64(), "state": health.word(), "text": text }));
    }
}

impl Probing<'_> {
    /// A fresh connection, bounded as a whole: half for connecting, half for each of the two statements would be
    /// too much, so each is bounded by what is left.
    fn look(&mut self, bound: Duration) -> ledger::Result<Health> {
        let milliseconds = u32::try_from(bound.as_millis()).unwrap_or(u32::MAX).max(1);
        let bounds = host_sdk::host::sql::types::ConnectOptions { connect_timeout_ms: milliseconds, statement_timeout_ms: milliseconds };
        let mut store = ReadStore::open(self.wish.database, bounds)?;
        view::refresh(&mut self.judged, &mut store)?;
        let pending = |judged: &Judged| {
            judged.state.unapplied().map(|entry| format!("`{}` ({})", judged.full_name(entry), entry.state.word())).collect::<Vec<_>>()
        };
        let pending: Vec<String> = self.judged.iter().flat_map(pending).collect();
        Ok(if pending.is_empty() { Health::Ready } else { Health::Pending(pending) })
    }
}

/// Refusals that pass: starting up, shutting down, too many connections, a SQLite file that is not there yet.
fn is_passing(code: &str) -> bool {
    matches!(code, "57P01" | "57P02" | "57P03" | "53300" | "14") || code.starts_with("08")
}

/// What `init_db` was asked for.
#[derive(Clone, Debug)]
pub enum Init {
    Recreate,
    List,
    /// Puts this kept database back.
    Restore(String),
}

pub fn init(what: &Init, wish: &Wish, database: &str, host: &Host) -> Result<()> {
    let mut server = AdminServer::new(database);
    let mut voice = Voice::new(host);
    let mut report = Report::default();
    let done = match what {
        Init::List => {
            let kept = init::list(&mut server, &mut voice)?;
            return if host.wants_json() {
                host.json(&json!({ "command": host.name(), "database": database, "kept": kept }))
            } else {
                Ok(())
            };
        }
        Init::Restore(kept) => init::restore(kept, wish, &mut server, &mut voice),
        Init::Recreate => init::recreate(wish, load(host)?, &mut server, &mut voice, &mut report),
    };
    let done = done.map_err(|failure| report.attach(failure))?;
    if !host.wants_json() {
        return Ok(());
    }
    let mut document = report.document(host.name(), database);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("recreated".to_owned(), json!(done.database));
        fields.insert("kept_as".to_owned(), json!(done.kept_as));
    }
    host.json(&document)
}

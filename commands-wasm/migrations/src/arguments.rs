//! Arguments of `migrate` and `lockedmigrate`: Django's, and what the format of the files adds.

use std::time::Duration;

use host_sdk::{clap, duration};

use crate::migrate::{Action, Request};
use crate::plan::Permits;

#[derive(Clone, Debug, clap::Args)]
pub struct MigrateArgs {
    /// App whose migrations are meant; with one app only, a target may stand here
    pub app: Option<String>,
    /// Go to this migration: a name, a number, the beginning of a name; `zero` undoes all
    pub target: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Exit with 3 if anything is pending, and do nothing
    #[arg(long)]
    pub check: bool,
    /// Record migrations as done, or as undone, without running them
    #[arg(long)]
    pub fake: bool,
    /// Record an app's first migration without running it if all tables it creates are there
    #[arg(long)]
    pub fake_initial: bool,
    /// Forget applied migrations whose files are gone
    #[arg(long, conflicts_with_all = ["target", "plan", "check", "fake", "fake_initial", "run_syncdb", "repair", "retry"])]
    pub prune: bool,
    /// Create the tables of apps that have a `schema.sql` and no migrations
    #[arg(long)]
    pub run_syncdb: bool,
    /// Record checksums anew where only line endings changed
    #[arg(long, conflicts_with_all = ["target", "plan", "check", "fake", "fake_initial", "run_syncdb", "retry"])]
    pub repair: bool,
    /// Run again, from its start, a `-- no-transaction` migration that was interrupted
    #[arg(long)]
    pub retry: bool,
    /// Apply a migration although a later one is applied
    #[arg(long)]
    pub allow_out_of_order: bool,
    /// Apply new migrations although files of applied ones are gone
    #[arg(long)]
    pub ignore_missing: bool,
    /// Database by its name in host.toml
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub database: String,
    /// How long to wait while another process migrates: 60, 5m; 0 is one try
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub lock_timeout: Option<Duration>,
}

/// How a command locks, where its arguments do not say.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    /// None: sqlx's own.
    pub key: Option<i64>,
    pub timeout: Duration,
    /// Says what stands in for the lock on SQLite.
    pub explain: bool,
}

impl MigrateArgs {
    /// `out_of_order`, `verbose`: what the project's configuration and the common options add.
    pub fn request(&self, lock: Lock, out_of_order: bool, verbose: bool) -> Request {
        let action = match (self.prune, self.repair, self.plan, self.check) {
            (true, ..) => Action::Prune,
            (_, true, ..) => Action::Repair,
            (_, _, true, true) => Action::PlanAndCheck,
            (_, _, true, false) => Action::Plan,
            (_, _, false, true) => Action::Check,
            _ => Action::Migrate,
        };
        Request {
            app: self.app.clone(),
            target: self.target.clone(),
            action,
            permits: Permits {
                fake: self.fake,
                retry: self.retry,
                out_of_order: self.allow_out_of_order || out_of_order,
                missing: self.ignore_missing,
            },
            fake_initial: self.fake_initial,
            run_syncdb: self.run_syncdb,
            lock_key: lock.key,
            lock_timeout: self.lock_timeout.unwrap_or(lock.timeout),
            explain_lock: lock.explain,
            verbose,
        }
    }
}

/// Django's `-v 2`, where the number is a level and no app: that number, for who finds it among the apps.
pub fn django_level(words: impl IntoIterator<Item = String>) -> Option<String> {
    let mut words = words.into_iter().skip_while(|word| word != "-v" && word != "--verbosity");
    words.nth(1).filter(|word| matches!(word.as_str(), "0" | "1" | "2" | "3"))
}

#[cfg(test)]
mod tests {
    use super::django_level;

    #[test]
    fn a_number_after_v_is_djangos_level() {
        let level = |line: &str| django_level(line.split(' ').map(str::to_owned));
        assert_eq!(level("showmigrations -v 2 shop"), Some("2".to_owned()));
        assert_eq!(level("showmigrations -v shop"), None);
        assert_eq!(level("migrate shop 2"), None);
    }
}

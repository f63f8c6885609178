//! `flush_cache`: removes cache keys from Redis with SCAN and UNLINK, and spares what is no cache.
//!
//! With `--yes` there is one walk: find, classify, remove. Otherwise a walk that only looks comes before the question.
//! Sizes are those that the server estimates; beyond 2,000 keys only some are measured, and the sum is said as `about`.

mod class;
mod pace;
mod plan;
mod queues;
mod removal;
mod report;
mod segment;
mod tally;
mod walk;
mod words;

use std::time::Instant;

use host_sdk::redis::Connection;
use host_sdk::{Ending, Error, Host, Result, clap};

use crate::class::Class;
use crate::pace::{Meter, Pace};
use crate::plan::Plan;
use crate::queues::Queues;
use crate::report::Place;
use crate::tally::Tally;
use crate::walk::{Deed, Walk};

#[derive(clap::Args)]
struct Args {
    /// Only keys that begin with this
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Redis by its name in host.toml
    #[arg(long, value_name = "NAME", default_value = "default")]
    redis: String,
    /// Show what would be removed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// At most so many keys a second: 5000/s
    #[arg(long, value_name = "N/s", value_parser = pace::parse_rate)]
    rate: Option<u64>,
    /// The whole database is meant, where nothing that was granted narrows it
    #[arg(long, conflicts_with = "prefix")]
    all_of_db: bool,
    /// Remove keys of these classes too
    #[arg(long, value_name = "CLASS", value_delimiter = ',')]
    include: Vec<Class>,
}

host_sdk::command!(flush_cache);

fn flush_cache(args: Args, host: &Host) -> Result<()> {
    let redis = Connection::open(&args.redis)?;
    let scope = redis.granted_scope()?;
    let prefix = args.prefix.clone().filter(|prefix| !prefix.is_empty());
    let place = Place { redis: args.redis.clone(), database: redis.database(), prefix, granted: scope.patterns.clone() };
    if scope.whole_database && place.prefix.is_none() && !args.all_of_db && !args.dry_run {
        return Err(whole_database(&place));
    }
    let plan = Plan::new(place.prefix.as_deref().map(str::as_bytes), &scope, &args.include);
    let mut queues = Queues::default();
    if plan.includes(Class::Kombu) {
        queues.complete();
    } else if place.prefix.is_some() {
        // The walk will not come by the bindings of queues whose names begin so.
        queues.read(&redis)?;
    }
    let mut flush = Flush { redis: &redis, plan: &plan, queues, place: &place, host };
    if args.dry_run {
        return flush.dry_run();
    }
    let surveyed = if host.settings().assume_yes { None } else { Some(flush.survey()?) };
    if let Some(tally) = &surveyed {
        if tally.found == 0 {
            return flush.nothing(tally);
        }
        report::before_question(tally);
        host.require_yes(&report::question(tally, &place))?;
    }
    flush.remove(args.rate, surveyed.map(|tally| tally.found))
}

fn whole_database(place: &Place) -> Error {
    Error::new(
        Ending::Unconfirmed,
        format!("all keys of {} are granted, and all of them would be meant; nothing was removed", place.words()),
    )
    .hint("`--prefix shop:cache:` means only the keys that begin so; `--dry-run` shows which there are")
    .hint("narrower `keys` in the grant do the same for every run: keys = [\"shop:cache:*\"]")
    .hint("`--all-of-db` means them all; queues, sessions and channel layers are still spared")
}

struct Flush<'a> {
    redis: &'a Connection,
    plan: &'a Plan,
    queues: Queues,
    place: &'a Place,
    host: &'a Host,
}

impl Flush<'_> {
    fn dry_run(&mut self) -> Result<()> {
        let started = Instant::now();
        let tally = self.survey()?;
        report::would(&tally, self.place, started.elapsed(), self.host)
    }

    /// A walk that only looks.
    fn survey(&mut self) -> Result<Tally> {
        let mut tally = Tally::default();
        let meter = self.meter("looking at keys", None)?;
        self.walk(Deed::Look, meter, &mut tally)?;
        Ok(tally)
    }

    fn nothing(&self, tally: &Tally) -> Result<()> {
        report::done(tally, self.place, std::time::Duration::ZERO, self.host)
    }

    /// The walk that removes. `expected` keys were found before.
    fn remove(&mut self, rate: Option<u64>, expected: Option<u64>) -> Result<()> {
        let started = Instant::now();
        let mut tally = Tally::default();
        let meter = self.meter("removing keys", expected)?;
        let outcome = self.walk(Deed::Remove(Pace::new(rate)), meter, &mut tally);
        outcome.map_err(|error| report::cut_short(error, &tally, self.host.name()))?;
        report::done(&tally, self.place, started.elapsed(), self.host)
    }

    /// Counts removed keys up to `expected`; where that is not known, the keys that were looked at.
    fn meter(&self, label: &str, expected: Option<u64>) -> Result<Meter> {
        let total = expected.map_or_else(|| self.redis.database_size(), Ok)?;
        Ok(Meter::new(self.host.progress(label, total.max(1)), total, expected.is_some()))
    }

    fn walk(&mut self, deed: Deed, meter: Meter, tally: &mut Tally) -> Result<()> {
        Walk { redis: self.redis, plan: self.plan, queues: &mut self.queues, tally, meter, deed }.run()
    }
}

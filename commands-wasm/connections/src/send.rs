//! `connections drop` and `connections force_reload`.

use std::time::{Duration, Instant};

use host_sdk::broadcast::{self, BroadcastError, Delivery, Job, Listing, Pace, Progress, Sending};
use host_sdk::serde_json::{Map, Value, json};
use host_sdk::{Ending, Error, Failure, Host, Result, duration, out, talk, warning};

use crate::arguments::Send;
use crate::{is_the_runs_end, list, pace, show};

/// One step of the host: how often progress is shown, and how long an interruption may wait.
const STEP: Duration = Duration::from_millis(250);
/// For all that is not pauses: answers, what is told at the end.
const SPARE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Drop,
    Reload,
}

impl Act {
    /// As it is typed.
    fn action(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reload => "force_reload",
        }
    }

    /// `dropped 3 connections`.
    fn done(self, what: &str) -> String {
        match self {
            Self::Drop => format!("dropped {what}"),
            Self::Reload => format!("told {what} to reload"),
        }
    }

    fn start(self, job: &Job) -> Result<Sending> {
        match self {
            Self::Drop => broadcast::drop(job),
            Self::Reload => broadcast::reload(job),
        }
    }
}

pub(crate) fn send(act: Act, args: &Send, host: &Host) -> Result<Ending> {
    let pace = pace::of(args)?;
    if args.resume.is_none() {
        let listing = broadcast::labels(&args.filters, true)?;
        if listing.labels.is_empty() {
            return Err(list::nothing(&args.filters)?);
        }
        let count = announce(&listing, args.max, host);
        let time = pace::time_for(count, &pace);
        if args.dry_run {
            return would(act, &listing, count, time, host);
        }
        confirm(act, args, &listing, count, host)?;
        warn_of_time(time, host);
    }
    let job = Job { patterns: args.filters.clone(), pace, max: args.max.unwrap_or(0), resume: args.resume.clone() };
    let mut sending = act.start(&job)?;
    let started = Instant::now();
    let ended = run(&mut sending, &pace, host);
    let report = Report { act, host, results: sending.results(), took: started.elapsed() };
    match ended {
        Ok(()) => report.finished(),
        Err(error) => {
            let token = sending.resume_token();
            Err(report.stopped(error, token))
        }
    }
}

/// Shows labels and counts; answers how many connections it is about.
fn announce(listing: &Listing, max: Option<u64>, host: &Host) -> u64 {
    if !host.wants_json() {
        talk!("{}", show::counts(&listing.labels).trim_end());
    }
    let all: u64 = listing.labels.iter().filter_map(|count| count.members).sum();
    max.map_or(all, |max| max.min(all))
}

fn would(act: Act, listing: &Listing, count: u64, time: Option<Duration>, host: &Host) -> Result<Ending> {
    if host.wants_json() {
        let milliseconds = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let labels = list::labels(listing);
        host.json(&json!({ "command": host.name(), "action": act.action(), "dry_run": true, "connections": count, "takes_ms": milliseconds, "labels": labels }))?;
    } else {
        let takes = time.map_or_else(String::new, |time| format!(", in {}", rounded(time)));
        let verb = if act == Act::Drop { "be dropped" } else { "be told to reload" };
        out!("{} of {} would {verb}{takes}", show::number(count, "connection"), show::number(length(listing), "label"));
    }
    Ok(Ending::Ok)
}

/// Without a filter it is about everybody: that wants `--all`, or a yes to what is shown.
fn confirm(act: Act, args: &Send, listing: &Listing, count: u64, host: &Host) -> Result<()> {
    if args.all || !args.filters.is_empty() {
        return Ok(());
    }
    let verb = if act == Act::Drop { "drop" } else { "reload" };
    // With --json the table was not shown: the question alone has to say enough.
    let question = format!("{verb} all {} of {}?", show::number(count, "connection"), show::number(length(listing), "label"));
    host.require_yes(&question).map_err(|error| match error.clone().into_failure().ending {
        Ending::Unconfirmed => error.hint("without a filter it is for all labels: pass `--all`, or name labels"),
        _ => error,
    })
}

fn warn_of_time(time: Option<Duration>, host: &Host) {
    let left = host.time_left();
    if let Some(time) = time.filter(|time| *time + SPARE > left) {
        warning!(
            "this takes {}, and the run ends in {} unless `limits.time` of `[commands.{}]` in host.toml allows more",
            rounded(time),
            rounded(left),
            host.name()
        );
    }
}

/// Steps until everything is sent and answered.
fn run(sending: &mut Sending, pace: &Pace, host: &Host) -> Result<(), BroadcastError> {
    let mut progress = sending.step(Duration::from_millis(10))?;
    let bar = host.progress("sent", progress.planned);
    let mut shown = 0;
    let mut lost = false;
    while !progress.done {
        bar.advance(progress.sent.saturating_sub(shown));
        shown = progress.sent;
        bar.message(&time_left(&progress, pace));
        if progress.reconnecting && !lost {
            warning!("redis was lost; trying to reach it again");
        }
        lost = progress.reconnecting;
        progress = sending.step(STEP)?;
    }
    Ok(())
}

fn time_left(progress: &Progress, pace: &Pace) -> String {
    if progress.reconnecting {
        return "waiting for redis".to_owned();
    }
    match progress.remaining_ms {
        0 if pace.interval_ms == 0 && pace.rate == 0.0 && pace.over_ms == 0 => String::new(),
        0 => "waiting for the last answers".to_owned(),
        left => format!("{} left", rounded(Duration::from_millis(left))),
    }
}

/// How it ended, for people and for machines.
struct Report<'a> {
    act: Act,
    host: &'a Host,
    results: Vec<Delivery>,
    took: Duration,
}

impl Report<'_> {
    fn sum(&self, part: impl Fn(&Delivery) -> u64) -> u64 {
        self.results.iter().map(part).sum()
    }

    /// Everything was sent.
    fn finished(&self) -> Result<Ending> {
        let (members, taken) = (self.sum(|label| label.members), self.sum(|label| label.taken));
        let ending = if members == taken { Ending::Ok } else { Ending::Failed };
        if self.host.wants_json() {
            let mut document = Map::new();
            document.insert("command".to_owned(), self.host.name().into());
            document.extend(self.details(None));
            self.host.json(&document)?;
            return Ok(ending);
        }
        let labels = u64::try_from(self.results.len()).unwrap_or(u64::MAX);
        let whom = format!("{} of {}", show::number(taken, "connection"), show::number(labels, "label"));
        let what = format!("{} in {}", self.act.done(&whom), rounded(self.took));
        if ending == Ending::Ok {
            out!("{what}");
            return Ok(ending);
        }
        out!("{}", show::deliveries(&self.results).trim_end());
        out!("{what}");
        let (dead, unknown) = (self.sum(|label| label.dead), self.sum(|label| label.unknown));
        let mut error = Error::failed(format!("{} not reached", show::number(members - taken, "connection")));
        if dead > 0 {
            error = error.hint(format!("{dead} dead: no worker listens for them any more; they leave the counts by themselves"));
        }
        if unknown > 0 {
            error = error.hint(format!("{unknown} unknown: redis did not say whether a worker took the message"));
        }
        Err(error)
    }

    /// It was interrupted, or a server was lost for long, or a budget is used up.
    fn stopped(&self, error: BroadcastError, token: Option<String>) -> Error {
        let interrupted = is_the_runs_end(&error);
        let mut failure = Failure::from(error);
        let (members, sent) = (self.sum(|label| label.members), self.sum(|label| label.sent));
        let left = members.saturating_sub(sent);
        let came = format!("{sent} of {} were sent to, {left} are left", show::number(members, "connection"));
        failure.message = if interrupted { format!("{}: {came}", failure.message) } else { format!("{}; {came}", failure.message) };
        failure.details.extend(self.details(token.clone()));
        let mut error = Error::from(failure);
        if let Some(token) = token {
            error = error.hint(format!("to go on: host run {} {} --resume {token}", self.host.name(), self.act.action()));
        }
        if !self.host.wants_json() && sent > 0 {
            out!("{}", show::deliveries(&self.results).trim_end());
        }
        error
    }

    fn details(&self, token: Option<String>) -> Map<String, Value> {
        let label = |label: &Delivery| {
            json!({
                "label": label.label, "connections": label.members, "sent": label.sent,
                "reached": label.taken, "dead": label.dead, "unknown": label.unknown,
            })
        };
        let labels: Vec<Value> = self.results.iter().map(label).collect();
        let document = json!({
            "action": self.act.action(),
            "connections": self.sum(|label| label.members),
            "sent": self.sum(|label| label.sent),
            "reached": self.sum(|label| label.taken),
            "dead": self.sum(|label| label.dead),
            "unknown": self.sum(|label| label.unknown),
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "resume": token,
            "labels": labels,
        });
        if let Value::Object(fields) = document { fields } else { Map::new() }
    }
}

/// Whole seconds where it is long, and never nothing.
fn rounded(time: Duration) -> String {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    duration::words(if time >= Duration::from_secs(10) { Duration::from_secs(time.as_secs()) } else { Duration::from_millis(milliseconds) })
}

fn length(listing: &Listing) -> u64 {
    u64::try_from(listing.labels.len()).unwrap_or(u64::MAX)
}

//! How a broadcast begins: whom it is for, what is left of an earlier one.

use std::time::Duration;

use crate::channels::message::Kind;
use crate::channels::{Settings, keys, ring};
use crate::gate::{Counter, Gate};
use crate::grants::{BroadcastPower, Power as _};

use super::book::Book;
use super::client::{Answer, Ring};
use super::error::{invalid, too_much};
use super::limits;
use super::listing::{self, Wanted};
use super::pace::Tempo;
use super::plan::{self, Layer, Member, Plan};
use super::policy::Permit;
use super::runs::{Runs, Saved};
use super::sending::{Begin, Sending};
use super::types::{Error, Job, Pace};

/// Looks up whom a broadcast is for. Nothing is sent.
pub(super) async fn start(
    power: BroadcastPower,
    job: Job,
    settings: &Settings,
    permit: &Permit,
    runs: &mut Runs,
    gate: &Gate,
) -> Result<Sending, Error> {
    let before = job.resume.as_deref().map(|token| left_by(runs, token, power, &job)).transpose()?;
    let patterns = before.as_ref().map_or(job.patterns, |before| before.patterns.clone());
    let mut ring = Ring::new(&settings.redis);
    let (labels, mut members) = members(&mut ring, settings, &Wanted::new(permit, &patterns)?).await?;
    if let Some(before) = &before {
        let label = |member: &Member| labels.get(member.label).map_or("", String::as_str);
        let began = f64::from_bits(before.began);
        members.retain(|member| member.joined <= began && !before.reached.holds(label(member), member));
    }
    let max = least(Some(job.max).filter(|max| *max > 0), before.as_ref().and_then(|before| before.max));
    members.sort_by(plan::order);
    members.truncate(max.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX));
    let pace = before.as_ref().filter(|_| is_unpaced(&job.pace)).map_or(job.pace, pace_of);
    let tempo = Tempo::new(&pace, members.len(), gate.drop_rate()).map_err(invalid)?;
    // Clocks differ: whoever is here now is part of it, even if they joined a little later than now.
    let latest = members.iter().map(|member| member.joined).fold(listing::now(), f64::max);
    let plan = Plan::new(members, tempo.is_none(), ring.len(), gate.left(Counter::ConnectionsDropped));
    let saved = Saved {
        v: Saved::version(),
        power: power.word().to_owned(),
        patterns,
        began: before.as_ref().map_or(latest.to_bits(), |before| before.began),
        max,
        pause_us: tempo.map_or(0, |tempo| u64::try_from(tempo.pause.as_micros()).unwrap_or(u64::MAX)),
        jitter_percent: pace.jitter_percent,
        reached: before.map(|before| before.reached).unwrap_or_default(),
    };
    runs.forget_old();
    let mut book = Book::new(runs.begin(), saved);
    if let Some(token) = &job.resume {
        take_over(token, runs, &mut book, plan.messages.is_empty())
            .map_err(|error| Error::Other(format!("run `{token}` cannot be taken over: {error}")))?;
    }
    let kind = match power {
        BroadcastPower::Drop => Kind::Drop,
        BroadcastPower::Reload | BroadcastPower::List => Kind::Reload,
    };
    Ok(Sending::new(Begin { kind, prefix: settings.prefix.clone(), ring, labels, plan, tempo, book }))
}

/// From here on only this run can be resumed, so that nobody is sent to twice.
fn take_over(token: &str, runs: &Runs, book: &mut Book, nothing_left: bool) -> std::io::Result<()> {
    if nothing_left {
        runs.forget(token);
        return Ok(());
    }
    book.save()?;
    book.took_over = true;
    runs.hand_over(token, book.file())
}

fn left_by(runs: &Runs, token: &str, power: BroadcastPower, job: &Job) -> Result<Saved, Error> {
    if !job.patterns.is_empty() {
        return Err(invalid("a broadcast that goes on has its patterns already"));
    }
    let saved = runs.open(token)?;
    if saved.power != power.word() {
        return Err(invalid(format!(
            "run `{token}` was a `{0}`, not a `{1}`; hint: go on with the action that it was",
            saved.power,
            power.word()
        )));
    }
    Ok(saved)
}

fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

fn is_unpaced(pace: &Pace) -> bool {
    pace.interval_ms == 0 && pace.rate == 0.0 && pace.over_ms == 0
}

fn pace_of(saved: &Saved) -> Pace {
    let rate = if saved.pause_us == 0 { 0.0 } else { 1.0 / Duration::from_micros(saved.pause_us).as_secs_f64() };
    Pace { interval_ms: 0, rate, over_ms: 0, jitter_percent: saved.jitter_percent }
}

/// The labels that are wanted, sorted, and all their members.
async fn members(ring: &mut Ring, settings: &Settings, wanted: &Wanted<'_>) -> Result<(Vec<String>, Vec<Member>), Error> {
    let (found, gone) = listing::find(ring, settings, wanted, true).await?;
    let count: u64 = found.iter().map(|found| found.core.saturating_add(found.pubsub)).sum();
    if count > limits::MEMBERS {
        return Err(too_much(format!("{count} connections; one broadcast reaches at most {}", limits::MEMBERS)));
    }
    let mut batches = ring.batches();
    let mut asked: Vec<Vec<(usize, Layer)>> = batches.iter().map(|_| Vec::new()).collect();
    let since = listing::youngest_forgotten();
    let shards = ring.len();
    for (label, found) in found.iter().enumerate() {
        let group = keys::group(&found.label);
        let core = (found.core > 0).then(|| (Layer::Core, ring::shard(&group, shards), keys::core_group(&settings.prefix, &found.label)));
        let pubsub = (found.pubsub > 0).then_some((Layer::Pubsub, 0, group));
        for (layer, shard, key) in core.into_iter().chain(pubsub) {
            if let (Some(batch), Some(asked)) = (batches.get_mut(shard), asked.get_mut(shard)) {
                batch.add(&[b"ZRANGEBYSCORE", key.as_bytes(), since.as_bytes(), b"+inf", b"WITHSCORES"]);
                asked.push((label, layer));
            }
        }
    }
    let mut members = Vec::new();
    for (answers, asked) in ring.ask(batches).await.into_iter().zip(asked) {
        for (answer, (label, layer)) in answers?.into_iter().zip(asked) {
            if let Some(failure) = answer.failure() {
                return Err(failure.into());
            }
            read_members(answer, label, layer, &mut members);
        }
    }
    // Nobody listens for the members of a gateway that was killed: they are not sent to and not reported.
    members.retain(|member| !gone.had(&member.name));
    Ok((found.into_iter().map(|found| found.label).collect(), members))
}

/// Names and scores in turn. A name that is no text was not written by a layer.
fn read_members(answer: Answer, label: usize, layer: Layer, members: &mut Vec<Member>) {
    let mut answers = answer.list().into_iter();
    while let (Some(Answer::Text(name)), Some(Answer::Text(score))) = (answers.next(), answers.next()) {
        let joined = std::str::from_utf8(&score).ok().and_then(|score| score.parse().ok());
        if let (Ok(name), Some(joined)) = (String::from_utf8(name), joined) {
            members.push(Member { label, layer, joined, name: name.into() });
        }
    }
}

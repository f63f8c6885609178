//! The functions of `host:broadcast`. The first line of each is the gate.

use std::time::Duration;

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use super::client::Ring;
use super::listing::{self, Wanted};
use super::sending::Sending;
use super::types::{Delivery, Error, Job, Layer, Progress};
use super::{BroadcastView, drop, limits, list, reload, start, types};
use crate::channels::Settings;
use crate::gate::{Effect, Operation};
use crate::grants::BroadcastPower;

/// A guest's broadcast; dropping it stops it.
pub struct Broadcast {
    sending: Sending,
    power: BroadcastPower,
}

#[cfg(test)]
impl Broadcast {
    /// A drop for nobody.
    pub(super) fn idle(ctx: &mut super::BroadcastCtx) -> Self {
        Self { sending: Sending::idle(&mut ctx.runs), power: BroadcastPower::Drop }
    }
}

impl BroadcastView<'_> {
    async fn start(&mut self, power: BroadcastPower, job: Job) -> Trap<Result<Resource<Broadcast>, Error>> {
        let (gate, decision) = (self.ctx.gate.clone(), self.ctx.permit.decide(power));
        let action = if power == BroadcastPower::Drop { "drop.start" } else { "reload.start" };
        let target = job.resume.as_deref().map_or_else(|| words(&job.patterns), |run| format!("what run {run:?} left"));
        let operation = operation(action, target, Effect::Read, pace_in_words(&job));
        let (settings, permit, runs) = (&self.ctx.settings, &self.ctx.permit, &mut self.ctx.runs);
        let begun = gate.pass(operation, decision, async {
            let sending = start::start(power, job, configured(settings)?, permit, runs, &gate).await?;
            Ok(Broadcast { sending, power })
        });
        match begun.await {
            Ok(broadcast) => Ok(Ok(self.table.push(broadcast)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl list::Host for BroadcastView<'_> {
    async fn labels(&mut self, patterns: Vec<String>, exact: bool) -> Trap<Result<list::Listing, Error>> {
        let decision = self.ctx.permit.decide(BroadcastPower::List);
        let operation = operation("list.labels", words(&patterns), Effect::Read, String::new());
        let (settings, permit) = (&self.ctx.settings, &self.ctx.permit);
        let found = async {
            let settings = configured(settings)?;
            let wanted = Wanted::new(permit, &patterns)?;
            listing::find(&mut Ring::new(&settings.redis), settings, &wanted, exact).await
        };
        let found = self.ctx.gate.pass(operation, decision, found).await;
        Ok(found.map(|(found, _)| {
            let layer = if found.iter().any(|found| found.pubsub > 0) {
                Some(Layer::Pubsub)
            } else {
                found.iter().any(|found| found.core > 0).then_some(Layer::Core)
            };
            let labels = found.into_iter().map(|found| list::LabelCount {
                estimate: found.estimate,
                members: exact.then_some(found.core.saturating_add(found.pubsub)),
                alive: found.alive,
                label: found.label,
            });
            list::Listing { layer, labels: labels.collect() }
        }))
    }
}

impl drop::Host for BroadcastView<'_> {
    async fn start(&mut self, job: Job) -> Trap<Result<Resource<Broadcast>, Error>> {
        self.start(BroadcastPower::Drop, job).await
    }
}

impl reload::Host for BroadcastView<'_> {
    async fn start(&mut self, job: Job) -> Trap<Result<Resource<Broadcast>, Error>> {
        self.start(BroadcastPower::Reload, job).await
    }
}

impl types::Host for BroadcastView<'_> {}

impl types::HostSending for BroadcastView<'_> {
    async fn step(&mut self, this: Resource<Broadcast>, at_most_ms: u32) -> Trap<Result<Progress, Error>> {
        let gate = self.ctx.gate.clone();
        let broadcast = self.table.get_mut(&this)?;
        let (action, effect) = match broadcast.power {
            BroadcastPower::Drop => ("drop.step", Effect::Destroy),
            BroadcastPower::Reload | BroadcastPower::List => ("reload.step", Effect::Change),
        };
        let decision = self.ctx.permit.decide(broadcast.power);
        let operation = operation(action, broadcast.sending.summary(), effect, String::new());
        let at_most = Duration::from_millis(u64::from(at_most_ms.clamp(*limits::STEP_MS.start(), *limits::STEP_MS.end())));
        Ok(gate.pass(operation, decision, broadcast.sending.step(&gate, at_most)).await)
    }

    async fn results(&mut self, this: Resource<Broadcast>) -> Trap<Vec<Delivery>> {
        let broadcast = self.table.get(&this)?;
        let operation = operation("sending.results", broadcast.sending.summary(), Effect::Read, String::new());
        Ok(self.ctx.gate.recall(operation, || broadcast.sending.results()))
    }

    async fn resume_token(&mut self, this: Resource<Broadcast>) -> Trap<Option<String>> {
        let broadcast = self.table.get_mut(&this)?;
        let operation = operation("sending.resume-token", broadcast.sending.summary(), Effect::Read, String::new());
        Ok(self.ctx.gate.recall(operation, || broadcast.sending.resume_token()))
    }

    /// Nothing is sent any more; what was reached is written down.
    async fn drop(&mut self, this: Resource<Broadcast>) -> Trap<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

fn configured(settings: &Option<Settings>) -> Result<&Settings, Error> {
    let text = "host.toml has no `[broadcast]`, so that no connection can be reached; hint: [broadcast] redis = \"default\"";
    settings.as_ref().filter(|settings| !settings.redis.is_empty()).ok_or_else(|| Error::NotConfigured(text.to_owned()))
}

fn operation(action: &'static str, target: String, effect: Effect, detail: String) -> Operation {
    Operation { capability: "broadcast", action, target, effect, detail }
}

/// Patterns for the journal, which cuts them further; line ends in them stay escaped.
fn words(patterns: &[String]) -> String {
    if patterns.is_empty() {
        return "all labels".to_owned();
    }
    let shown: Vec<String> =
        patterns.iter().take(20).map(|pattern| format!("{:?}", pattern.chars().take(100).collect::<String>())).collect();
    shown.join(" ")
}

fn pace_in_words(job: &Job) -> String {
    let pace = &job.pace;
    let mut words = Vec::new();
    let mut say = |said: bool, text: String| {
        if said {
            words.push(text)
        }
    };
    say(pace.interval_ms > 0, format!("every {} ms", pace.interval_ms));
    say(pace.rate > 0.0, format!("{} a second", pace.rate));
    say(pace.over_ms > 0, format!("over {} ms", pace.over_ms));
    say(pace.jitter_percent > 0, format!("jitter {} %", pace.jitter_percent));
    say(job.max > 0, format!("at most {}", job.max));
    words.join(", ")
}

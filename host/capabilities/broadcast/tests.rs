//! Each function when granted and when not, without any server: what passed the gate fails to connect.

use std::collections::BTreeSet;

use tokio::sync::watch;
use wasmtime::component::ResourceTable;

use super::list::Host as _;
use super::types::{Error, HostSending as _, Job, Pace};
use super::*;
use crate::channels::Mode;
use crate::gate::journal::Journal;
use crate::gate::{Budgets, Leave};
use crate::grants::Power as _;

fn context(powers: &[BroadcastPower], leave: Leave) -> (BroadcastCtx, watch::Sender<Leave>) {
    let (sender, listener) = watch::channel(leave);
    let gate = Gate::new("connections".to_owned(), Budgets::default(), Journal::nowhere(), listener, false);
    let settings = Settings { redis: vec!["unix:///nowhere/redis.sock".to_owned()], prefix: "asgi".to_owned(), mode: Mode::Auto };
    let grant = BroadcastGrant { powers: powers.iter().copied().collect(), labels: vec!["*".to_owned()] };
    (BroadcastCtx::new(gate, Some(settings), Some(grant), OwnFolder::new("nowhere", ""), "run".to_owned()), sender)
}

fn job(patterns: &[&str]) -> Job {
    let pace = Pace { interval_ms: 0, rate: 0.0, over_ms: 0, jitter_percent: 0 };
    Job { patterns: patterns.iter().map(ToString::to_string).collect(), pace, max: 0, resume: None }
}

/// What the function of a power answers.
async fn call(power: BroadcastPower, ctx: &mut BroadcastCtx, patterns: &[&str]) -> Error {
    let mut table = ResourceTable::new();
    let mut view = BroadcastView { ctx, table: &mut table };
    match power {
        BroadcastPower::List => view.labels(job(patterns).patterns, true).await.unwrap().unwrap_err(),
        BroadcastPower::Drop => drop::Host::start(&mut view, job(patterns)).await.unwrap().err().unwrap(),
        BroadcastPower::Reload => reload::Host::start(&mut view, job(patterns)).await.unwrap().err().unwrap(),
    }
}

#[tokio::test]
async fn each_function_passes_when_granted_and_is_denied_without_grant() {
    for power in BroadcastPower::ALL {
        let (mut granted, _leave) = context(&[*power], Leave::Granted);
        assert!(matches!(call(*power, &mut granted, &[]).await, Error::ConnectionFailed(_)), "{power:?}");
        let others: Vec<BroadcastPower> = BroadcastPower::ALL.iter().copied().filter(|other| other != power).collect();
        let (mut denied, _leave) = context(&others, Leave::Granted);
        assert!(matches!(call(*power, &mut denied, &[]).await, Error::AccessDenied(text) if text.contains(power.word())), "{power:?}");
    }
}

#[tokio::test]
async fn no_function_passes_when_the_run_is_over_and_what_was_reached_is_still_told() {
    for power in BroadcastPower::ALL {
        let (mut ctx, _leave) = context(BroadcastPower::ALL, Leave::Interrupted);
        assert!(matches!(call(*power, &mut ctx, &[]).await, Error::Cancelled(_)), "{power:?}");
    }
    let (mut ctx, leave) = context(BroadcastPower::ALL, Leave::Granted);
    let mut table = ResourceTable::new();
    let broadcast = table.push(host::Broadcast::idle(&mut ctx)).unwrap();
    let again = || wasmtime::component::Resource::new_borrow(broadcast.rep());
    let mut view = BroadcastView { ctx: &mut ctx, table: &mut table };
    assert!(view.step(again(), 10).await.unwrap().unwrap().done);
    leave.send_replace(Leave::Interrupted);
    assert!(matches!(view.step(again(), 10).await.unwrap(), Err(Error::Cancelled(_))));
    assert_eq!(view.results(again()).await.unwrap(), []);
    assert_eq!(view.resume_token(again()).await.unwrap(), None);
}

#[tokio::test]
async fn a_step_needs_the_power_of_its_broadcast() {
    let (mut ctx, _leave) = context(&[BroadcastPower::Reload], Leave::Granted);
    let mut table = ResourceTable::new();
    let broadcast = table.push(host::Broadcast::idle(&mut ctx)).unwrap();
    let mut view = BroadcastView { ctx: &mut ctx, table: &mut table };
    assert!(matches!(view.step(broadcast, 10).await.unwrap(), Err(Error::AccessDenied(_))));
}

#[tokio::test]
async fn patterns_pass_at_their_bounds_and_fail_past_them() {
    let (mut ctx, _leave) = context(BroadcastPower::ALL, Leave::Granted);
    let many = vec!["*"; limits::PATTERNS];
    let long = "*".repeat(limits::PATTERN_BYTES);
    for power in BroadcastPower::ALL {
        assert!(matches!(call(*power, &mut ctx, &many).await, Error::ConnectionFailed(_)));
        assert!(matches!(call(*power, &mut ctx, &[many.as_slice(), &["*"]].concat()).await, Error::LimitExceeded(_)));
        assert!(matches!(call(*power, &mut ctx, &[&long]).await, Error::ConnectionFailed(_)));
        assert!(matches!(call(*power, &mut ctx, &[&long, "*"]).await, Error::LimitExceeded(_)));
        assert!(matches!(call(*power, &mut ctx, &[""]).await, Error::InvalidArgument(_)));
    }
}

#[tokio::test]
async fn without_a_configured_application_it_says_so() {
    let (mut ctx, _leave) = context(BroadcastPower::ALL, Leave::Granted);
    ctx.settings = None;
    for power in BroadcastPower::ALL {
        assert!(matches!(call(*power, &mut ctx, &[]).await, Error::NotConfigured(_)));
    }
}

#[test]
fn only_the_granted_powers_are_linked() {
    let engine = wasmtime::Engine::default();
    let mut linker: Linker<()> = Linker::new(&engine);
    let view: fn(&mut ()) -> BroadcastView<'_> = |()| unreachable!("nothing is called");
    add_to_linker(&mut linker, &BTreeSet::from([BroadcastPower::List]), view).unwrap();
    // The same again would be a duplicate, another one is new.
    assert!(list::add_to_linker::<(), HasBroadcast>(&mut linker, view).is_err());
    assert!(drop::add_to_linker::<(), HasBroadcast>(&mut linker, view).is_ok());
}

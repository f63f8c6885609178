//! Doing what a plan says: whatever waits for nothing more goes on at once, and what waits for something that failed
//! never begins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use host_sdk::docker::{Job, Jobs};
use host_sdk::{Ending, Error, Result};

use crate::plan::{Action, At, Operation, Plan, Who};
use crate::progress::Progress;

/// The host bears 64 jobs of a run.
const JOBS_BOUND: usize = 48;
/// Work that the engine does at once; waiting is not work.
const WORK_BOUND: usize = 10;
/// Of it, starts: an engine starts no more containers a second with more of them at once, each only takes longer.
const STARTS_BOUND: usize = 4;
/// One wait for whatever comes first.
const WAIT: Duration = Duration::from_secs(30);

/// What a failure means for what does not wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is done all the same: one service that is wrong takes no other one down.
    GoOn,
    /// It does not begin any more.
    Stop,
}

/// How an operation began.
#[derive(Debug)]
pub enum Begun {
    Job(Job),
    /// Done already; the id of what was made.
    Done(String),
}

/// Calls the engine. A component imports what its own hands do, and nothing else.
pub trait Hands {
    fn begin(&mut self, action: &Action, made: &Made) -> Result<Begun>;

    /// After its job, which made `id`: none when it is done, or a job more.
    fn then(&mut self, _action: &Action, _id: &str, _made: &Made) -> Result<Option<Job>> {
        Ok(None)
    }

    /// When it failed: the id after all, where the engine had done it for a run that was killed.
    fn rescue(&mut self, _action: &Action, _made: &Made, error: Error) -> Result<String> {
        Err(error)
    }
}

/// Ids of what was made, by operation.
#[derive(Clone, Debug, Default)]
pub struct Made {
    ids: BTreeMap<At, String>,
}

impl Made {
    pub fn id<'a>(&'a self, who: &'a Who) -> &'a str {
        match who {
            Who::Id(id) => id,
            Who::Made(at) => self.ids.get(at).map(String::as_str).unwrap_or_default(),
        }
    }
}

/// Why a plan was not carried out: the operations that failed, the first one first.
#[derive(Debug)]
pub struct Stopped {
    pub failed: Vec<(At, Error)>,
    pub made: Made,
}

/// # Errors
/// What went wrong first, and what did beside it; or that the run was interrupted, without an operation.
pub fn execute(
    plan: &Plan,
    hands: &mut impl Hands,
    progress: &mut Progress<'_>,
    deadline: Option<Instant>,
    on_failure: OnFailure,
) -> Result<Made, Stopped> {
    let mut run = Run { plan, made: Made::default(), waiting: in_order(plan), done: BTreeSet::new(), jobs: Jobs::default() };
    let mut failed = Vec::new();
    loop {
        if may_go_on(&failed, on_failure) {
            run.begin_what_can(hands, progress, &mut failed, on_failure);
        }
        if !failed.is_empty() {
            // Nobody waits behind these any more; what the engine does is brought to its end.
            let is_vain = |at: &At| run.is_wait(*at) && (!may_go_on(&failed, on_failure) || !run.is_waited_for(*at));
            let vain: BTreeSet<At> = run.jobs.keys().copied().filter(is_vain).collect();
            run.jobs.drop_if(|at| vain.contains(at));
        }
        if run.jobs.is_empty() {
            break;
        }
        let left = deadline.map_or(WAIT, |deadline| deadline.saturating_duration_since(Instant::now()).min(WAIT));
        let over = run.jobs.next(left, |at, event| progress.said(change(plan, *at), event));
        match over {
            Err(error) => {
                failed.insert(0, (usize::MAX, error));
                break;
            }
            Ok(over) if over.is_empty() && deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                let first = run.jobs.keys().min().copied().unwrap_or_default();
                failed.push((first, Error::new(Ending::Timeout, format!("it took too long: {}", progress.under_way()))));
                break;
            }
            Ok(over) => over.into_iter().for_each(|over| run.over(over.key, over.outcome, hands, progress, &mut failed)),
        }
    }
    if failed.is_empty() { Ok(run.made) } else { Err(Stopped { failed, made: run.made }) }
}

/// An engine that does not answer, or a power that is missing, would fail everything else too.
fn may_go_on(failed: &[(At, Error)], on_failure: OnFailure) -> bool {
    let is_of_one = |error: &Error| [Ending::Failed, Ending::NotMet].iter().any(|ending| ending.code() == error.code());
    failed.is_empty() || (on_failure == OnFailure::GoOn && failed.iter().all(|(_, error)| is_of_one(error)))
}

struct Run<'a> {
    plan: &'a Plan,
    made: Made,
    /// What most waits for comes first.
    waiting: Vec<At>,
    done: BTreeSet<At>,
    jobs: Jobs<At>,
}

impl Run<'_> {
    fn is_wait(&self, at: At) -> bool {
        self.plan.operations.get(at).is_some_and(|operation| is_wait(&operation.action))
    }

    /// Something that has not failed may begin after it.
    fn is_waited_for(&self, at: At) -> bool {
        let of = |waiting: &At| self.plan.operations.get(*waiting);
        self.waiting.iter().filter_map(of).any(|operation| operation.after.contains(&at))
    }

    fn begin_what_can(
        &mut self,
        hands: &mut impl Hands,
        progress: &mut Progress<'_>,
        failed: &mut Vec<(At, Error)>,
        on_failure: OnFailure,
    ) {
        // What is done at once may let others begin.
        while let Some(at) = self.next() {
            let Some(operation) = self.plan.operations.get(at) else { break };
            self.waiting.retain(|waiting| *waiting != at);
            progress.begins(operation.change);
            match hands.begin(&operation.action, &self.made) {
                Ok(Begun::Job(job)) => self.jobs.add(at, job),
                Ok(Begun::Done(id)) => self.over(at, Ok(id), hands, progress, failed),
                Err(error) => self.over(at, Err(error), hands, progress, failed),
            }
            if !may_go_on(failed, on_failure) {
                break;
            }
        }
    }

    /// The first that may begin and for which there is room.
    fn next(&self) -> Option<At> {
        if self.jobs.len() >= JOBS_BOUND {
            return None;
        }
        let of = |at: &At| self.plan.operations.get(*at);
        let under_way = |is: fn(&Action) -> bool| self.jobs.keys().filter_map(of).filter(|operation| is(&operation.action)).count();
        let (work, starts) = (under_way(|action| !is_wait(action)), under_way(is_start));
        let is_ready = |operation: &Operation| operation.after.iter().all(|before| self.done.contains(before));
        let has_room = |action: &Action| is_wait(action) || (work < WORK_BOUND && (starts < STARTS_BOUND || !is_start(action)));
        self.waiting.iter().copied().find(|at| of(at).is_some_and(|operation| is_ready(operation) && has_room(&operation.action)))
    }

    fn over(
        &mut self,
        at: At,
        outcome: Result<String>,
        hands: &mut impl Hands,
        progress: &mut Progress<'_>,
        failed: &mut Vec<(At, Error)>,
    ) {
        let Some(operation) = self.plan.operations.get(at) else { return };
        let outcome = outcome.or_else(|error| hands.rescue(&operation.action, &self.made, error));
        let outcome = outcome.and_then(|id| hands.then(&operation.action, &id, &self.made).map(|job| (id, job)));
        match outcome {
            Ok((_, Some(job))) => self.jobs.add(at, job),
            Ok((id, None)) => {
                self.made.ids.insert(at, id);
                self.done.insert(at);
                progress.done(operation.change);
            }
            Err(error) if operation.optional => {
                progress.passed_over(operation.change, &error);
                self.done.insert(at);
            }
            Err(error) => failed.push((at, error)),
        }
    }
}

/// Those first behind which the longest chain waits.
fn in_order(plan: &Plan) -> Vec<At> {
    let mut behind = vec![0_usize; plan.operations.len()];
    // Chains are no longer than there are operations; each pass carries them one step further back.
    for _ in 0..plan.operations.len() {
        let mut is_settled = true;
        for (at, operation) in plan.operations.iter().enumerate() {
            let length = behind.get(at).copied().unwrap_or_default() + if is_start(&operation.action) { 4 } else { 1 };
            for before in &operation.after {
                if let Some(known) = behind.get_mut(*before).filter(|known| **known < length) {
                    *known = length;
                    is_settled = false;
                }
            }
        }
        if is_settled {
            break;
        }
    }
    let mut order: Vec<At> = (0..plan.operations.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(behind.get(*at).copied().unwrap_or_default()));
    order
}

fn is_start(action: &Action) -> bool {
    matches!(action, Action::Start(_))
}

fn is_wait(action: &Action) -> bool {
    matches!(action, Action::Wait { .. })
}

fn change(plan: &Plan, at: At) -> usize {
    plan.operations.get(at).map(|operation| operation.change).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::fixture::{plan, wanted};
    use crate::observed::Observed;

    #[test]
    fn what_most_waits_for_comes_first() {
        let wanted = wanted("services: {a: {image: x}, b: {image: x}, z: {image: x, depends_on: [y]}, y: {image: x}}");
        let plan = plan(&wanted, &Observed::default());
        let order = super::in_order(&plan);
        let place = |container: &str, starts: bool| {
            let is = |at: &usize| {
                let operation = &plan.operations[*at];
                plan.changes[operation.change].name == container && super::is_start(&operation.action) == starts
            };
            order.iter().position(is).unwrap()
        };
        assert_eq!((place("shop_default", false), place("shop-y-1", false)), (0, 1));
        assert!(place("shop-y-1", true) < place("shop-a-1", true));
    }
}

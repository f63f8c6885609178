//! Which images have to be pulled or built before containers can be made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use compose::PullPolicy;
use host_sdk::docker::inspect::Image;

use crate::plan::{Action, Cause, Kind, Plan, Verb};
use crate::spec::{Wanted, WantedService};

/// `--pull`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    Always,
    Missing,
    Never,
}

impl FromStr for Pull {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "always" => Ok(Self::Always),
            "missing" => Ok(Self::Missing),
            "never" => Ok(Self::Never),
            _ => Err("write `always`, `missing` or `never`".to_owned()),
        }
    }
}

/// How images are wanted, beside what the file says.
#[derive(Clone, Debug, Default)]
pub struct ImageWishes {
    /// Whatever can be built is.
    pub build: bool,
    pub no_build: bool,
    pub pull: Option<Pull>,
}

enum Need {
    Nothing,
    Build(Cause),
    Pull { cause: Cause, optional: bool },
}

/// Each image once, all at the same time: nothing of them waits for another.
pub fn plan(wanted: &Wanted, there: &BTreeMap<String, Image>, wishes: &ImageWishes) -> Plan {
    let mut plan = Plan::default();
    let mut seen = BTreeSet::new();
    for service in wanted.services.values() {
        if service.replicas == 0 || !seen.insert(&service.spec.image) {
            continue;
        }
        let reference = &service.spec.image;
        let (verb, action, cause, optional) = match need(service, there.contains_key(reference), wishes) {
            Need::Nothing => continue,
            Need::Build(cause) => match &service.build {
                Some(build) => (Verb::Build, Action::Build(Box::new(build.clone())), cause, false),
                None => continue,
            },
            Need::Pull { cause, optional } => {
                let action = Action::Pull { reference: reference.clone(), platform: service.spec.platform.clone() };
                (Verb::Pull, action, cause, optional)
            }
        };
        let change = plan.line(verb, Kind::Image, reference, &service.name, cause);
        let at = plan.add(change, action, []);
        if let Some(operation) = plan.operations.get_mut(at) {
            operation.optional = optional;
        }
    }
    plan
}

fn need(service: &WantedService, is_there: bool, wishes: &ImageWishes) -> Need {
    let can_build = service.build.is_some() && !wishes.no_build;
    if can_build && (wishes.build || service.pull_policy == Some(PullPolicy::Build)) {
        return Need::Build(if wishes.build { Cause::Asked } else { Cause::PullPolicy });
    }
    if can_build {
        return if is_there { Need::Nothing } else { Need::Build(Cause::NotThere) };
    }
    let pull = |cause| Need::Pull { cause, optional: false };
    match (wishes.pull, &service.pull_policy) {
        (Some(Pull::Always), _) => pull(Cause::Asked),
        (Some(Pull::Never), _) | (None, Some(PullPolicy::Never | PullPolicy::Build)) => Need::Nothing,
        (None, Some(PullPolicy::Always)) => pull(Cause::PullPolicy),
        // How old an image is here the engine's list does not tell: the registry is asked in any case, and one that may
        // still be young enough does.
        (None, Some(PullPolicy::Refresh(_))) => Need::Pull { cause: Cause::PullPolicy, optional: is_there },
        _ if is_there => Need::Nothing,
        _ => pull(Cause::NotThere),
    }
}

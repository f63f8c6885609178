//! `up`: the project as its compose files say, and nothing touched that is as they say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use host_sdk::docker::create::Verdict;
use host_sdk::docker::inspect::{Image, Status};
use host_sdk::docker::{self, DockerError, build, create, inspect};
use host_sdk::{Ending, Error, Host, Result, out, talk, warning};
use serde_json::json;

use crate::execute::{OnFailure, execute};
use crate::hands::UpHands;
use crate::images::{self, ImageWishes};
use crate::observed::{self, Observed};
use crate::plan::{self, Action, Plan, Verb, Wishes};
use crate::progress::{Progress, change_json};
use crate::project::{ProjectArgs, lock, told};
use crate::sample::Sample;
use crate::spec::{Selection, Wanted};
use crate::{blame, routing, values, words};

/// What `up` was asked for.
#[derive(Clone, Debug, Default)]
pub struct Up {
    pub project: ProjectArgs,
    pub services: Vec<String>,
    pub plan: bool,
    pub images: ImageWishes,
    pub wait: bool,
    pub wait_timeout: Option<Duration>,
    pub lock_timeout: Duration,
    pub force_recreate: bool,
    pub remove_orphans: bool,
    pub scale: BTreeMap<String, u32>,
    pub alone: bool,
    pub timeout: Option<Duration>,
}

/// A container without a check that ends at once is seen when it is looked at so much later.
const GRACE: Duration = Duration::from_secs(1);
/// Who asks for what a verdict names.
const ASKS: &str = "the compose file";

pub fn up(up: &Up, host: &Host) -> Result<Ending> {
    let sample = dotenv(up, host)?;
    let mut project = up.project.clone();
    if let (Sample::Of(path), true) = (&sample, project.env_files.is_empty()) {
        // Not there yet, with --plan: what it would say.
        project.env_files.push((*path).to_owned());
    }
    let project = project.load(&up.services)?;
    let selection = Selection { services: &up.services, scale: up.scale.clone(), alone: up.alone };
    let mut wanted = Wanted::of(&project, &selection).map_err(told)?;
    if wanted.services.is_empty() {
        let error = Error::usage("there is no service to bring up");
        return Err(if project.inactive.is_empty() {
            error
        } else {
            error.hint("the active profiles leave none; name one with `--profile`")
        });
    }
    let verdict = verdict(&mut wanted, up.plan)?;
    values::look(&mut wanted, &project);
    if up.plan {
        show(up, &wanted, verdict, host)?.require(ASKS)?;
        return Ok(Ending::Ok);
    }
    if !verdict.denials.is_empty() {
        let (needed, _) = needed(up, &wanted, &verdict)?;
        of_builds_too(verdict, &needed).require(ASKS)?;
    }
    let _lock = lock(up.lock_timeout)?;
    let deadline = up.wait_timeout.and_then(|span| Instant::now().checked_add(span));
    let mut there = observed::images(&wanted.images())?;
    let needed = images::plan(&wanted, &there, &up.images);
    if !needed.is_empty() {
        // What cannot be is told before anybody waits for a build.
        plan::reconcile(&wanted, &Observed::beside(there, &wanted)?, &wishes(up))?;
        of_builds(&needed)?.require(ASKS)?;
        carry_out(&needed, up, host, None, OnFailure::Stop)?;
        there = observed::images(&wanted.images())?;
    }
    let observed = Observed::beside(there, &wanted)?;
    let plan = plan::reconcile(&wanted, &observed, &wishes(up))?;
    announce(&plan, host)?;
    if !plan.is_empty() {
        carry_out(&plan, up, host, deadline, OnFailure::GoOn)?;
        look_again(&plan, &wanted, up.wait, host)?;
    }
    finish(&needed, &plan, &wanted, routing::hint(&plan, &wanted, &observed), host)
}

fn wishes(up: &Up) -> Wishes<'_> {
    Wishes { force_recreate: up.force_recreate, named: &up.services, remove_orphans: up.remove_orphans, wait: up.wait }
}

/// Without `.env`, its sample becomes it; with `--plan` it is only said.
fn dotenv(up: &Up, host: &Host) -> Result<Sample> {
    let sample = if up.project.env_files.is_empty() { Sample::find() } else { Sample::Nothing };
    let Sample::Of(path) = sample else { return Ok(sample) };
    if up.plan {
        talk!("`.env` is not there: `{path}` would be copied to it");
        return Ok(sample);
    }
    Sample::write(path)?;
    talk!("wrote `.env` from `{path}`: look at what it says");
    let named = std::fs::read_to_string(".env").ok().and_then(|text| project_of(&text));
    let project = docker::project();
    match named {
        Some(named) if compose::names::normalised(&named) != project => {
            let text = format!("`.env` calls the project `{named}` now, and this run began as `{project}`");
            Err(Error::failed(text).hint(format!("host run {}", host.name())))
        }
        _ => Ok(Sample::Nothing),
    }
}

/// What a `.env` calls the project.
fn project_of(text: &str) -> Option<String> {
    let line = |key: &str| {
        let mut values = text.lines().filter_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='));
        values.next_back().map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    line("PROJECT_NAME").or_else(|| line("COMPOSE_PROJECT_NAME")).filter(|name| !name.is_empty() && !name.contains('$'))
}

/// Everything that is missing at once, before anything is changed.
fn verdict(wanted: &mut Wanted, only_shown: bool) -> Result<Verdict> {
    match create::check(&wanted.specs(), &wanted.ground()) {
        // A plan needs only to look.
        Err(error) if only_shown && matches!(error.docker(), Some(DockerError::AccessDenied(_))) => {
            Ok(Verdict { denials: Vec::new(), lines: Vec::new() })
        }
        verdict => {
            wanted.hash(create::hashes)?;
            verdict
        }
    }
}

/// What has to be built or pulled, and the images that are there. Whether one is there that is not granted nobody may know.
fn needed(up: &Up, wanted: &Wanted, verdict: &Verdict) -> Result<(Plan, BTreeMap<String, Image>)> {
    let unknown = unknown_images(wanted, verdict);
    let known: Vec<String> = wanted.images().into_iter().filter(|image| !unknown.contains(image.as_str())).collect();
    let there = observed::images(&known)?;
    Ok((images::plan(wanted, &there, &up.images), there))
}

fn unknown_images<'w>(wanted: &'w Wanted, verdict: &Verdict) -> BTreeSet<&'w str> {
    let of_refused = |service: &str| verdict.denials.iter().any(|denial| denial.field == "image" && denial.subject == service);
    wanted.services.values().filter(|service| of_refused(&service.name)).map(|service| service.spec.image.as_str()).collect()
}

fn of_builds(needed: &Plan) -> Result<Verdict> {
    match needed.builds() {
        builds if builds.is_empty() => Ok(Verdict { denials: Vec::new(), lines: Vec::new() }),
        builds => build::check(&builds),
    }
}

/// Nobody is told one half first; where that of builds cannot be known, it is not.
fn of_builds_too(verdict: Verdict, needed: &Plan) -> Verdict {
    match of_builds(needed) {
        Ok(more) => verdict.and(more),
        Err(_) => verdict,
    }
}

/// `--plan`: looks, and does nothing else. Answers what is not granted.
fn show(up: &Up, wanted: &Wanted, verdict: Verdict, host: &Host) -> Result<Verdict> {
    let (mut needed, there) = needed(up, wanted, &verdict)?;
    let verdict = of_builds_too(verdict, &needed);
    let unknown = unknown_images(wanted, &verdict);
    needed.changes.retain(|change| !unknown.contains(change.name.as_str()));
    let wanted = &wanted.without_refused_externals(&verdict);
    let observed = Observed::beside(there, wanted)?;
    let plan = plan::reconcile(wanted, &observed, &wishes(up))?;
    let changes = || needed.changes.iter().chain(&plan.changes).filter(|change| change.verb != Verb::Wait);
    if host.wants_json() {
        let changes: Vec<_> = changes().map(change_json).collect();
        host.json(&json!({ "event": "plan", "changes": changes, "notes": plan.notes, "hints": plan.hints, "orphans": plan.orphans }))?;
        return Ok(verdict);
    }
    for change in changes() {
        out!("{:<9} {:<9} {}  ({})", change.verb.word(), change.kind.word(), change.name, change.cause);
    }
    if changes().next().is_none() {
        out!("nothing to be done: {}", up_to_date(wanted));
    }
    remarks(&plan);
    Ok(verdict)
}

fn announce(plan: &Plan, host: &Host) -> Result<()> {
    if host.wants_json() {
        let changes: Vec<_> = plan.changes.iter().map(change_json).collect();
        host.json(&json!({ "event": "plan", "changes": changes, "notes": plan.notes, "hints": plan.hints, "orphans": plan.orphans }))?;
    } else {
        remarks(plan);
    }
    Ok(())
}

fn remarks(plan: &Plan) {
    plan.notes.iter().for_each(|note| warning!("{note}"));
    plan.hints.iter().for_each(|hint| talk!("hint: {hint}"));
    if !plan.orphans.is_empty() {
        warning!("of services that are not in the compose file: {}; `--remove-orphans` removes them", plan.orphans.join(", "));
    }
}

fn carry_out(plan: &Plan, up: &Up, host: &Host, deadline: Option<Instant>, on_failure: OnFailure) -> Result<()> {
    let mut progress = Progress::new(host, plan);
    let mut hands = UpHands { timeout: up.timeout };
    match execute(plan, &mut hands, &mut progress, deadline, on_failure) {
        Ok(_) => Ok(()),
        Err(stopped) => Err(blame::explain(plan, stopped, &progress, host)),
    }
}

/// A container that ended as soon as it was started is a failure, whoever waited for it.
fn look_again(plan: &Plan, wanted: &Wanted, wait: bool, host: &Host) -> Result<()> {
    let started =
        |name: &str| plan.changes.iter().any(|change| change.name == name && change.verb != Verb::Remove && change.verb != Verb::Wait);
    let starts = plan.operations.iter().any(|operation| matches!(operation.action, Action::Start(_)));
    if !starts {
        return Ok(());
    }
    if wait && wanted.services.values().any(|service| !service.has_check) {
        std::thread::sleep(GRACE);
    }
    for container in inspect::containers()? {
        let service = observed::service(&container);
        if !wanted.services.contains_key(service) || observed::is_one_off(&container) || !started(&container.name) {
            continue;
        }
        let failure = match (container.status, observed::exit_code(&container)) {
            (Status::Restarting, _) => format!("{} ends again and again: {}", container.name, container.status_text),
            (Status::Exited, Some(code)) if code != 0 => format!("{} ended with {code}", container.name),
            (Status::Dead, _) => format!("{} is dead", container.name),
            _ => continue,
        };
        let error = blame::of_container(Error::failed(failure), &container.id, host);
        return Err(error.hint("host run check_services shows the others"));
    }
    Ok(())
}

fn finish(needed: &Plan, plan: &Plan, wanted: &Wanted, hint: Option<String>, host: &Host) -> Result<Ending> {
    let done = needed.changes.len() + plan.changes.iter().filter(|change| change.verb != Verb::Wait).count();
    if host.wants_json() {
        let hints: Vec<String> = hint.into_iter().collect();
        host.json(&json!({ "event": "end", "changes": done, "services": wanted.services.len(), "hints": hints }))?;
        return Ok(Ending::Ok);
    }
    if done == 0 {
        out!("nothing to be done: {}", up_to_date(wanted));
    } else {
        out!("up: {}", words::count(wanted.services.len(), "service"));
    }
    hint.iter().for_each(|hint| talk!("hint: {hint}"));
    Ok(Ending::Ok)
}

fn up_to_date(wanted: &Wanted) -> String {
    let is = if wanted.services.len() == 1 { "is" } else { "are" };
    format!("{} {is} as the compose file says", words::count(wanted.services.len(), "service"))
}

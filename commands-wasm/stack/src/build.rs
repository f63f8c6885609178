//! `build`: the images of services with a `build:` section.

use std::collections::{BTreeMap, BTreeSet};

use host_sdk::docker::{build, pair};
use host_sdk::{Ending, Host, Result, out};
use serde_json::json;

use crate::blame;
use crate::execute::{OnFailure, execute};
use crate::hands::BuildHands;
use crate::plan::{Action, Cause, Kind, Plan, Verb};
use crate::progress::Progress;
use crate::project::{ProjectArgs, told};
use crate::spec;

/// What `build` was asked for.
#[derive(Clone, Debug, Default)]
pub struct Build {
    pub project: ProjectArgs,
    pub services: Vec<String>,
    pub no_cache: bool,
    pub pull: bool,
    /// A value over that of the file.
    pub args: BTreeMap<String, String>,
}

/// Builds whatever can be at once; one that fails lets the others end, and the command fails.
pub fn build(build: &Build, host: &Host) -> Result<Ending> {
    let project = build.project.load(&build.services)?;
    let names: Vec<&String> = if build.services.is_empty() { project.services.keys().collect() } else { build.services.iter().collect() };
    let mut plan = Plan::default();
    let mut seen = BTreeSet::new();
    for name in names {
        let service = project.service(name).map_err(told)?;
        let image = spec::image_of(&project.name, service);
        let Some(mut spec) = spec::build(&project, service, &image).map_err(told)? else { continue };
        if !seen.insert(image.clone()) {
            continue;
        }
        spec.no_cache |= build.no_cache;
        spec.pull |= build.pull;
        spec.args.retain(|arg| !build.args.contains_key(&arg.name));
        spec.args.extend(build.args.iter().map(|(name, value)| pair(name, value)));
        let change = plan.line(Verb::Build, Kind::Image, &image, name, Cause::Asked);
        plan.add(change, Action::Build(Box::new(spec)), []);
    }
    if !plan.is_empty() {
        // What is not granted is told before anything is built.
        build::check(&plan.builds())?.require("the compose file")?;
    }
    let mut progress = Progress::new(host, &plan);
    if let Err(stopped) = execute(&plan, &mut BuildHands, &mut progress, None, OnFailure::Stop) {
        return Err(blame::of_builds(&plan, stopped, &progress));
    }
    drop(progress);
    if host.wants_json() {
        host.json(&json!({ "event": "end", "changes": plan.changes.len() }))?;
    } else if plan.is_empty() {
        out!("nothing to be built: {}", without_section(&build.services));
    } else {
        out!("built: {}", plan.changes.iter().map(|change| change.name.as_str()).collect::<Vec<_>>().join(", "));
    }
    Ok(Ending::Ok)
}

fn without_section(services: &[String]) -> String {
    match services {
        [] => "no service has a `build` section".to_owned(),
        [one] => format!("the service `{one}` has no `build` section"),
        several => format!("none of the services `{}` has a `build` section", several.join("`, `")),
    }
}

/// `KEY=VALUE`; a name alone takes its value from the environment.
///
/// # Errors
/// When it has no name, or no value anywhere.
pub fn build_arg(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err(format!("`{text}` has no name")),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => std::env::var(text)
            .map(|value| (text.to_owned(), value))
            .map_err(|_| format!("`{text}` has no value here; write `{text}=VALUE`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_for_a_service_without_a_section_is_told_of_that_one() {
        let said = |names: &[&str]| without_section(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(said(&[]), "no service has a `build` section");
        assert_eq!(said(&["a"]), "the service `a` has no `build` section");
        assert_eq!(said(&["a", "b"]), "none of the services `a`, `b` has a `build` section");
    }
}

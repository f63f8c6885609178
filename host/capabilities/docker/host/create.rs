//! Power `create`: containers are made, each field compared with the grant before anything else happens.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::create::{Denial, Ground, Host, Spec, Verdict};
use crate::capabilities::docker::error::{invalid, no_such, too_much};
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::policy::lack::Lack;
use crate::capabilities::docker::policy::mount::World;
use crate::capabilities::docker::policy::spec::Checked;
use crate::capabilities::docker::scope::Scope;
use crate::capabilities::docker::types::Error;
use crate::capabilities::docker::{DockerView, digest, hash, limits, making, paths};
use crate::gate::{Decision, Effect};
use crate::grants::DockerPower;

use super::{check_name, operation};

impl Host for DockerView<'_> {
    async fn check(&mut self, specs: Vec<Spec>, ground: Ground) -> Trap<Result<Verdict, Error>> {
        let operation = operation("create.check", &format!("{} specs", specs.len()), Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Create));
        Ok(self.ctx.gate.pass_now(operation, decision, || verdict(&scope, &specs, &ground)))
    }

    async fn hashes(&mut self, texts: Vec<Vec<String>>) -> Trap<Result<Vec<String>, Error>> {
        let operation = operation("create.hashes", &format!("{} texts", texts.len()), Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Create));
        Ok(self.ctx.gate.pass_now(operation, decision, || {
            if texts.len() > limits::QUESTIONS {
                return Err(too_much(format!("{} texts; at most {} are possible in one call", texts.len(), limits::QUESTIONS)));
            }
            let root = scope.root.to_string_lossy();
            Ok(texts.iter().map(|text| hash::of(text, &root)).collect())
        }))
    }

    async fn create(&mut self, spec: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("create.create", &spec.name, Effect::Change, format!("image {}", spec.image));
        let scope = self.scope();
        let mut decision = self.decide(DockerPower::Create);
        let mut checked = Err(Error::Other("not granted".to_owned()));
        if decision == Decision::Allowed {
            checked = check(&scope, &spec);
            if let Ok(Checked { lacks, .. }) = &checked {
                decision = scope.permit.decide_on(DockerPower::Create, lacks);
            }
        }
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => return Ok(self.ctx.gate.pass_now(operation, decision, || Err(error))),
        };
        let finishing = self.ctx.jobs.finishing();
        self.begin(operation, decision, Dropped::GoesOn, |_| async move {
            let plan = making::plan(&scope, spec, checked).await?;
            finishing.run(async move { making::make(&scope, plan).await }).await
        })
    }

    async fn rename(&mut self, container: String, name: String) -> Trap<Result<(), Error>> {
        let operation = operation("create.rename", &container, Effect::Change, format!("to {name}"));
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Create));
        let renamed = async {
            check_name(&container)?;
            scope.permit.name("container", &name).map_err(invalid)?;
            let id = scope.container_id(&container).await?;
            match scope.engine.rename(&id, name.clone()).await {
                Ok(()) => Ok(()),
                Err(failure) if failure.is_gone() => Err(no_such("container", &container)),
                Err(failure) => Err(making::of_create(failure, &name, "")),
            }
        };
        Ok(self.ctx.gate.pass(operation, decision, renamed).await)
    }

    async fn digest(&mut self, name: String, content: Vec<u8>) -> Trap<Result<String, Error>> {
        let operation = operation("create.digest", &name, Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Create));
        let folder = self.ctx.places.folder();
        Ok(self.ctx.gate.pass_now(operation, decision, || {
            check_name(&name)?;
            if content.len() > limits::FILE_BYTES {
                return Err(too_much(format!("a secret of {} bytes; at most {} are possible", content.len(), limits::FILE_BYTES)));
            }
            // The folder's path is the host's own: it is not told.
            digest::digest(&folder, scope.project(), &name, &content)
                .map_err(|error| Error::Other(format!("the key of digests cannot be used: {}", error.kind())))
        }))
    }
}

fn verdict(scope: &Scope, specs: &[Spec], ground: &Ground) -> Result<Verdict, Error> {
    let Ground { networks, volumes, external_networks, external_volumes } = ground;
    let objects = networks.len() + volumes.len() + external_networks.len() + external_volumes.len();
    for (count, what) in [(specs.len(), "specs"), (objects, "networks and volumes")] {
        if count > limits::QUESTIONS {
            return Err(too_much(format!("{count} {what}; at most {} are possible in one call", limits::QUESTIONS)));
        }
    }
    let mut found = Vec::new();
    for spec in specs {
        found.extend(check(scope, spec)?.lacks.into_iter().map(|lack| (spec.service.clone(), lack)));
    }
    found.extend(of_ground(scope, ground)?);
    let lacks: Vec<Lack> = found.iter().map(|(_, lack)| lack.clone()).collect();
    let denials = found.into_iter().map(|(subject, lack)| Denial { subject, field: lack.field.to_owned(), thing: lack.thing });
    Ok(Verdict { denials: denials.collect(), lines: scope.permit.lines(&lacks) })
}

/// What networks and volumes lack, each with the key in the compose file that says it.
fn of_ground(scope: &Scope, ground: &Ground) -> Result<Vec<(String, Lack)>, Error> {
    let mut found = Vec::new();
    for spec in &ground.networks {
        let subject = format!("networks.{}", spec.key);
        let lacks = scope.permit.network(spec).map_err(|problem| invalid(format!("`{subject}`: {problem}")))?;
        found.extend(lacks.into_iter().map(|lack| (subject.clone(), lack)));
    }
    let world = World { root: &scope.root, socket: scope.engine.socket(), real: &paths::real };
    for spec in &ground.volumes {
        let subject = format!("volumes.{}", spec.key);
        let checked = scope.permit.volume(spec, &world).map_err(|problem| invalid(format!("`{subject}`: {problem}")))?;
        found.extend(checked.lacks.into_iter().map(|lack| (subject.clone(), lack)));
    }
    let networks = ground.external_networks.iter().filter(|network| !scope.permit.sees_network(&network.name));
    found.extend(networks.map(|network| (format!("networks.{}", network.key), Lack::item("name", "networks", &network.name))));
    let volumes = ground.external_volumes.iter().filter(|volume| !scope.permit.sees_volume(&volume.name));
    found.extend(volumes.map(|volume| (format!("volumes.{}", volume.key), Lack::item("name", "volumes", &volume.name))));
    Ok(found)
}

fn check(scope: &Scope, spec: &Spec) -> Result<Checked, Error> {
    bounds(spec)?;
    let world = World { root: &scope.root, socket: scope.engine.socket(), real: &paths::real };
    scope.permit.spec(spec, &world).map_err(|problem| invalid(format!("service `{}`: {problem}", spec.service)))
}

/// What a spec may hold; the engine has bounds of its own for most of it.
fn bounds(spec: &Spec) -> Result<(), Error> {
    let items = [
        spec.labels.len(),
        spec.annotations.len(),
        spec.config_files.len(),
        spec.entrypoint.as_ref().map_or(0, Vec::len),
        spec.command.as_ref().map_or(0, Vec::len),
        spec.environment.len(),
        spec.exposed.len(),
        spec.published.len(),
        spec.mounts.len(),
        spec.volumes_from.len(),
        spec.files.len(),
        spec.attachments.len(),
        spec.links.len(),
        spec.extra_hosts.len(),
        spec.groups.len(),
        spec.dns.len() + spec.dns_search.len() + spec.dns_options.len(),
        spec.healthcheck.as_ref().map_or(0, |check| check.test.len()),
        spec.logging.as_ref().map_or(0, |logging| logging.options.len()),
        spec.resources.ulimits.len() + spec.resources.storage_options.len(),
        spec.security.cap_add.len() + spec.security.cap_drop.len(),
        spec.security.devices.len() + spec.security.device_requests.len() + spec.security.device_cgroup_rules.len(),
        spec.security.options.len(),
        spec.security.sysctls.len(),
    ];
    let items: usize = items.iter().sum();
    if items > limits::SPEC_ITEMS {
        return Err(too_much(format!("service `{}` has {items} parts; at most {} are possible", spec.service, limits::SPEC_ITEMS)));
    }
    let bytes: usize = spec.files.iter().map(|file| file.content.len()).sum();
    if bytes > limits::FILES_BYTES {
        return Err(too_much(format!("the files of `{}` have {bytes} bytes; at most {} are possible", spec.service, limits::FILES_BYTES)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::docker::create::File;
    use crate::capabilities::docker::policy::spec::tests::spec;
    use crate::capabilities::docker::types::Pair;

    #[test]
    fn a_spec_with_as_many_parts_as_may_be_is_taken_and_one_more_is_too_much() {
        let labels = |count| vec![Pair { name: "a".to_owned(), value: String::new() }; count];
        let full = Spec { labels: labels(limits::SPEC_ITEMS - 1), command: Some(vec!["rest".to_owned()]), ..spec() };
        assert_eq!(bounds(&full), Ok(()));
        for more in [
            Spec { command: Some(vec!["rest".to_owned(); 2]), ..full.clone() },
            Spec { groups: vec!["app".to_owned()], ..full.clone() },
            Spec { labels: labels(limits::SPEC_ITEMS), ..full },
        ] {
            assert!(matches!(bounds(&more), Err(Error::LimitExceeded(_))));
        }
    }

    #[test]
    fn files_of_as_many_bytes_as_may_be_are_taken_and_one_byte_more_is_too_much() {
        let file = |bytes| File { path: "/a".to_owned(), content: vec![0; bytes], mode: 0o444, uid: 0, gid: 0 };
        let mut files: Vec<File> = (0..limits::FILES_BYTES / limits::FILE_BYTES).map(|_| file(limits::FILE_BYTES)).collect();
        assert_eq!(bounds(&Spec { files: files.clone(), ..spec() }), Ok(()));
        files.push(file(1));
        assert!(matches!(bounds(&Spec { files, ..spec() }), Err(Error::LimitExceeded(_))));
    }
}

//! Power `inspect`: what there is of the project.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::error::{invalid, no_such, too_much};
use crate::capabilities::docker::inspect::{Container, Details, Engine, Holder, Host, Image, Network, Until, Volume};
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::making::is_named;
use crate::capabilities::docker::policy::image::Reference;
use crate::capabilities::docker::policy::lack::Lack;
use crate::capabilities::docker::types::{Error, Status};
use crate::capabilities::docker::{DockerView, limits, ports, watch};
use crate::gate::{Decision, Effect};
use crate::grants::DockerPower;

use super::{check_name, operation};

impl Host for DockerView<'_> {
    async fn engine_version(&mut self) -> Trap<Result<Engine, Error>> {
        let operation = operation("inspect.engine-version", "", Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let version = async {
            let version = scope.engine.version().await?.clone();
            Ok(Engine {
                version: version.version,
                api_version: version.api_version,
                os: version.os,
                architecture: version.architecture,
                podman: version.podman,
            })
        };
        Ok(self.ctx.gate.pass(operation, decision, version).await)
    }

    async fn containers(&mut self) -> Trap<Result<Vec<Container>, Error>> {
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let operation = operation("inspect.containers", scope.project(), Effect::Read, String::new());
        let containers = async {
            let mut containers = scope.containers().await?;
            scope.hide_strange_networks(&mut containers).await?;
            Ok(containers)
        };
        Ok(self.ctx.gate.pass(operation, decision, containers).await)
    }

    async fn container_details(&mut self, name: String) -> Trap<Result<Details, Error>> {
        let operation = operation("inspect.container-details", &name, Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let details = async {
            check_name(&name)?;
            let mut container = scope.container(&name).await?;
            scope.hide_strange_networks(std::slice::from_mut(&mut container)).await?;
            let state = scope.engine.state(&container.id).await?;
            Ok(Details {
                exit_code: state.exit_code,
                error: scope.engine.scrub(&state.error),
                out_of_memory: state.out_of_memory,
                started_at: state.started_at,
                finished_at: state.finished_at,
                restart_count: state.restart_count,
                failing_streak: state.failing_streak,
                probes: state.probes,
                tty: state.tty,
                stop_signal: state.stop_signal,
                stop_timeout_s: state.stop_timeout_s,
                container: Container { status: state.status, health: state.health, ..container },
            })
        };
        Ok(self.ctx.gate.pass(operation, decision, details).await)
    }

    async fn networks(&mut self) -> Trap<Result<Vec<Network>, Error>> {
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let operation = operation("inspect.networks", scope.project(), Effect::Read, String::new());
        Ok(self.ctx.gate.pass(operation, decision, scope.networks()).await)
    }

    async fn strangers(&mut self, network: String) -> Trap<Result<u32, Error>> {
        let operation = operation("inspect.strangers", &network, Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let counted = async {
            check_name(&network)?;
            let found = scope.network(&network).await?;
            if !scope.is_own(&found.labels) {
                return Err(no_such("network", &network));
            }
            let attached = scope.engine.attached_containers(&found.name).await?;
            let is_stranger = |container: &&Container| container.status == Status::Running && !scope.is_own(&container.labels);
            Ok(u32::try_from(attached.iter().filter(is_stranger).count()).unwrap_or(u32::MAX))
        };
        Ok(self.ctx.gate.pass(operation, decision, counted).await)
    }

    async fn volumes(&mut self) -> Trap<Result<Vec<Volume>, Error>> {
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let operation = operation("inspect.volumes", scope.project(), Effect::Read, String::new());
        Ok(self.ctx.gate.pass(operation, decision, scope.volumes()).await)
    }

    async fn images(&mut self, references: Vec<String>) -> Trap<Result<Vec<Option<Image>>, Error>> {
        let operation = operation("inspect.images", &references.join(" "), Effect::Read, String::new());
        let (scope, mut decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let wanted = match wanted(&references) {
            Ok(wanted) => wanted,
            Err(error) => return Ok(self.ctx.gate.pass_now(operation, decision, || Err(error))),
        };
        if decision == Decision::Allowed {
            let lacks: Vec<Lack> = wanted.iter().filter_map(|reference| scope.permit.image("references", reference)).collect();
            decision = scope.permit.decide_on(DockerPower::Inspect, &lacks);
        }
        let images = async {
            if wanted.is_empty() {
                return Ok(Vec::new());
            }
            let all = scope.engine.images_of(None).await?;
            let find = |reference: &Reference| {
                let granted = scope.permit.has_image(reference);
                let found = all.iter().find(|image| is_named(image, reference));
                // A name of ours may still be that of another project's image.
                found.filter(|image| granted || scope.may_see(&image.labels)).cloned()
            };
            Ok(wanted.iter().map(find).collect())
        };
        Ok(self.ctx.gate.pass(operation, decision, images).await)
    }

    async fn own_images(&mut self) -> Trap<Result<Vec<Image>, Error>> {
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let operation = operation("inspect.own-images", scope.project(), Effect::Read, String::new());
        let images = async { Ok(scope.engine.images_of(Some(scope.project())).await?) };
        Ok(self.ctx.gate.pass(operation, decision, images).await)
    }

    async fn watch(&mut self, name: String, until: Until) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("inspect.watch", &name, Effect::Read, format!("{until:?}").to_lowercase());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        self.begin(operation, decision, Dropped::Cancels, |_| async move {
            check_name(&name)?;
            watch::watch(&scope, &name, until).await
        })
    }

    async fn port_holders(&mut self, ports: Vec<u16>) -> Trap<Result<Vec<Holder>, Error>> {
        let words: Vec<String> = ports.iter().take(40).map(u16::to_string).collect();
        let operation = operation("inspect.port-holders", &words.join(" "), Effect::Read, String::new());
        let (scope, mut decision) = (self.scope(), self.decide(DockerPower::Inspect));
        if decision == Decision::Allowed {
            decision = scope.permit.decide_on(DockerPower::Inspect, &scope.permit.ports(&ports));
        }
        let holders = async {
            if ports.len() > limits::QUESTIONS {
                return Err(too_much(format!("{} ports; at most {} are possible in one call", ports.len(), limits::QUESTIONS)));
            }
            ports::holders(&scope, &ports).await
        };
        Ok(self.ctx.gate.pass(operation, decision, holders).await)
    }
}

fn wanted(references: &[String]) -> Result<Vec<Reference>, Error> {
    if references.len() > limits::QUESTIONS {
        return Err(too_much(format!("{} references; at most {} are possible in one call", references.len(), limits::QUESTIONS)));
    }
    references.iter().map(|reference| Reference::new(reference).map_err(invalid)).collect()
}

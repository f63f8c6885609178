//! Power `inspect`: what there is of the project.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::inspect::{Container, Details, Engine, Holder, Host, Image, Network, Until, Volume};
use crate::capabilities::docker::jobs::Job;
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
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
        Ok(self.ctx.gate.pass(operation, decision, scope.containers()).await)
    }

    async fn container_details(&mut self, name: String) -> Trap<Result<Details, Error>> {
        let operation = operation("inspect.container-details", &name, Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let details = async {
            check_name(&name)?;
            let container = scope.container(&name).await?;
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

    async fn volumes(&mut self) -> Trap<Result<Vec<Volume>, Error>> {
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let operation = operation("inspect.volumes", scope.project(), Effect::Read, String::new());
        Ok(self.ctx.gate.pass(operation, decision, scope.volumes()).await)
    }

    async fn images(&mut self, references: Vec<String>) -> Trap<Result<Vec<Option<Image>>, Error>> {
        let operation = operation("inspect.images", &references.join(" "), Effect::Read, String::new());
        let decision = self.decide(DockerPower::Inspect);
        Ok(self.ctx.gate.pass_now(operation, decision, || Err(Error::Other("images".to_owned()))))
    }

    async fn own_images(&mut self) -> Trap<Result<Vec<Image>, Error>> {
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Inspect));
        let operation = operation("inspect.own-images", scope.project(), Effect::Read, String::new());
        let images = async { Ok(scope.engine.images_of(Some(scope.project())).await?) };
        Ok(self.ctx.gate.pass(operation, decision, images).await)
    }

    async fn watch(&mut self, name: String, _until: Until) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("inspect.watch", &name, Effect::Read, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Inspect), || Err(Error::Other("watch".to_owned()))))
    }

    async fn port_holders(&mut self, _ports: Vec<u16>) -> Trap<Result<Vec<Holder>, Error>> {
        let operation = operation("inspect.port-holders", "", Effect::Read, String::new());
        Ok(self.ctx.gate.pass_now(operation, self.decide(DockerPower::Inspect), || Err(Error::Other("port-holders".to_owned()))))
    }
}

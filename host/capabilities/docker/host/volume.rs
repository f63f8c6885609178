//! Power `volume`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::error::{invalid, too_much};
use crate::capabilities::docker::inspect::Volume;
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::policy::labels;
use crate::capabilities::docker::policy::mount::World;
use crate::capabilities::docker::policy::volume::differences;
use crate::capabilities::docker::scope::Scope;
use crate::capabilities::docker::types::{Error, Pair};
use crate::capabilities::docker::volume::{Host, Spec};
use crate::capabilities::docker::{DockerView, limits, paths};
use crate::gate::{Decision, Effect};
use crate::grants::DockerPower;

use super::{check_name, operation};

impl Host for DockerView<'_> {
    async fn create(&mut self, spec: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("volume.create", &spec.name, Effect::Change, spec.driver.clone());
        let scope = self.scope();
        let mut decision = self.decide(DockerPower::Volume);
        let mut options = Vec::new();
        if decision == Decision::Allowed {
            let world = World { root: &scope.root, socket: scope.engine.socket(), real: &paths::real };
            match scope.permit.volume(&spec, &world) {
                Ok(checked) => {
                    decision = scope.permit.decide_on(DockerPower::Volume, &checked.lacks);
                    options = checked.options;
                }
                Err(problem) => return Ok(self.ctx.gate.pass_now(operation, decision, || Err(invalid(problem)))),
            }
        }
        self.begin(operation, decision, Dropped::GoesOn, |_| async move { create(&scope, spec, options).await })
    }

    async fn compare(&mut self, specs: Vec<Spec>) -> Trap<Result<Vec<Option<Vec<String>>>, Error>> {
        let operation = operation("volume.compare", &format!("{} volumes", specs.len()), Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Volume));
        let compared = async {
            if specs.len() > limits::QUESTIONS {
                return Err(too_much(format!("{} volumes; at most {} are possible in one call", specs.len(), limits::QUESTIONS)));
            }
            let there = scope.volumes_with_options().await?;
            let world = World { root: &scope.root, socket: scope.engine.socket(), real: &paths::real };
            specs.iter().map(|spec| compare(&scope, spec, &there, &world)).collect()
        };
        Ok(self.ctx.gate.pass(operation, decision, compared).await)
    }

    async fn remove(&mut self, name: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("volume.remove", &name, Effect::Destroy, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Volume));
        self.begin(operation, decision, Dropped::GoesOn, |_| async move {
            check_name(&name)?;
            // One that was granted by its name is seen, and still not ours to remove.
            let volumes = scope.volumes().await?;
            if let Some(volume) = volumes.iter().find(|volume| volume.name == name && scope.is_own(&volume.labels)) {
                scope.engine.remove_volume(&volume.name).await?;
            }
            Ok(String::new())
        })
    }
}

fn compare(scope: &Scope, spec: &Spec, there: &[(Volume, Vec<Pair>)], world: &World<'_>) -> Result<Option<Vec<String>>, Error> {
    let Some((volume, made_with)) = there.iter().find(|(volume, _)| volume.name == spec.name) else { return Ok(None) };
    if !scope.is_own(&volume.labels) {
        // Nothing is told of another's than that it is there.
        return Ok(Some(Vec::new()));
    }
    let options = scope.permit.volume(spec, world).map_err(invalid)?.options;
    Ok(Some(differences(spec, &options, &volume.driver, made_with, &volume.labels)))
}

async fn create(scope: &Scope, spec: Spec, options: Vec<Pair>) -> Result<String, Error> {
    let Spec { name, key, driver, options: _, labels: given } = spec;
    let own = [
        (labels::PROJECT, scope.project()),
        (labels::VOLUME, key.as_str()),
        (labels::VERSION, env!("CARGO_PKG_VERSION")),
        (labels::RUN, scope.run_id.as_str()),
    ];
    let own = own.map(|(name, value)| Pair { name: name.to_owned(), value: value.to_owned() });
    let all = given.into_iter().chain(own).collect();
    // Where there is one of that name already, the engine answers with that and changes nothing.
    let volume = scope.engine.create_volume(name, driver, options, all).await?;
    match scope.is_own(&volume.labels) {
        true => Ok(volume.name),
        false => Err(Error::Conflict(format!("the name `{}` is in use", volume.name))),
    }
}

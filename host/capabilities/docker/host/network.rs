//! Power `network`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::error::{invalid, no_such};
use crate::capabilities::docker::inspect::Network;
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::network::{Host, Spec};
use crate::capabilities::docker::policy::labels;
use crate::capabilities::docker::scope::Scope;
use crate::capabilities::docker::types::{Attachment, Error, Pair};
use crate::gate::{Decision, Effect};
use crate::grants::DockerPower;

use super::{check_name, operation};

impl Host for DockerView<'_> {
    async fn create(&mut self, spec: Spec) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("network.create", &spec.name, Effect::Change, spec.driver.clone());
        let scope = self.scope();
        let mut decision = self.decide(DockerPower::Network);
        if decision == Decision::Allowed {
            match scope.permit.network(&spec) {
                Ok(lacks) => decision = scope.permit.decide_on(DockerPower::Network, &lacks),
                Err(problem) => return Ok(self.ctx.gate.pass_now(operation, decision, || Err(invalid(problem)))),
            }
        }
        self.begin(operation, decision, Dropped::GoesOn, |_| async move { create(&scope, spec).await })
    }

    async fn connect(&mut self, container: String, attachment: Attachment) -> Trap<Result<(), Error>> {
        let operation = operation("network.connect", &container, Effect::Change, attachment.network.clone());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Network));
        let connected = async {
            let (id, network) = both(&scope, &container, &attachment.network).await?;
            scope.may_join("network", &network)?;
            if attachment.gateway_priority != 0 {
                scope.engine.needs((1, 48), "gateway-priority").await?;
            }
            Ok(scope.engine.connect(&network.id, &id, attachment).await?)
        };
        Ok(self.ctx.gate.pass(operation, decision, connected).await)
    }

    async fn disconnect(&mut self, container: String, network: String, force: bool) -> Trap<Result<(), Error>> {
        let operation = operation("network.disconnect", &container, Effect::Change, network.clone());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Network));
        let disconnected = async {
            let (id, network) = both(&scope, &container, &network).await?;
            Ok(scope.engine.disconnect(&network.id, &id, force).await?)
        };
        Ok(self.ctx.gate.pass(operation, decision, disconnected).await)
    }

    async fn remove(&mut self, name: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("network.remove", &name, Effect::Destroy, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Network));
        self.begin(operation, decision, Dropped::GoesOn, |_| async move {
            check_name(&name)?;
            // One that was granted by its name is seen, and still not ours to remove.
            let networks = scope.networks().await?;
            let own = networks.iter().find(|network| (network.name == name || network.id == name) && scope.is_own(&network.labels));
            if let Some(network) = own {
                scope.engine.remove_network(&network.id).await.map_err(|failure| of_remove(failure, &name))?;
            }
            Ok(String::new())
        })
    }
}

async fn create(scope: &Scope, spec: Spec) -> Result<String, Error> {
    // Engines before API 1.44 make a second one of the same name, and then know neither by it.
    if scope.engine.networks_of(None).await?.iter().any(|network| network.name == spec.name) {
        return Err(Error::Conflict(format!("the name `{}` is in use", spec.name)));
    }
    let mut all = spec.labels.clone();
    if !spec.shared {
        let own = [(labels::PROJECT, scope.project()), (labels::NETWORK, &spec.key), (labels::VERSION, env!("CARGO_PKG_VERSION"))];
        all.extend(own.map(|(name, value)| Pair { name: name.to_owned(), value: value.to_owned() }));
    }
    all.push(Pair { name: labels::RUN.to_owned(), value: scope.run_id.clone() });
    let name = spec.name.clone();
    match scope.engine.create_network(spec, all).await {
        Err(failure) if failure.says("already exists") => Err(Error::Conflict(format!("the name `{name}` is in use"))),
        answer => Ok(answer?),
    }
}

/// The id of a container, and a network.
async fn both(scope: &Scope, container: &str, network: &str) -> Result<(String, Network), Error> {
    check_name(container)?;
    check_name(network)?;
    let id = scope.container_id(container).await?;
    let network = scope.network(network).await?;
    Ok((id, network))
}

/// The engine says 403 for what is in use.
fn of_remove(failure: crate::capabilities::docker::client::Failure, name: &str) -> Error {
    if failure.says("active endpoints") {
        return Error::Conflict(format!("the network `{name}` is in use by containers"));
    }
    if failure.is_gone() { no_such("network", name) } else { failure.into() }
}

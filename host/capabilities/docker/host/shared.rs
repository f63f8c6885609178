//! Power `shared`: who is on a network that projects share.

use wasmtime::Result as Trap;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::inspect::Container;
use crate::capabilities::docker::policy::labels;
use crate::capabilities::docker::policy::lack::Lack;
use crate::capabilities::docker::shared::{Host, Neighbour};
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::operation;

/// Labels that a reverse proxy needs; others may hold what is nobody else's.
const TOLD: [&str; 2] = ["traefik.", "host."];

impl Host for DockerView<'_> {
    async fn neighbours(&mut self, network: String) -> Trap<Result<Vec<Neighbour>, Error>> {
        let operation = operation("shared.neighbours", &network, Effect::Read, String::new());
        let scope = self.scope();
        let lacks: Vec<Lack> = match scope.permit.sees_network(&network) {
            true => Vec::new(),
            false => vec![Lack::item("network", "networks", &network)],
        };
        let decision = scope.permit.decide_on(DockerPower::Shared, &lacks);
        let neighbours = async {
            let containers = scope.engine.attached_containers(&network).await?;
            // The engine takes the name for the beginning of another network's id where there is none of that name.
            Ok(containers.into_iter().filter_map(|container| neighbour(container, &network)).collect())
        };
        Ok(self.ctx.gate.pass(operation, decision, neighbours).await)
    }
}

fn neighbour(container: Container, network: &str) -> Option<Neighbour> {
    let ip_address = container.endpoints.iter().find(|endpoint| endpoint.network == network)?.ip_address.clone();
    let label = |name: &str| container.labels.iter().find(|label| label.name == name).map(|label| label.value.clone());
    let (project, service) = (label(labels::PROJECT).unwrap_or_default(), label(labels::SERVICE).unwrap_or_default());
    let mut ports: Vec<u16> = container.ports.iter().map(|binding| binding.container_port).collect();
    ports.sort_unstable();
    ports.dedup();
    let labels = container.labels.into_iter().filter(|label| TOLD.iter().any(|prefix| label.name.starts_with(prefix)));
    Some(Neighbour {
        name: container.name,
        project,
        service,
        ip_address,
        status: container.status,
        health: container.health,
        ports,
        labels: labels.collect(),
    })
}

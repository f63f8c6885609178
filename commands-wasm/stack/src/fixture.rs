//! For tests: projects from text, and an engine on which they were brought up, as data.

use std::collections::BTreeMap;

use compose::{Loader, Options, Project};
use host_sdk::docker::inspect::{Container, Endpoint, Health, Image, Network, Status};
use host_sdk::docker::{Pair, pair};

use crate::labels;
use crate::observed::Observed;
use crate::plan::{Action, Plan, Wishes, reconcile};
use crate::spec::{Selection, Wanted, WantedNetwork};

pub(crate) fn project(yaml: &str) -> Project {
    let files = BTreeMap::from([("compose.yaml".to_owned(), yaml.to_owned())]);
    let options = Options { name: Some("shop".to_owned()), ..Options::default() };
    Loader::new(&files, BTreeMap::new()).load(&options).unwrap()
}

pub(crate) fn wanted(yaml: &str) -> Wanted {
    Wanted::of(&project(yaml), &Selection::default()).unwrap()
}

/// As it is after `up`: everything runs, what has a check is healthy.
pub(crate) fn brought_up(wanted: &Wanted) -> Observed {
    let mut observed = Observed::default();
    for network in wanted.networks.values() {
        let labels = if let WantedNetwork::Own(spec) = network { spec.labels.clone() } else { Vec::new() };
        let (id, name) = (format!("id of {}", network.name()), network.name().to_owned());
        observed.networks.push(Network {
            id,
            name,
            labels,
            driver: "bridge".to_owned(),
            internal: false,
            attachable: false,
            created_ns: 1,
        });
    }
    for volume in wanted.volumes.values() {
        observed.volumes.insert(volume.name().to_owned(), Vec::new());
    }
    for service in wanted.services.values() {
        let image = &service.spec.image;
        observed.images.insert(image.clone(), self::image(image));
        for number in 1..=service.replicas {
            let spec = service.instance("shop", number);
            let mut labels = spec.labels.clone();
            labels.extend(ours(&service.name, number));
            let networks = spec.attachments.iter().map(|attachment| attachment.network.clone());
            let health = if service.has_check { Health::Healthy } else { Health::None };
            observed.containers.push(Container { labels, health, endpoints: endpoints(networks), ..container(&spec.name, image) });
        }
    }
    observed
}

pub(crate) fn image(name: &str) -> Image {
    Image { id: format!("sha256:{name}"), tags: vec![name.to_owned()], digests: Vec::new(), size: 1, labels: Vec::new() }
}

pub(crate) fn container(name: &str, image: &str) -> Container {
    Container {
        id: format!("{:0>12}", name.replace('-', "")),
        name: name.to_owned(),
        image: image.to_owned(),
        image_id: format!("sha256:{image}"),
        labels: Vec::new(),
        created: 1,
        status: Status::Running,
        health: Health::None,
        status_text: "Up 3 minutes".to_owned(),
        ports: Vec::new(),
        endpoints: Vec::new(),
    }
}

/// What the host writes.
pub(crate) fn ours(service: &str, number: u32) -> [Pair; 5] {
    [
        pair(labels::PROJECT, "shop"),
        pair(labels::SERVICE, service),
        pair(labels::NUMBER, number.to_string()),
        pair(labels::ONE_OFF, "False"),
        pair(labels::CONFIG_FILES, "compose.yaml"),
    ]
}

fn endpoints(networks: impl Iterator<Item = String>) -> Vec<Endpoint> {
    networks.map(|network| Endpoint { network_id: format!("id of {network}"), network, ip_address: String::new() }).collect()
}

pub(crate) fn exited(container: &mut Container, code: i32) {
    container.status = Status::Exited;
    container.status_text = format!("Exited ({code}) 5 seconds ago");
    container.health = Health::None;
}

pub(crate) fn find<'a>(observed: &'a mut Observed, name: &str) -> &'a mut Container {
    observed.containers.iter_mut().find(|container| container.name == name).unwrap()
}

pub(crate) fn plan(wanted: &Wanted, observed: &Observed) -> Plan {
    reconcile(wanted, observed, &Wishes::default()).unwrap()
}

/// `recreate shop-web-1: environment.DEBUG changed`
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| format!("{} {}: {}", change.verb.word(), change.name, change.cause)).collect()
}

/// Each operation in a few words, in an order in which it may be carried out; before it stands what must come before.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    let word = |at: usize| {
        let operation = &plan.operations[at];
        let name = &plan.changes[operation.change].name;
        let what = match &operation.action {
            Action::Build(_) => "build",
            Action::Pull { .. } => "pull",
            Action::CreateNetwork(_) | Action::CreateVolume(_) => "make",
            Action::Create(_) => "create",
            Action::RemoveNetwork(_) | Action::RemoveVolume(_) | Action::RemoveImage(_) => "drop",
            Action::Disconnect { .. } => "disconnect",
            Action::Start(_) => "start",
            Action::Stop(_) => "stop",
            Action::Remove { .. } => "remove",
            Action::Rename { .. } => "rename",
            Action::Wait { until, .. } => until.word(),
        };
        format!("{what} {name}")
    };
    let one = |at: usize| match &plan.operations[at].after[..] {
        [] => word(at),
        after => format!("{} > {}", after.iter().map(|before| word(*before)).collect::<Vec<_>>().join(" + "), word(at)),
    };
    (0..plan.operations.len()).map(one).collect()
}

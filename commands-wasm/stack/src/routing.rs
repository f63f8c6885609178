//! Whose routes the machine's reverse proxy does not know yet: it reads them when `start_reverse_proxy` runs.

use std::collections::BTreeSet;

use host_sdk::docker::Pair;
use host_sdk::docker::inspect::Container;

use crate::observed::{self, Observed};
use crate::plan::{Kind, Plan, Verb};
use crate::spec::{REVERSE_PROXY_NETWORK, Wanted, WantedNetwork};

/// What `up` did that routes depend on, and how they are brought up to date.
pub(crate) fn hint(plan: &Plan, wanted: &Wanted, observed: &Observed) -> Option<String> {
    // The proxy is on a network that no stack owns; a stack with a proxy of its own has no use for ours.
    let externals = wanted.networks.values().filter(|network| matches!(network, WantedNetwork::External(_))).map(WantedNetwork::name);
    let externals: BTreeSet<&str> = externals.chain([REVERSE_PROXY_NETWORK]).collect();
    let asked = wanted.services.values().filter(|service| {
        has_routes(&service.spec.labels) && service.spec.attachments.iter().any(|end| externals.contains(end.network.as_str()))
    });
    let were = observed.containers.iter().filter(|container| is_routed(container, &externals)).map(observed::service);
    let routed: BTreeSet<&str> = asked.map(|service| service.name.as_str()).chain(were).collect();
    told(touched(plan, &routed))
}

/// The same of `down`.
pub(crate) fn hint_of_removed(containers: &[Container]) -> Option<String> {
    let externals = BTreeSet::from([REVERSE_PROXY_NETWORK]);
    told(containers.iter().filter(|container| is_routed(container, &externals)).map(observed::service).collect())
}

fn touched<'p>(plan: &'p Plan, routed: &BTreeSet<&str>) -> BTreeSet<&'p str> {
    let is_another = |verb: Verb| matches!(verb, Verb::Create | Verb::Recreate | Verb::Start | Verb::Restart | Verb::Remove);
    let changes = plan.changes.iter().filter(|change| change.kind == Kind::Container && is_another(change.verb));
    changes.map(|change| change.service.as_str()).filter(|service| routed.contains(service)).collect()
}

fn told(services: BTreeSet<&str>) -> Option<String> {
    let names: Vec<&str> = services.into_iter().collect();
    (!names.is_empty()).then(|| format!("host run start_reverse_proxy brings the routes of {} up to date", names.join(", ")))
}

fn is_routed(container: &Container, externals: &BTreeSet<&str>) -> bool {
    has_routes(&container.labels) && container.endpoints.iter().any(|end| externals.contains(end.network.as_str()))
}

fn has_routes(labels: &[Pair]) -> bool {
    let lower = |label: &Pair| label.name.to_ascii_lowercase();
    let refuses =
        |label: &Pair| lower(label) == "traefik.enable" && matches!(label.value.to_ascii_lowercase().as_str(), "false" | "0" | "f");
    labels.iter().any(|label| lower(label).starts_with("traefik.")) && !labels.iter().any(refuses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{brought_up, plan, wanted};

    const ROUTED: &str = "
services:
  web: {image: shop, labels: {traefik.enable: 'true', tier: '1'}, networks: [proxy]}
  own: {image: shop, labels: {traefik.enable: 'true', tier: '1'}}
  off: {image: shop, labels: {traefik.enable: 'false', tier: '1'}, networks: [proxy]}
  db: {image: postgres, labels: {tier: '1'}, networks: [proxy]}
networks: {proxy: {name: shared, external: true}}
";

    #[test]
    fn what_has_routes_on_a_shared_network_and_was_changed_is_told() {
        let before = wanted(ROUTED);
        let observed = brought_up(&before);
        assert_eq!(hint(&plan(&before, &observed), &before, &observed), None);
        let changed = wanted(&ROUTED.replace("tier: '1'", "tier: '2'"));
        let made = plan(&changed, &observed);
        assert_eq!(made.changes.len(), 4);
        let expected = Some("host run start_reverse_proxy brings the routes of web up to date".to_owned());
        assert_eq!(hint(&made, &changed, &observed), expected);
        let without = wanted(&ROUTED.replace("traefik.enable: 'true', ", ""));
        assert_eq!(hint(&plan(&without, &observed), &without, &observed), expected, "it had routes");
        assert_eq!(hint_of_removed(&observed.containers), None);
    }
}

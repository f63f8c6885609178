//! Reconciliation, against an engine that is data.

use host_sdk::docker::inspect::{Health, Status};
use host_sdk::docker::pair;

use super::*;
use crate::fixture::{brought_up, exited, find, lines, ours, plan, steps, wanted};
use crate::labels;
use crate::observed::Observed;

const SHOP: &str = "
services:
  db: {image: postgres, volumes: ['data:/var/lib'], healthcheck: {test: pg_isready}}
  web: {image: shop, environment: {DEBUG: '0', NAME: x}, depends_on: {db: {condition: service_healthy}}}
volumes: {data: }
";

#[test]
fn from_nothing_everything_is_made_at_once_and_started_in_order() {
    let plan = plan(&wanted(SHOP), &Observed::default());
    let expected = [
        "make shop_default",
        "make shop_data",
        "make shop_default + make shop_data > create shop-db-1",
        "create shop-db-1 > start shop-db-1",
        "make shop_default > create shop-web-1",
        "start shop-db-1 > healthy shop-db-1",
        "create shop-web-1 + healthy shop-db-1 > start shop-web-1",
    ];
    assert_eq!(steps(&plan), expected);
}

#[test]
fn an_unchanged_stack_is_left_alone() {
    let wanted = wanted(SHOP);
    assert_eq!(plan(&wanted, &brought_up(&wanted)), Plan::default());
}

#[test]
fn only_the_changed_service_is_recreated_and_the_key_is_named() {
    let observed = brought_up(&wanted(SHOP));
    let changed = wanted(&SHOP.replace("DEBUG: '0'", "DEBUG: '1'"));
    let plan = plan(&changed, &observed);
    assert_eq!(lines(&plan), ["recreate shop-web-1: environment.DEBUG changed"]);
    let expected = [
        "create shop-web-1",
        "create shop-web-1 > stop shop-web-1",
        "stop shop-web-1 > remove shop-web-1",
        "remove shop-web-1 > rename shop-web-1",
        "rename shop-web-1 > start shop-web-1",
    ];
    assert_eq!(steps(&plan), expected);
    let Action::Create(spec) = &plan.operations[0].action else { panic!("{plan:?}") };
    assert_eq!((spec.name.as_str(), spec.anonymous_volumes_of.as_str()), ("0000shopweb1_shop-web-1", "0000shopweb1"));
}

#[test]
fn another_image_behind_the_same_name_is_a_cause() {
    let wanted = wanted(SHOP);
    let mut observed = brought_up(&wanted);
    observed.images.get_mut("shop").unwrap().id = "sha256:new".to_owned();
    assert_eq!(lines(&plan(&wanted, &observed)), ["recreate shop-web-1: image changed"]);
}

#[test]
fn a_container_on_a_network_that_is_gone_is_recreated() {
    let wanted = wanted(SHOP);
    let mut observed = brought_up(&wanted);
    observed.networks[0].id = "another".to_owned();
    let stale = ["recreate shop-db-1: network shop_default recreated", "recreate shop-web-1: network shop_default recreated"];
    assert_eq!(lines(&plan(&wanted, &observed))[..2], stale);
    observed.networks.clear();
    let lines = lines(&plan(&wanted, &observed));
    assert!(lines.contains(&"create shop_default: not there".to_owned()) && stale.iter().all(|line| lines.contains(&(*line).to_owned())));
}

#[test]
fn a_container_that_was_taken_off_its_network_is_recreated() {
    let wanted = wanted(SHOP);
    let mut observed = brought_up(&wanted);
    find(&mut observed, "shop-web-1").endpoints.clear();
    assert_eq!(lines(&plan(&wanted, &observed)), ["recreate shop-web-1: not attached to network shop_default"]);
}

#[test]
fn a_changed_network_is_made_anew_with_its_containers_off_it() {
    let observed = brought_up(&wanted("services: {web: {image: shop}}\nnetworks: {default: {driver_opts: {a: b}}}"));
    let plan = plan(&wanted("services: {web: {image: shop}}\nnetworks: {default: {driver_opts: {a: c}}}"), &observed);
    let expected = ["recreate shop_default: networks.default.driver_opts changed", "recreate shop-web-1: network shop_default recreated"];
    assert_eq!(lines(&plan), expected);
    let expected = [
        "stop shop_default",
        "stop shop_default > disconnect shop_default",
        "disconnect shop_default > drop shop_default",
        "drop shop_default > make shop_default",
        "disconnect shop_default + make shop_default > create shop-web-1",
        "create shop-web-1 > remove shop-web-1",
        "remove shop-web-1 > rename shop-web-1",
        "rename shop-web-1 > start shop-web-1",
    ];
    assert_eq!(steps(&plan), expected);
}

#[test]
fn what_ended_is_started_again_and_a_one_shot_that_ended_well_is_done() {
    let yaml = "
services:
  seed: {image: shop}
  web: {image: shop, depends_on: {seed: {condition: service_completed_successfully}}}
";
    let wanted = wanted(yaml);
    let mut observed = brought_up(&wanted);
    exited(find(&mut observed, "shop-seed-1"), 0);
    assert_eq!(plan(&wanted, &observed), Plan::default());
    exited(find(&mut observed, "shop-web-1"), 0);
    assert_eq!(steps(&plan(&wanted, &observed)), ["start shop-web-1"]);
    exited(find(&mut observed, "shop-seed-1"), 1);
    assert_eq!(
        steps(&plan(&wanted, &observed)),
        ["start shop-seed-1", "start shop-seed-1 > done shop-seed-1", "done shop-seed-1 > start shop-web-1"]
    );
}

#[test]
fn a_recreation_that_was_interrupted_goes_on_where_it_ended() {
    let old = wanted(SHOP);
    let new = wanted(&SHOP.replace("DEBUG: '0'", "DEBUG: '1'"));
    let mut observed = brought_up(&old);
    let mut made = brought_up(&new).containers.into_iter().find(|container| container.name == "shop-web-1").unwrap();
    made.id = "the new one".to_owned();
    made.name = "0123456789ab_shop-web-1".to_owned();
    made.status = Status::Created;
    made.labels.push(pair(labels::REPLACE, "shop-web-1"));
    observed.containers.push(made);
    let plan_before_removal = plan(&new, &observed);
    let expected = [
        "stop shop-web-1",
        "stop shop-web-1 > remove shop-web-1",
        "remove shop-web-1 > rename shop-web-1",
        "rename shop-web-1 > start shop-web-1",
    ];
    assert_eq!(steps(&plan_before_removal), expected);
    assert_eq!(lines(&plan_before_removal)[0], "remove shop-web-1: an interrupted run left it");
    // The old one is gone already.
    observed.containers.retain(|container| container.name != "shop-web-1");
    assert_eq!(steps(&plan(&new, &observed)), ["rename shop-web-1", "rename shop-web-1 > start shop-web-1"]);
    // It has its name, and was not started.
    find(&mut observed, "0123456789ab_shop-web-1").name = "shop-web-1".to_owned();
    assert_eq!(steps(&plan(&new, &observed)), ["start shop-web-1"]);
}

#[test]
fn of_two_with_the_same_number_the_one_that_is_right_stays() {
    let wanted = wanted(SHOP);
    let mut observed = brought_up(&wanted);
    let mut other = find(&mut observed, "shop-web-1").clone();
    other.id = "other".to_owned();
    other.name = "shop_web_1".to_owned();
    other.labels.retain(|label| label.name != labels::KEYS);
    observed.containers.insert(0, other);
    let plan = plan(&wanted, &observed);
    assert_eq!(lines(&plan), ["remove shop_web_1: another container has its number"]);
}

#[test]
fn scaling_adds_and_removes_by_number() {
    let three = "services: {web: {image: shop, scale: 3}}";
    let two = "services: {web: {image: shop, scale: 2}}";
    let observed = brought_up(&wanted(two));
    assert_eq!(lines(&plan(&wanted(three), &observed)), ["create shop-web-3: not there"]);
    assert_eq!(lines(&plan(&wanted(two), &brought_up(&wanted(three)))), ["remove shop-web-3: scaled to 2"]);
    assert_eq!(lines(&plan(&wanted("services: {web: {image: shop, scale: 0}}"), &observed)).len(), 2);
}

#[test]
fn orphans_are_those_of_our_files_only() {
    let wanted = wanted(SHOP);
    let mut observed = brought_up(&wanted);
    for (name, files) in [("old", "compose.yaml"), ("foreign", "/elsewhere/compose.yaml")] {
        let mut container = crate::fixture::container(name, "x");
        container.labels = ours(name, 1).to_vec();
        container.labels.last_mut().unwrap().value = files.to_owned();
        observed.containers.push(container);
    }
    let left = plan(&wanted, &observed);
    assert_eq!((left.orphans, left.changes), (vec!["old".to_owned()], Vec::new()));
    let removed = reconcile(&wanted, &observed, &Wishes { remove_orphans: true, ..Wishes::default() }).unwrap();
    assert_eq!(lines(&removed), ["remove old: its service is not in the compose file"]);
}

#[test]
fn what_compose_made_is_compared_by_its_hash_when_that_is_of_its_second_version() {
    let wanted = wanted(SHOP);
    let mut observed = brought_up(&wanted);
    let web = find(&mut observed, "shop-web-1");
    web.labels.retain(|label| label.name != labels::KEYS);
    web.labels.push(pair(labels::VERSION, "2.40.0"));
    assert_eq!(plan(&wanted, &observed), Plan::default());
    let web = find(&mut observed, "shop-web-1");
    web.labels.iter_mut().find(|label| label.name == labels::VERSION).unwrap().value = "1.29.2".to_owned();
    let line = "recreate shop-web-1: made by docker-compose 1.29.2, nothing tells what changed since";
    assert_eq!(lines(&plan(&wanted, &observed)), [line]);
}

#[test]
fn who_restarts_with_another_service_stops_before_it_and_starts_after() {
    let yaml = "
services:
  db: {image: postgres, environment: {A: '0'}}
  web: {image: shop, depends_on: {db: {condition: service_started, restart: true}}}
";
    let observed = brought_up(&wanted(yaml));
    let plan = plan(&wanted(&yaml.replace("A: '0'", "A: '1'")), &observed);
    assert_eq!(lines(&plan), ["recreate shop-db-1: environment.A changed", "restart shop-web-1: restarts with db"]);
    let steps = steps(&plan);
    assert!(steps.contains(&"create shop-db-1 + stop shop-web-1 > stop shop-db-1".to_owned()), "{steps:?}");
    assert!(steps.contains(&"start shop-db-1 + stop shop-web-1 > start shop-web-1".to_owned()), "{steps:?}");
}

#[test]
fn who_shares_a_network_with_a_recreated_container_is_recreated_too() {
    let yaml = "services: {a: {image: x, environment: {A: '0'}}, b: {image: x, network_mode: 'service:a'}}";
    let observed = brought_up(&wanted(yaml));
    let plan = plan(&wanted(&yaml.replace("'0'", "'1'")), &observed);
    assert_eq!(lines(&plan), ["recreate shop-a-1: environment.A changed", "recreate shop-b-1: a recreated"]);
    let steps = steps(&plan);
    assert!(steps.iter().any(|step| step.contains("rename shop-a-1 > create shop-b-1")), "{steps:?}");
}

#[test]
fn only_named_services_are_forced() {
    let wanted = wanted(SHOP);
    let named = ["web".to_owned()];
    let wishes = Wishes { force_recreate: true, named: &named, ..Wishes::default() };
    assert_eq!(lines(&reconcile(&wanted, &brought_up(&wanted), &wishes).unwrap()), ["recreate shop-web-1: --force-recreate"]);
}

#[test]
fn with_wait_each_service_is_waited_for_as_far_as_it_goes() {
    let wanted = wanted(SHOP);
    let wishes = Wishes { wait: true, ..Wishes::default() };
    let plan = reconcile(&wanted, &Observed::default(), &wishes).unwrap();
    let steps = steps(&plan);
    assert!(steps.contains(&"start shop-web-1 > running shop-web-1".to_owned()), "{steps:?}");
    assert_eq!(reconcile(&wanted, &brought_up(&wanted), &wishes).unwrap(), Plan::default());
    let mut observed = brought_up(&wanted);
    find(&mut observed, "shop-db-1").health = Health::Starting;
    assert_eq!(crate::fixture::steps(&reconcile(&wanted, &observed, &wishes).unwrap()), ["healthy shop-db-1"]);
}

#[test]
fn a_dependency_that_is_not_required_may_fail() {
    let yaml = "
services:
  db: {image: postgres, healthcheck: {test: x}}
  web: {image: shop, depends_on: {db: {condition: service_healthy, required: false}}}
";
    let optional = |plan: &Plan| plan.operations.iter().filter(|operation| operation.optional).count();
    assert_eq!(optional(&plan(&wanted(yaml), &Observed::default())), 1);
    assert_eq!(optional(&plan(&wanted(&yaml.replace("required: false", "required: true")), &Observed::default())), 0);
}

#[test]
fn an_external_network_must_be_there_and_the_cure_is_named() {
    let wanted = wanted("services: {web: {image: x, networks: [reverse-proxy]}}\nnetworks: {reverse-proxy: {external: true}}");
    let failure = reconcile(&wanted, &Observed::default(), &Wishes::default()).unwrap_err().into_failure();
    assert_eq!(failure.message, "the network `reverse-proxy` is external, and it is not there");
    assert_eq!(failure.hints, ["host run start_reverse_proxy"]);
}

//! Anchors, merge keys, and how a later file goes over an earlier one.

use super::{load, load_files};
use crate::Project;

fn over(base: &str, change: &str) -> Project {
    let indent = |keys: &str| format!("services:\n  web:\n    image: x\n{keys}");
    load_files(&[("compose.yaml", &indent(base)), ("compose.override.yaml", &indent(change))])
}

#[test]
fn anchors_and_merge_keys() {
    let project = load(
        "x-env: &env {A: 1, B: 1}\nx-more: &more {B: 2, C: 2}\nx-base: &base\n  image: x\n  restart: always\nservices:\n  web:\n    <<: *base\n    restart: \"no\"\n    environment:\n      <<: [*env, *more]\n      D: 3\n  worker: *base\n",
    );
    let web = &project.services["web"];
    let shown: Vec<String> = web.environment.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap())).collect();
    assert_eq!(shown, ["A=1", "B=1", "C=2", "D=3"]);
    assert_eq!((web.image.as_deref(), web.restart.map(crate::Restart::as_str)), (Some("x"), Some("no")));
    assert_eq!(project.services["worker"].restart.map(crate::Restart::as_str), Some("always"));
    assert_eq!(web.place_of("image").line, 4);
}

#[test]
fn maps_are_merged_and_commands_replaced() {
    let project = over(
        "    environment: [A=1, B=1]\n    labels: {a: 1}\n    command: [one, two]\n    entrypoint: one\n    healthcheck: {test: [CMD, a], retries: 3}\n    logging: {driver: syslog, options: {a: b}}\n    ulimits: {nofile: {soft: 1, hard: 2}}\n    depends_on: [db]\n  db: {image: x}\n",
        "    environment: {B: 2, C: 2}\n    labels: [\"b=2\"]\n    command: three\n    entrypoint:\n    healthcheck: {test: [CMD, b]}\n    logging: {driver: json-file}\n    ulimits: {nofile: 5}\n    depends_on: {db: {condition: service_healthy}}\n",
    );
    let web = &project.services["web"];
    assert_eq!(web.environment.values().flatten().collect::<Vec<_>>(), ["1", "2", "2"]);
    assert_eq!(web.labels.len(), 2);
    assert_eq!((web.command.clone().unwrap(), web.entrypoint.clone()), (vec!["three".to_owned()], None));
    let check = web.healthcheck.as_ref().unwrap();
    assert_eq!((check.test.as_ref().unwrap().join(" "), check.retries), ("CMD b".to_owned(), Some(3)));
    assert!(web.logging.as_ref().unwrap().options.is_empty());
    assert_eq!(web.ulimits["nofile"].soft, 5);
    assert_eq!(web.depends_on["db"].condition.as_str(), "service_healthy");
    assert!(web.depends_on["db"].required);
}

#[test]
fn lists_are_appended_and_hold_a_thing_once() {
    let project = over(
        "    ports: [\"80:80\", \"127.0.0.1:81:81\"]\n    volumes: [\"./a:/data\", \"./b:/more\"]\n    cap_add: [A, B]\n    dns: 1.1.1.1\n    expose: [80]\n    tmpfs: [\"/run:size=1m\"]\n    env_file: []\n    secrets: [s]\n    networks: {default: {aliases: [a]}}\n    extra_hosts: [\"a:1.1.1.1\"]\n",
        "    ports: [\"80:80/tcp\", \"82:80\"]\n    volumes: [\"./c:/data/:ro\"]\n    cap_add: [B, C]\n    dns: [1.1.1.1, 2.2.2.2]\n    expose: [\"80\", 90]\n    tmpfs: /run\n    secrets: [{source: s, mode: 0400}]\n    networks: [default]\n    extra_hosts: {a: 1.1.1.1, b: 2.2.2.2}\nsecrets: {s: {file: s}}\n",
    );
    let web = &project.services["web"];
    assert_eq!(web.ports.iter().map(ToString::to_string).collect::<Vec<_>>(), ["80:80/tcp", "127.0.0.1:81:81/tcp", "82:80/tcp"]);
    assert_eq!(web.volumes.iter().map(|mount| mount.source.as_deref().unwrap()).collect::<Vec<_>>(), ["c", "b"]);
    assert!(web.volumes[0].read_only);
    assert_eq!(
        (web.cap_add.join(","), web.dns.len(), web.expose.len(), web.tmpfs.join(",")),
        ("A,B,C".to_owned(), 2, 2, "/run".to_owned())
    );
    assert_eq!((web.secrets.len(), web.secrets[0].mode), (1, Some(0o400)));
    assert_eq!((web.networks["default"].aliases.len(), web.extra_hosts.len()), (1, 2));
}

#[test]
fn reset_takes_away_and_override_replaces() {
    let project = over(
        "    ports: [\"80:80\"]\n    environment: {A: 1, B: 1}\n    volumes: [\"./a:/a\"]\n    build: {context: a, args: {X: 1}}\n    user: root\n",
        "    ports: !reset []\n    environment: {A: !reset null, C: 1}\n    volumes: !override [\"./b:/b\"]\n    build: !override {context: b}\n    user: !reset \"\"\n",
    );
    let web = &project.services["web"];
    assert!(web.ports.is_empty());
    assert_eq!(web.environment.keys().collect::<Vec<_>>(), ["B", "C"]);
    assert_eq!(web.volumes.iter().map(|mount| mount.target.as_str()).collect::<Vec<_>>(), ["/b"]);
    let build = web.build.as_ref().unwrap();
    assert_eq!((build.context.as_str(), build.args.len(), web.user.as_deref()), ("b", 0, None));
}

#[test]
fn shared_things_are_merged_too_and_nothing_leaves_what_is_there() {
    let project = load_files(&[
        (
            "compose.yaml",
            "services: {web: {image: x, user: me}}\nnetworks: {default: {ipam: {config: [{subnet: 10.1.0.0/16, gateway: 10.1.0.1}]}}}\n",
        ),
        (
            "compose.override.yaml",
            "services: {web: {user: }}\nnetworks: {default: {ipam: {config: [{subnet: 10.1.0.0/16, ip_range: 10.1.2.0/24}, {subnet: 10.2.0.0/16}]}}}\n",
        ),
    ]);
    assert_eq!(project.services["web"].user.as_deref(), Some("me"));
    let pools = &project.networks["default"].ipam.config;
    assert_eq!((pools.len(), pools[0].gateway.is_some(), pools[0].ip_range.is_some()), (2, true, true));
}

#[test]
fn documents_of_one_file_are_merged_like_files() {
    let project = load("services: {web: {image: a}}\n---\n# nothing\n---\nservices: {web: {image: b, restart: always}}\n");
    assert_eq!(project.services["web"].image.as_deref(), Some("b"));
}

#[test]
fn what_cannot_be_merged_is_told() {
    let files = [("compose.yaml", "services: {web: {image: x, ports: []}}\n"), ("compose.override.yaml", "services: {web: {ports: {}}}\n")];
    let error = super::said(super::try_files(&files, &super::options()).unwrap_err());
    assert_eq!(
        error,
        "compose.override.yaml:1:25: `services.web.ports`: a map cannot be merged over a list, which stands at compose.yaml:1:35 | `!override` replaces instead of merging"
    );
}

//! Compose's hash, and ours.

use super::load;
use crate::hash::Form;
use crate::{Fingerprint, hash};

#[test]
fn the_hash_of_networks_with_priorities_is_compose_s() {
    let project =
        load("services:\n  web:\n    build: .\n    networks:\n      b: {priority: 100}\n      a: {priority: 10}\nnetworks: {a: , b: }\n");
    assert_eq!(
        hash::service(&project.services["web"], None, Form::Compose5),
        "8dbce408396f8986266bc5deba0c09cfebac63c95c2238e405c7bee5f1bd84b8"
    );
}

#[test]
fn the_json_behind_the_hash_is_go_s() {
    let project = load(
        "services:\n  web:\n    image: a<b\n    command: [x, \"&\"]\n    ports: [\"8080:80\"]\n    volumes: [\"./d:/d\", \"v:/v:ro\", {type: tmpfs, target: /t}]\n    environment: {B: , A: 1}\n    healthcheck: {test: x, interval: 90s}\n    deploy: {replicas: 2}\n    mem_limit: 1k\n    cpus: 0.5\n    extra_hosts: [\"b:1\", \"a:2\"]\n    secrets: [{source: s, mode: 0440}]\n    depends_on: []\n    stop_grace_period: 1m\nvolumes: {v: }\nsecrets: {s: {file: s}}\n",
    );
    let json = crate::canonical::service(&project.services["web"], crate::canonical::Folder::Known("/srv"), Form::Compose5).done();
    let expected = concat!(
        r#"{"cpus":0.5,"command":["x","\u0026"],"deploy":{"resources":{},"placement":{}},"entrypoint":null,"environment":{"A":"1","B":null},"#,
        r#""extra_hosts":["a=2","b=1"],"healthcheck":{"test":["CMD-SHELL","x"],"interval":"1m30s"},"image":"a\u003cb","mem_limit":"1024","networks":{"default":null},"#,
        r#""ports":[{"mode":"ingress","target":80,"published":"8080","protocol":"tcp"}],"secrets":[{"source":"s","target":"/run/secrets/s","mode":"0440"}],"#,
        r#""stop_grace_period":"1m0s","volumes":[{"type":"bind","source":"/srv/d","target":"/d","bind":{}},"#,
        r#"{"type":"volume","source":"v","target":"/v","read_only":true,"volume":{}},{"type":"tmpfs","target":"/t"}]}"#
    );
    assert_eq!(json, expected);
    let pieces = hash::pieces(&project.services["web"], Form::Compose5);
    let [before, path, after] = &pieces[..] else { panic!("{pieces:?}") };
    assert_eq!((format!("{before}/srv/{path}{after}"), &**path), (expected.to_owned(), "d"));
}

/// What `docker compose config --hash` of Compose 2.40.3 prints for services of these keys, in the folder /srv/shop.
const HASHES: &str = include_str!("hashes.txt");

#[test]
fn hashes_of_services_are_those_of_compose_2() {
    let beside = "networks: {back: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}\nvolumes: {data: }\nsecrets: {s: {file: ./s}}\nconfigs: {c: {content: hi}}\n";
    for line in HASHES.lines() {
        let (expected, keys) = line.split_once(' ').unwrap();
        let project = load(&format!("services:\n  other: {{image: busybox}}\n  web:\n    image: busybox\n    {keys}\n{beside}"));
        assert_eq!(hash::service(&project.services["web"], Some("/srv/shop"), Form::Compose2), expected, "{keys}");
    }
}

#[test]
fn how_many_and_how_built_does_not_change_the_hash() {
    let of = |keys: &str| {
        hash::service(
            &load(&format!("services:\n  db: {{image: x}}\n  web:\n    image: x\n    {keys}\n")).services["web"],
            None,
            Form::Compose2,
        )
    };
    let plain = of("tty: false");
    for keys in ["build: .", "scale: 3", "pull_policy: always", "depends_on: [db]", "profiles: []"] {
        assert_eq!(of(keys), plain, "{keys}");
    }
    assert_ne!(of("tty: true"), plain);
}

#[test]
fn changed_keys_are_named_and_values_are_not() {
    let of = |keys: &str| {
        let project =
            load(&format!("services:\n  web:\n    image: x\n{keys}volumes: {{v: }}\nconfigs: {{c: {{content: \"{}\"}}}}\n", keys.len()));
        Fingerprint::of(&project, &project.services["web"])
    };
    let old = of("    environment: {DEBUG: 0, GONE: secret}\n    ports: [\"80:80\"]\n    volumes: [\"v:/v\"]\n    configs: [c]\n");
    let new = of(
        "    environment: {DEBUG: 1, NEW: secret}\n    ports: [\"81:80\"]\n    volumes: [\"v:/v:ro\"]\n    command: run\n    configs: [c]\n    networks: {default: {aliases: [w]}}\n",
    );
    let changes: Vec<String> = old.changes_to(&new).iter().map(ToString::to_string).collect();
    let expected = [
        "command added",
        "environment.DEBUG changed",
        "environment.GONE removed",
        "environment.NEW added",
        "networks.default changed",
        "ports changed",
        "volumes./v changed",
    ];
    assert_eq!(changes, expected);
    assert!(!old.to_label().contains("secret"));
    assert_eq!(Fingerprint::from_label(&old.to_label()), Some(old.clone()));
    assert!(old.changes_to(&old).is_empty());
    assert_ne!(old.id(), new.id());
    for label in ["", "x", "[]", "{\"a\":1}"] {
        assert_eq!(Fingerprint::from_label(label), None, "{label}");
    }
}

#[test]
fn order_of_keys_does_not_change_ours() {
    let of = |text: &str| {
        let project = load(text);
        Fingerprint::of(&project, &project.services["web"]).id()
    };
    let left = of("services: {web: {image: x, environment: {A: 1, B: 2}, labels: [a=1, b=2]}}");
    assert_eq!(left, of("services: {web: {labels: {b: 2, a: 1}, environment: [B=2, A=1], image: x}}"));
}

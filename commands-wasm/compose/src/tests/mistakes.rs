//! What is wrong is told with file, line, key, and what cures it.

use super::{fault, load, options, said, try_files};

#[test]
fn unknown_keys_are_named_with_a_suggestion() {
    for (text, expected) in [
        (
            "services:\n  web:\n    image: x\n    enviroment: {}\n",
            "compose.yaml:4:5: `services.web.enviroment`: unknown key | did you mean `environment`?",
        ),
        (
            "services:\n  web:\n    image: x\n    healthcheck: {tests: x}\n",
            "compose.yaml:4:19: `services.web.healthcheck.tests`: unknown key | did you mean `test`?",
        ),
        ("services:\n  web: {image: x}\nvolume: {}\n", "compose.yaml:3:1: `volume`: unknown key | did you mean `volumes`?"),
        (
            "services: {web: {image: x, mine: 1}}\n",
            "compose.yaml:1:28: `services.web.mine`: unknown key | keys of your own begin with `x-`: `x-mine`",
        ),
        (
            "services: {web: {image: x}}\nnetworks: {a: {drive: x}}\n",
            "compose.yaml:2:16: `networks.a.drive`: unknown key | did you mean `driver`?",
        ),
        (
            "services: {web: {image: x, provider: {type: x}}}\n",
            "compose.yaml:1:28: `services.web.provider`: not supported | a provider is a program that Compose would run: start it yourself",
        ),
        (
            "services: {web: {image: x, log_driver: x}}\n",
            "compose.yaml:1:28: `services.web.log_driver`: not supported | write logging: {driver: ...}",
        ),
        (
            "web:\n  image: x\n",
            "compose.yaml:1:1: services stand below `services:` | this is the first version of the format: write `services:` and indent the rest",
        ),
    ] {
        assert_eq!(fault(text), expected);
    }
}

#[test]
fn wrong_types_name_what_is_expected() {
    for (keys, expected) in [
        ("image: 5", "compose.yaml:3:12: `services.web.image`: must be a string, not a number | quote it: image: \"5\""),
        ("image: x\n    ports: 80", "compose.yaml:4:12: `services.web.ports`: must be a list, not a number"),
        (
            "image: x\n    environment: x",
            "compose.yaml:4:18: `services.web.environment`: must be a map or a list of `NAME=value`, not a string",
        ),
        ("image: x\n    tty: maybe", "compose.yaml:4:10: `services.web.tty`: must be `true` or `false`, not a string"),
        (
            "image: x\n    stop_grace_period: 30",
            "compose.yaml:4:24: `services.web.stop_grace_period`: `30` is not a duration | give it a unit: stop_grace_period: 30s",
        ),
        (
            "image: x\n    mem_limit: lots",
            "compose.yaml:4:16: `services.web.mem_limit`: `lots` is not a size | write a number of bytes, or 512k, 64m, 2g",
        ),
        ("image: x\n    scale: -1", "compose.yaml:4:12: `services.web.scale`: must be zero or more, not -1"),
        (
            "image: x\n    restart: false",
            "compose.yaml:4:14: `services.web.restart`: must be a string, not a truth value | write restart: \"no\"",
        ),
        (
            "image: x\n    restart: unless_stopped",
            "compose.yaml:4:14: `services.web.restart`: `unless_stopped` is not one of no, always, unless-stopped, on-failure, on-failure:5 | did you mean `unless-stopped`?",
        ),
        (
            "image: x\n    command: echo 'a",
            "compose.yaml:4:14: `services.web.command`: a quote or parenthesis of this command does not match | write it as a list, or for a shell as [\"sh\", \"-c\", \"...\"]",
        ),
        ("image: x\n    cap_add: [1]", "compose.yaml:4:15: `services.web.cap_add`: must be a string, not a number | quote it: \"1\""),
        (
            "image: x\n    healthcheck: {test: [curl, x]}",
            "compose.yaml:4:25: `services.web.healthcheck.test`: begins with `curl`, not with CMD, CMD-SHELL or NONE | write a string, or [CMD, program, argument]",
        ),
    ] {
        assert_eq!(fault(&format!("services:\n  web:\n    {keys}\n")), expected);
    }
}

#[test]
fn ports_and_volumes_are_checked() {
    for (keys, expected) in [
        ("ports: [\"x:80\"]", "`x` in `x:80` is not a port between 0 and 65535"),
        ("ports: [\"80:70000\"]", "`70000` in `80:70000` is not a port"),
        ("ports: [\"1-3:1-2\"]", "the two ranges of `1-3:1-2` are not of the same length"),
        ("ports: [\"80/icmp\"]", "`icmp` in `80/icmp` is not a protocol"),
        ("ports: [\"localhost:80:80\"]", "`localhost` in `localhost:80:80` is not an address"),
        ("ports: [\":\"]", "| a variable in it may be empty"),
        ("volumes: [\":/data\"]", "| a variable in it may be empty"),
        ("ports: [{published: 80}]", "`target` is missing"),
        ("volumes: [\"a::b\"]", "`a::b` has nothing between two colons"),
        ("volumes: [\"a:/b:ro:x\"]", "`a:/b:ro:x` has too many colons"),
        ("volumes: [\"data:/data\"]", "there is no volume `data` | add `data:` below the file's `volumes:`"),
        ("volumes: [{source: x, target: /x}]", "`type` is missing"),
        ("volumes: [\"./a:/x\", \"./b:/y\"]\n    tmpfs: /y", "`/y` is mounted twice, first at"),
        ("extra_hosts: [nowhere]", "`nowhere` has no address"),
        ("environment: [\"A =1\"]", "`A` ends with a space before the `=`"),
    ] {
        let error = fault(&format!("services:\n  web:\n    image: x\n    {keys}\n"));
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("compose.yaml:4:") || error.starts_with("compose.yaml:5:"), "{error}");
    }
}

#[test]
fn references_to_nothing_are_errors() {
    for (text, expected) in [
        (
            "services: {a: {image: x, depends_on: [dbb]}, db: {image: x}}",
            "compose.yaml:1:39: `services.a.depends_on`: there is no service `dbb` | did you mean `db`?",
        ),
        ("services: {a: {image: x, network_mode: \"service:z\"}}", "compose.yaml:1:26: `services.a.network_mode`: there is no service `z`"),
        (
            "services: {a: {image: x, networks: [front]}}",
            "compose.yaml:1:37: `services.a.networks`: there is no network `front` | add `front:` below the file's `networks:`",
        ),
        (
            "services: {a: {image: x, secrets: [s]}}",
            "compose.yaml:1:36: `services.a.secrets`: there is no secret `s` | add `s:` below the file's `secrets:`",
        ),
        (
            "services: {a: {image: x, configs: [c]}}",
            "compose.yaml:1:36: `services.a.configs`: there is no config `c` | add `c:` below the file's `configs:`",
        ),
        (
            "services: {a: {ports: []}}",
            "compose.yaml:1:12: `services.a`: has neither `image` nor `build` | write image: NAME, or build: FOLDER",
        ),
    ] {
        assert_eq!(fault(text), expected);
    }
}

#[test]
fn what_excludes_one_another_is_told() {
    for (keys, expected) in [
        ("network_mode: host\n    networks: [default]", "`services.web.network_mode`: excludes `networks`"),
        ("container_name: cc\n    scale: 2", "`services.web.container_name`: excludes more than one container, and `scale` asks for 2"),
        ("scale: 2\n    deploy: {replicas: 3}", "`services.web.scale`: says something else than `deploy.replicas`"),
        (
            "mem_limit: 1g\n    deploy: {resources: {limits: {memory: 2g}}}",
            "`services.web.mem_limit`: says something else than `deploy.resources.limits.memory`",
        ),
        ("container_name: \"-x\"", "`-x` is not a container's name"),
    ] {
        let error = fault(&format!("services:\n  web:\n    image: x\n    {keys}\n"));
        assert!(error.contains(expected), "{error}");
    }
    let error = fault("services: {a: {image: x, container_name: cc}, b: {image: x, container_name: cc}}");
    assert!(error.contains("`cc` is also the container of `a`"), "{error}");
    let error = fault("services: {a: {image: x}}\nnetworks: {n: {external: true, driver: bridge}}\n");
    assert!(error.contains("`networks.n.driver`: stands beside `external`"), "{error}");
    let error = fault("services: {a: {image: x}}\nconfigs: {c: {file: a, content: b}}\n");
    assert!(error.contains("one of file, environment, content"), "{error}");
}

#[test]
fn circles_are_printed() {
    let text = "services:\n  a: {image: x, depends_on: [b]}\n  b:\n    image: x\n    depends_on: [c]\n  c: {image: x, links: [b]}\n";
    assert_eq!(fault(text), "compose.yaml:5:18: `services.b.depends_on`: services wait for one another: b -> c -> b");
}

#[test]
fn broken_yaml_is_told_where_it_breaks() {
    for (text, expected) in [
        ("services:\n  web:\n    image: x\n   ports: []\n", "compose.yaml:4:"),
        ("services: {a: {image: x}}\nservices: {}\n", "compose.yaml:2:1: the key `services` stands here twice, first in line 1"),
        ("services: [a]\n", "compose.yaml:1:11: `services`: must be a map, not a list"),
        ("services: {a: !secret x}\n", "compose.yaml:1:15: the tag `!secret` is not one of Compose's"),
        ("a: &a [*a]\n", "compose.yaml:1:8: "),
        ("x: *nothing\n", "compose.yaml:1:4: "),
        ("- a\n", "compose.yaml:1:1: a Compose file is a map of `services:` and the like, not a list"),
        ("services: {\"a b\": {image: x}}\n", "compose.yaml:1:12: `a b` is not a service's name: letters, digits, `.`, `_` and `-`"),
        ("", "there is nothing in compose.yaml | a Compose file is a map with `services:`"),
    ] {
        let error = fault(text);
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn what_has_no_effect_is_warned_about_once() {
    let project = load(
        "version: \"3\"\nservices:\n  a: {image: x, deploy: {update_config: {order: start-first}, placement: {constraints: [a]}}, develop: {watch: []}}\n",
    );
    let warnings: Vec<&str> = project.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "`version` has no effect, it can be removed",
            "`services.a.develop` has no effect: it is for `docker compose watch`",
            "`services.a.deploy.update_config` has no effect: it is for a swarm",
            "`services.a.deploy.placement` has no effect: it is for a swarm"
        ]
    );
}

#[test]
fn a_name_that_was_given_must_be_right() {
    let mut wrong = options();
    wrong.name = Some("My Shop".to_owned());
    let error = said(try_files(&[("compose.yaml", "services: {}")], &wrong).unwrap_err());
    assert!(error.contains("call it `myshop`"), "{error}");
}

#[test]
fn names_of_variables_and_paths_of_tmpfs_are_checked_with_their_place() {
    for (keys, expected) in [
        ("environment: [\"=v\"]", "3:19: `services.web.environment`: `` is not a variable's name"),
        ("environment: [\"L M=x\"]", "3:19: `services.web.environment`: `L M` is not a variable's name"),
        ("environment: {\"A=B\": x}", "3:19: `services.web.environment`: `A=B` is not a variable's name"),
        ("tmpfs: rel", "3:5: `services.web.tmpfs`: `rel` is not an absolute path"),
    ] {
        assert_eq!(fault(&format!("services:\n  web:\n    {keys}\n    image: x\n")), format!("compose.yaml:{expected}"), "{keys}");
    }
}

#[test]
fn owners_and_modes_of_what_is_a_file_have_no_effect_which_is_told() {
    let project = load(
        "services:\n  web:\n    image: x\n    secrets:\n      - {source: s, mode: 0400, uid: \"5\"}\n      - {source: plain}\n      - \
         {source: e, mode: 0400}\n    configs: [{source: c, gid: \"5\"}]\nsecrets: {s: {file: s.txt}, plain: {file: p.txt}, e: \
         {environment: HOME}}\nconfigs: {c: {file: c.txt}}\n",
    );
    let told: Vec<String> = project.warnings.iter().map(ToString::to_string).filter(|told| told.contains("mounted as it is")).collect();
    assert_eq!(
        told,
        [
            "compose.yaml:5:9: the secret `s` of `web` is the file `s.txt`, mounted as it is: `mode`, `uid` and `gid` have no effect",
            "compose.yaml:8:15: the config `c` of `web` is the file `c.txt`, mounted as it is: `mode`, `uid` and `gid` have no effect",
        ]
    );
}

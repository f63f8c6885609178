//! Keys of a service, in their short and their long form.

use super::{load, web};
use crate::{Condition, MountKind, Propagation, Protocol, Published, PullPolicy, Restart};

#[test]
fn ports_have_many_forms() {
    let web = web(
        "    ports:\n      - 3000\n      - \"3001-3003\"\n      - 22:22\n      - \"127.0.0.1:8001:8001/udp\"\n      - \"9000-9001:80-81\"\n      - \"5000-5010:5000\"\n      - \"[::1]::6001\"\n      - {target: 80, published: \"8080-8090\", protocol: tcp, mode: host, host_ip: 10.0.0.1}\n      - {target: 443}\n",
    );
    let shown: Vec<String> = web.ports.iter().map(ToString::to_string).collect();
    let expected = [
        "3000/tcp",
        "3001/tcp",
        "3002/tcp",
        "3003/tcp",
        "22:22/tcp",
        "127.0.0.1:8001:8001/udp",
        "9000:80/tcp",
        "9001:81/tcp",
        "5000-5010:5000/tcp",
        "[::1]::6001/tcp",
        "10.0.0.1:8080-8090:80/tcp",
        "443/tcp",
    ];
    assert_eq!(shown, expected);
    assert_eq!(web.ports[5].protocol, Protocol::Udp);
    assert_eq!(web.ports[8].published, Some(Published { first: 5000, last: 5010 }));
    assert_eq!((web.ports[3].place.line, web.ports[4].place.line), (6, 7));
}

#[test]
fn volumes_have_many_forms() {
    let project = load(
        "services:\n  web:\n    image: x\n    volumes:\n      - /cache\n      - data:/data:ro\n      - ./conf/:/etc/app/:rw,z\n      - ~/keys:/keys\n      - /var/run:/run:ro,rslave\n      - ..:/up:cached\n      - {type: bind, source: src, target: /src, bind: {propagation: shared}}\n      - {type: volume, source: data, target: /more, volume: {nocopy: true, subpath: a}}\n      - {type: tmpfs, target: /tmp, tmpfs: {size: 64m, mode: 0755}}\n      - data:/sub:nocopy\nvolumes: {data: }\n",
    );
    let mounts = &project.services["web"].volumes;
    let shown: Vec<String> =
        mounts.iter().map(|mount| format!("{} {} {}", mount.kind.as_str(), mount.source.as_deref().unwrap_or("-"), mount.target)).collect();
    assert_eq!(
        shown,
        [
            "volume - /cache",
            "volume data /data",
            "bind conf /etc/app",
            "bind ~/keys /keys",
            "bind /var/run /run",
            "bind .. /up",
            "bind src /src",
            "volume data /more",
            "tmpfs - /tmp",
            "volume data /sub"
        ]
    );
    assert!(mounts[1].read_only && !mounts[2].read_only);
    assert_eq!((mounts[2].selinux, mounts[2].create_host_path), (Some('z'), true));
    assert_eq!(mounts[4].propagation, Some(Propagation::Rslave));
    assert_eq!(mounts[5].consistency.as_deref(), Some("cached"));
    assert_eq!((mounts[6].propagation, mounts[6].create_host_path), (Some(Propagation::Shared), true));
    assert_eq!((mounts[7].nocopy, mounts[7].subpath.as_deref()), (true, Some("a")));
    assert_eq!((mounts[8].tmpfs_size, mounts[8].tmpfs_mode), (Some(64 << 20), Some(0o755)));
    assert_eq!(mounts[8].kind, MountKind::Tmpfs);
}

#[test]
fn environment_is_a_map_or_a_list_and_prints_values_as_compose_does() {
    let map = web(
        "    environment:\n      A: 1\n      B: true\n      C: yes\n      D: 1.10\n      E: 0755\n      F:\n      G: \"\"\n      H: 22:22\n",
    );
    let list = web(
        "    environment:\n      - A=1\n      - B=true\n      - C=yes\n      - D=1.1\n      - E=493\n      - F\n      - G=\n      - H=22:22\n",
    );
    assert_eq!(map.environment, list.environment);
    assert_eq!(map.environment["F"], None);
    let project = load("services:\n  web:\n    image: x\n    environment: {V: 1.10}\n");
    assert_eq!(
        project.warnings[0].to_string(),
        "compose.yaml:4:22: `services.web.environment.V`: 1.10 is a number, and 1.1 to Compose: quote it to keep it as it is written"
    );
}

#[test]
fn commands_are_words_or_a_line() {
    let web = web("    command: nginx -g 'daemon off;'\n    entrypoint: [\"/entry\", \"a b\"]\n");
    assert_eq!(web.command.unwrap(), ["nginx", "-g", "daemon off;"]);
    assert_eq!(web.entrypoint.unwrap(), ["/entry", "a b"]);
    let empty = super::web("    command: []\n    entrypoint: \"\"\n");
    assert_eq!((empty.command, empty.entrypoint), (Some(Vec::new()), Some(Vec::new())));
    assert_eq!(super::web("    command:\n").command, None);
    let project = load("services:\n  web:\n    image: x\n    command: migrate && serve\n");
    assert!(project.warnings[0].message.contains("ends before `&& serve`"), "{}", project.warnings[0]);
}

#[test]
fn health_checks_restarts_and_pulls() {
    let check =
        web("    healthcheck: {test: curl -f x, interval: 1m30s, timeout: 5s, retries: \"3\", start_period: 10s, start_interval: 500ms}\n")
            .healthcheck
            .unwrap();
    assert_eq!(check.test.unwrap(), ["CMD-SHELL", "curl -f x"]);
    assert_eq!((check.interval, check.retries, check.start_interval), (Some(90_000_000_000), Some(3), Some(500_000_000)));
    let list = web("    healthcheck:\n      test: [CMD, pg_isready, -U, x]\n").healthcheck.unwrap();
    assert_eq!((list.test.unwrap().len(), list.disabled), (4, false));
    assert!(web("    healthcheck: {disable: true}\n").healthcheck.unwrap().disabled);
    assert!(web("    healthcheck: {test: [NONE]}\n").healthcheck.unwrap().disabled);
    assert_eq!(web("    restart: no\n").restart, Some(Restart::No));
    assert_eq!(web("    restart: on-failure:5\n").restart, Some(Restart::OnFailure(5)));
    assert_eq!(web("    restart: unless-stopped\n").restart_policy(), Restart::UnlessStopped);
    assert_eq!(web("    deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}\n").restart_policy(), Restart::OnFailure(3));
    assert_eq!(web("    pull_policy: if_not_present\n").pull_policy, Some(PullPolicy::Missing));
    assert_eq!(web("    pull_policy: every_12h\n").pull_policy, Some(PullPolicy::Refresh(43_200_000_000_000)));
}

#[test]
fn dependencies_are_names_or_conditions_and_follow_from_other_keys() {
    let project = load(
        "services:\n  a: {image: x}\n  b:\n    image: x\n    depends_on: [a]\n  c:\n    image: x\n    depends_on:\n      a: {condition: service_healthy, restart: true}\n      b: {condition: service_completed_successfully, required: false}\n  d: {image: x, network_mode: \"service:c\", volumes_from: [\"b:ro\"]}\n  e: {image: x, links: [\"a:db\"]}\n",
    );
    let c = &project.services["c"].depends_on;
    assert_eq!((c["a"].condition, c["a"].restart, c["a"].required), (Condition::Healthy, true, true));
    assert_eq!((c["b"].condition, c["b"].required), (Condition::CompletedSuccessfully, false));
    let d = &project.services["d"].depends_on;
    assert!(d["c"].implicit && d["c"].restart && !d["b"].restart);
    assert!(project.services["d"].networks.is_empty());
    assert!(project.services["e"].depends_on["a"].implicit);
    let levels = project.graph().levels().unwrap();
    assert_eq!(levels, [vec!["a"], vec!["b", "e"], vec!["c"], vec!["d"]]);
    assert_eq!(project.graph().with_dependencies(["c"]).into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(project.graph().with_dependents(["b"]).into_iter().collect::<Vec<_>>(), ["b", "c", "d"]);
}

#[test]
fn limits_come_from_deploy_or_from_the_service() {
    let own = web(
        "    cpus: 0.5\n    mem_limit: 512m\n    mem_reservation: 64m\n    pids_limit: 100\n    memswap_limit: -1\n    shm_size: 1gb\n",
    )
    .limits();
    assert_eq!(
        (own.nano_cpus, own.memory, own.memory_reservation, own.pids),
        (Some(500_000_000), Some(512 << 20), Some(64 << 20), Some(100))
    );
    let deploy = web(
        "    gpus: all\n    deploy:\n      replicas: 3\n      resources:\n        limits: {cpus: \"1.5\", memory: 1g, pids: 5}\n        reservations: {memory: 100M, devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}\n",
    );
    let limits = deploy.limits();
    assert_eq!((limits.nano_cpus, limits.memory, limits.pids), (Some(1_500_000_000), Some(1 << 30), Some(5)));
    assert_eq!(limits.devices.iter().map(|device| device.count).collect::<Vec<_>>(), [Some(-1), Some(1)]);
    assert_eq!(deploy.replicas(), 3);
}

#[test]
fn the_other_keys_are_read() {
    let web = web(
        "    user: \"1000:1000\"\n    hostname: h\n    extra_hosts: [\"a:10.0.0.1\", \"b=::1\"]\n    cap_add: [NET_ADMIN]\n    cap_drop: [ALL]\n    platform: linux/amd64\n    ulimits: {nproc: 65535, nofile: {soft: 1, hard: 2}}\n    labels: [\"a=b=c\", d]\n    security_opt: [\"no-new-privileges:true\"]\n    working_dir: /srv\n    tty: true\n    stdin_open: \"true\"\n    stop_grace_period: 1m\n    stop_signal: SIGINT\n    init: true\n    sysctls: {net.core.somaxconn: 1024}\n    read_only: on\n    tmpfs: /run:size=1m\n    pid: host\n    group_add: [docker, 44]\n    expose: [80, \"81/udp\"]\n    dns: 1.1.1.1\n    devices: [\"/dev/a\", \"/dev/b:/dev/c:r\"]\n    logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}\n    privileged: false\n    profiles: []\n    env_file: []\n    attach: false\n    annotations: {k: v}\n    x-mine: {anything: [1]}\n",
    );
    assert_eq!(web.extra_hosts, ["a=10.0.0.1", "b=::1"]);
    assert_eq!((web.ulimits["nproc"].hard, web.ulimits["nofile"].soft), (65535, 1));
    assert_eq!((web.labels["a"].as_str(), web.labels["d"].as_str()), ("b=c", ""));
    assert_eq!((web.tty, web.stdin_open, web.read_only, web.init), (true, true, true, Some(true)));
    assert_eq!((web.stop_grace_period, web.sysctls["net.core.somaxconn"].as_str()), (Some(60_000_000_000), "1024"));
    assert_eq!((web.group_add, web.expose), (vec!["docker".to_owned(), "44".to_owned()], vec!["80".to_owned(), "81/udp".to_owned()]));
    assert_eq!((web.devices[0].target.as_str(), web.devices[1].permissions.as_str()), ("/dev/a", "r"));
    let logging = web.logging.unwrap();
    assert_eq!(logging.options["max-file"], "3");
}

#[test]
fn builds_have_a_short_and_a_long_form() {
    let short = load("services: {web: {build: ./app/}}\n").services.remove("web").unwrap().build.unwrap();
    assert_eq!((short.context.as_str(), short.dockerfile.as_deref(), short.is_local()), ("app", Some("Dockerfile"), true));
    let project = load(
        "services:\n  web:\n    build:\n      dockerfile: ../Dockerfile\n      args: [A=1, NONE]\n      target: dev\n      labels: {a: b}\n      cache_from: [x]\n      network: host\n      shm_size: 64m\n      tags: [\"x:1\"]\n      secrets: [token]\n      additional_contexts: {base: ./base, other: \"docker-image://x\"}\n      extra_hosts: {a: 1.2.3.4}\n      no_cache: true\n      ulimits: {nofile: 10}\n  remote: {build: \"https://example.org/x.git#main\"}\n  inline: {build: {dockerfile_inline: \"FROM x\"}}\nsecrets: {token: {file: ./token}}\n",
    );
    let build = project.services["web"].build.clone().unwrap();
    assert_eq!((build.context.as_str(), build.args.len(), build.args["A"].as_str()), (".", 1, "1"));
    assert_eq!((build.additional_contexts["base"].as_str(), build.additional_contexts["other"].as_str()), ("base", "docker-image://x"));
    assert_eq!((build.secrets[0].source.as_str(), build.extra_hosts), ("token", vec!["a=1.2.3.4".to_owned()]));
    assert!(!project.services["remote"].build.as_ref().unwrap().is_local());
    assert_eq!(project.services["inline"].build.as_ref().unwrap().dockerfile, None);
    assert_eq!(project.secrets["token"].file.as_deref(), Some("token"));
}

#[test]
fn shared_things_are_named_after_the_project() {
    let project = load(
        "services:\n  web:\n    image: x\n    networks: {front: {aliases: [www], priority: 5}, back: }\n    secrets: [pw, {source: key, target: k, mode: 0440}]\n    configs: [{source: conf, target: /etc/conf}, other]\n  alone: {image: x}\nnetworks:\n  front:\n  back: {internal: true, ipam: {config: [{subnet: 10.9.0.0/24}]}}\n  old: {external: true}\n  older: {external: {name: ancient}}\n  own: {name: mine, driver: bridge, driver_opts: {a: 1}}\nvolumes: {data: {labels: [a=b]}, ext: {external: true, name: there}}\nsecrets: {pw: {environment: PW}, key: {file: ../key}}\nconfigs: {conf: {content: \"a: 1\"}, other: {file: ./other}}\n",
    );
    let names: Vec<&str> = project.networks.values().map(|network| network.name.as_str()).collect();
    assert_eq!(names, ["shop_back", "shop_default", "shop_front", "old", "ancient", "mine"]);
    assert_eq!((project.volumes["data"].name.as_str(), project.volumes["ext"].name.as_str()), ("shop_data", "there"));
    let web = &project.services["web"];
    assert_eq!(web.networks_by_priority().iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["front", "back"]);
    assert_eq!(
        (web.secrets[0].secret_target(), web.secrets[1].secret_target()),
        ("/run/secrets/pw".to_owned(), "/run/secrets/k".to_owned())
    );
    assert_eq!(web.secrets[1].mode, Some(0o440));
    assert_eq!((web.configs[0].config_target(), web.configs[1].config_target()), ("/etc/conf".to_owned(), "/other".to_owned()));
    assert_eq!(project.configs["conf"].content.as_deref(), Some("a: 1"));
    assert_eq!(project.services["alone"].networks.keys().collect::<Vec<_>>(), ["default"]);
}

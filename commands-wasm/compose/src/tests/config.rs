//! The same files as `docker-compose config` (1.29) reads them: what it prints is read by us once more, and must be the
//! project that we read ourselves. What it does not know (`include`, `${X:+x}`, nested variables) is not here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::go_json::{string, strings};
use crate::model::{Build, SecretOrConfig};
use crate::{Disk, Loader, Options, Project, canonical};

/// A folder of files, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("compose-config-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder.canonicalize().unwrap())
    }

    /// What docker-compose makes of it, with paths as we write them.
    fn config(&self, words: &[&str]) -> String {
        let mut command = Command::new("docker-compose");
        command.args(["-p", "shop"]).args(words).arg("config").current_dir(&self.0);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("SHELL_SAYS", "shell");
        let output = command.output().expect("docker-compose is installed by `make test`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let folder = self.0.to_str().unwrap();
        text.replace(&format!("{folder}/"), "./").replace(folder, ".")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn load(folder: &Path, words: &[&str]) -> Project {
    let after = |option: &str| words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].to_owned()).collect::<Vec<_>>();
    let options = Options { name: Some("shop".to_owned()), files: after("-f"), profiles: after("--profile"), ..Options::default() };
    let environment = BTreeMap::from([("SHELL_SAYS".to_owned(), "shell".to_owned())]);
    Loader::new(&Disk::new(folder), environment).load(&options).unwrap_or_else(|error| panic!("{}", super::said(error)))
}

/// Everything that is understood, by its place: `web.ports`.
fn described(project: &Project) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, service) in project.services.iter().chain(&project.inactive) {
        let mut add = |key: &str, json: String| drop(all.insert(format!("{name}.{key}"), json));
        let fields = canonical::service(service, canonical::Folder::Unknown, canonical::Form::Compose2);
        let fields = fields.fields().filter(|(key, _)| !matches!(*key, "volumes" | "networks"));
        // Two ways to say that there is no check.
        fields.for_each(|(key, json)| add(key, json.replace(r#"{"disable":true}"#, r#"{"test":["NONE"]}"#)));
        // Mounts are in no order, and a network without a word about it is one without any.
        service.volumes.iter().for_each(|mount| {
            add(&format!("volumes.{}", mount.target), canonical::mount(mount, canonical::Folder::Unknown, canonical::Form::Compose2))
        });
        service.networks.iter().for_each(|(key, end)| add(&format!("networks.{key}"), canonical::end_of(end).replace("null", "{}")));
        add("profiles", strings(&service.profiles.iter().cloned().collect::<Vec<_>>()));
        add("replicas", service.replicas().to_string());
        for (needed, dependency) in service.depends_on.iter().filter(|(_, dependency)| !dependency.implicit) {
            add(&format!("depends_on.{needed}"), dependency.condition.as_str().to_owned());
        }
        if let Some(build) = &service.build {
            add("build", built(build));
        }
    }
    all.extend(project.networks.iter().map(|(key, network)| (format!("networks.{key}"), canonical::network(network))));
    all.extend(project.volumes.iter().map(|(key, volume)| (format!("volumes.{key}"), canonical::volume(volume))));
    for (section, stores) in [("secrets", &project.secrets), ("configs", &project.configs)] {
        all.extend(stores.iter().map(|(key, store)| (format!("{section}.{key}"), stored(store))));
    }
    all.extend([("active".to_owned(), strings(&project.services.keys().cloned().collect::<Vec<_>>()))]);
    all
}

fn built(build: &Build) -> String {
    let Build { context, dockerfile, args, target, labels, cache_from, network, shm_size, extra_hosts, .. } = build;
    format!("{context} {dockerfile:?} {args:?} {target:?} {labels:?} {cache_from:?} {network:?} {shm_size:?} {extra_hosts:?}")
}

fn stored(store: &SecretOrConfig) -> String {
    format!("{} {} {:?}", string(&store.name), store.external, store.file)
}

/// Both readings, line by line.
#[track_caller]
fn agree(name: &str, files: &[(&str, &str)], words: &[&str]) {
    let folder = Folder::new(name, files);
    let ours = described(&load(&folder.0, words));
    let config = folder.config(words);
    fs::create_dir(folder.0.join("theirs")).unwrap();
    fs::write(folder.0.join("theirs/docker-compose.yml"), &config).unwrap();
    let profiles: Vec<&str> = words.windows(2).filter(|pair| pair[0] == "--profile").flatten().copied().collect();
    let theirs = described(&load(&folder.0.join("theirs"), &profiles));
    let keys: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differing = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key));
    let told: Vec<String> = differing.map(|key| format!("{key}\n  ours   {:?}\n  theirs {:?}\n", ours.get(key), theirs.get(key))).collect();
    assert!(told.is_empty(), "{}\n{config}", told.concat());
}

#[test]
fn short_and_long_forms_are_read_as_docker_compose_does() {
    let forms = r#"
services:
  web:
    image: shop
    build: {context: ., dockerfile: Dockerfile.dev, target: prod, args: [X=1, "Y=a b"], labels: {l: "1"}, cache_from: [shop], network: host, shm_size: 64m}
    ports: ["8080:80", "127.0.0.1:8443:443/udp", "9000-9001:9000-9001", "3000", "127.0.0.1::81", {target: 5000, published: 5001, protocol: tcp, mode: host}]
    volumes:
      - ./data:/data:ro
      - named:/named
      - /anon
      - {type: bind, source: ./x, target: /x, read_only: true}
      - {type: volume, source: named, target: /n2, volume: {nocopy: true}}
      - {type: tmpfs, target: /t, tmpfs: {size: 1000000}}
    depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}, seed: {condition: service_completed_successfully}}
    healthcheck: {test: curl -f localhost, interval: 1m30s, timeout: 10s, retries: 3, start_period: 40s}
    command: ["a b", "c"]
    entrypoint: /entry --flag "x y" 'it''s'
    environment: {A: 1, C: "", D: null, E: 1.50, F: "yes"}
    labels: [a=b, "c=d e", flag]
    networks: {back: {aliases: [w], ipv4_address: 10.9.0.5}, default: }
    logging: {driver: json-file, options: {max-size: "10m", max-file: "3"}}
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 50M}, reservations: {memory: 20M}}, restart_policy: {condition: on-failure, max_attempts: 3}}
    ulimits: {nofile: {soft: 1000, hard: 2000}, nproc: 65535}
    extra_hosts: ["a:1.2.3.4", "b:::1"]
    stop_grace_period: 1m30s
    expose: ["3000", 4000]
    restart: on-failure:3
    secrets: [tok, {source: tok, target: other, uid: "1", gid: "2", mode: 0440}]
    configs: [conf, {source: conf, target: /etc/other}]
  db:
    image: postgres
    healthcheck: {test: ["CMD-SHELL", "pg_isready"]}
    environment: ["A=1", "B=two=three", C, "SHELL_SAYS"]
    command: sh -c "echo 'a b'; exec x"
    depends_on: [cache]
    networks: [back]
  cache: {image: redis, healthcheck: {disable: true}}
  seed: {image: busybox, healthcheck: {test: NONE}, restart: "no", entrypoint: []}
  built: {build: ./sub}
networks:
  back: {driver: bridge, internal: true, driver_opts: {o: 1}, ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}]}, labels: {n: x}}
  outside: {external: true, name: shared}
  unused:
volumes: {named: {driver: local, labels: [v=1]}, other: {name: exactly}, far: {external: true}, plain: }
secrets: {tok: {file: ./tok.txt}}
configs: {conf: {file: conf/c.ini}}
"#;
    agree("forms", &[("docker-compose.yml", forms), ("tok.txt", "x"), ("conf/c.ini", "x"), ("sub/Dockerfile", "FROM x")], &[]);
}

#[test]
fn less_used_keys_are_read_as_docker_compose_does() {
    let keys = r#"
services:
  web:
    image: shop
    user: "1000:1000"
    hostname: web
    domainname: example.com
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    platform: linux/amd64
    shm_size: 64M
    security_opt: ["no-new-privileges:true"]
    working_dir: /app
    tty: true
    stdin_open: true
    stop_signal: SIGINT
    privileged: true
    init: true
    sysctls: {net.core.somaxconn: 1024}
    read_only: true
    tmpfs: [/run, "/tmp:size=64m"]
    pid: host
    group_add: [audio, 44]
    devices: ["/dev/null:/dev/x:r"]
    dns: 1.1.1.1
    dns_search: [example.com]
    container_name: exactly
    links: [db]
    mem_limit: 1g
    mem_reservation: 512m
    cpus: 1.5
    cpu_shares: 512
    pids_limit: 100
    oom_score_adj: 500
    ipc: shareable
  db: {image: postgres, network_mode: none, sysctls: [a.b=1], ipc: host, userns_mode: host, restart: always, cgroup_parent: x, scale: 2}
  side: {image: x, network_mode: "service:web", pull_policy: always, mem_swappiness: 10, memswap_limit: 2g, cpuset: "0,1"}
"#;
    agree("keys", &[("docker-compose.yml", keys)], &[]);
}

#[test]
fn variables_are_filled_in_as_docker_compose_does() {
    let variables = r#"
services:
  web:
    image: "shop:${TAG:-latest}"
    environment:
      PLAIN: "${SET}"
      SHORT: "$SET-x$EMPTY"
      SHELL: "${SHELL_SAYS}"
      COLON: "${EMPTY:-default}"
      DASH: "${EMPTY-default}"
      MISSING: "${MISSING-a b:c}"
      NOTHING: "[${MISSING}]"
      MUST: "${SET:?must be set}"
      MUST_BE: "${EMPTY?must be there}"
      DOLLARS: "$$HOME $${X} $$$SET 5$$"
      QUOTED: "${QUOTED}|${SINGLE}|${SPACED}|${COMMENTED}|${HASH}|${EXPORTED}"
      URL: "postgres://${SET}:${EMPTY:-x}@db/${MISSING:-name}"
    command: echo $SET "$$SET"
    ports: ["${PORT:-8000}:80"]
    labels: {"l": "${SET}"}
    volumes: ["${FOLDER:-./data}:/data"]
    deploy: {replicas: "${COUNT:-3}"}
"#;
    let dotenv = "SET=fromdotenv\nEMPTY=\nSHELL_SAYS=dotenv\nQUOTED=\"a b\"\nSINGLE='c $SET'\nSPACED=  d e  \nCOMMENTED=f # g\nHASH=h#i\nexport EXPORTED=j\n# COMMENT=k\n";
    agree("variables", &[("docker-compose.yml", variables), (".env", dotenv)], &[]);
}

#[test]
fn anchors_and_merge_keys_are_read_as_docker_compose_does() {
    let anchors = r#"
x-env: &env {A: "1", B: two}
x-more: &more {B: three, C: four}
x-base: &base
  restart: unless-stopped
  environment: *env
  logging: &logging {driver: json-file, options: {max-size: 10m}}
services:
  web: {<<: *base, image: a}
  own: {<<: *base, image: b, restart: always, environment: {<<: *env, B: own}}
  both: {image: c, environment: {<<: [*env, *more], D: five}, logging: {<<: *logging, driver: local}}
  list: {image: d, command: &command [x, "y z"], labels: {text: "a: b", block: "one\ntwo\n"}}
  again: {image: e, command: *command, environment: {FOLDED: "a  b", HEX: "0x10", OCTAL: "010", NULLISH: "~"}}
"#;
    agree("anchors", &[("docker-compose.yml", anchors)], &[]);
}

#[test]
fn several_files_are_merged_as_docker_compose_does() {
    let first = r#"
services:
  web:
    image: shop
    command: first
    environment: {A: "1", B: "1"}
    env_file: a.env
    ports: ["8080:80"]
    expose: ["1"]
    volumes: ["./a:/a", "./b:/b", "data:/data"]
    labels: {x: "1", y: "1"}
    depends_on: [db]
    networks: [front]
    dns: 1.1.1.1
    tmpfs: /run
    ulimits: {nproc: 1}
    logging: {driver: json-file, options: {max-size: 1m}}
    extra_hosts: ["a:1.1.1.1"]
    healthcheck: {test: ["CMD", "x"], interval: 5s}
    build: {context: ./one, args: {A: "1", B: "1"}}
    deploy: {resources: {limits: {memory: 1g}}}
  db: {image: postgres}
networks: {front: , back: }
volumes: {data: }
"#;
    let second = r#"
services:
  web:
    image: shop:2
    command: ["second", "x"]
    environment: ["B=2", "C=2"]
    env_file: [b.env]
    ports: ["8081:81"]
    expose: ["2"]
    volumes: ["./other:/b:ro", "/anon"]
    labels: ["y=2"]
    depends_on: [cache]
    networks: {back: {aliases: [w]}}
    dns: [2.2.2.2]
    tmpfs: [/tmp]
    ulimits: {nproc: 2, nofile: 3}
    logging: {options: {max-file: "2"}}
    extra_hosts: ["b:2.2.2.2"]
    healthcheck: {retries: 7}
    build: {args: [B=2], dockerfile: D}
    deploy: {replicas: 2}
  cache: {image: redis}
networks: {back: {internal: true}}
volumes: {data: {labels: {l: "1"}}}
"#;
    let env = [("one/Dockerfile", "FROM x"), ("a.env", "E=a\nF=a\nA=file\n"), ("b.env", "F=b\n# x\n\nG='b c'\n")];
    let named = [&[("one.yml", first), ("two.yml", second)][..], &env].concat();
    agree("files", &named, &["-f", "one.yml", "-f", "two.yml"]);
    let default = [&[("docker-compose.yml", first), ("docker-compose.override.yml", second)][..], &env].concat();
    agree("override", &default, &[]);
}

#[test]
fn extending_services_are_read_as_docker_compose_does() {
    let main = r#"
services:
  base: {image: base, environment: {A: "1", B: "1"}, labels: {l: "1"}, ports: ["1:1"], command: base}
  web: {extends: {service: base}, environment: {B: "2"}, ports: ["2:2"]}
  far: {extends: {file: common/services.yml, service: far}, image: own}
  farther: {extends: {file: common/services.yml, service: farther}, command: own}
"#;
    let common = r#"
services:
  far: {image: far, build: ., volumes: ["./data:/data"], env_file: far.env, environment: {X: far}}
  farther: {extends: far, environment: {X: farther, Y: "1"}, cap_add: [SYS_TIME]}
"#;
    agree("extends", &[("docker-compose.yml", main), ("common/services.yml", common), ("common/far.env", "E=far\n")], &[]);
}

#[test]
fn profiles_are_read_as_docker_compose_does() {
    let profiles = "
services:
  web: {image: a}
  debug: {image: b, profiles: [debug]}
  test: {image: c, profiles: [test, debug], depends_on: [web]}
";
    agree("profiles", &[("docker-compose.yml", profiles)], &["--profile", "test"]);
}

//! `up` on a real engine: what it makes, what it leaves alone, what it asks for.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::{Composed, free_port, is_other_engine};

const TWO: &str = "
services:
  db:
    image: busybox
    volumes: ['data:/data']
    healthcheck: {test: ['CMD', 'true'], interval: 500ms}
  web:
    image: busybox
    environment: {DEBUG: '0', GREETING: 'hello'}
    depends_on: {db: {condition: service_healthy}}
volumes: {data: {}}
";

#[test]
fn a_stack_is_made_as_the_file_says_and_found_by_docker_compose() {
    let shop = Composed::new(TWO);
    shop.run("up").succeeds().prints("up: 2 services").says("created shop").says("is ready after");
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"]);
    let web = shop.stack.container("web");
    let labels = &web["Config"]["Labels"];
    assert_eq!(labels["com.docker.compose.depends_on"], "db:service_healthy:false");
    assert_eq!(labels["com.docker.compose.oneoff"], "False");
    assert_eq!(labels["com.docker.compose.container-number"], "1");
    assert_eq!(labels["com.docker.compose.image"], web["Image"]);
    assert_eq!(labels["com.docker.compose.config-hash"].as_str().unwrap().len(), 64);
    let file = shop.project.path("docker-compose.yml").canonicalize().unwrap();
    assert_eq!(labels["com.docker.compose.project.config_files"], file.to_str().unwrap());
    let networks = web["NetworkSettings"]["Networks"].as_object().unwrap();
    let aliases = networks[&format!("{}_default", shop.name())]["Aliases"].as_array().unwrap();
    assert!(aliases.contains(&"web".into()) && aliases.contains(&format!("{}-web-1", shop.name()).into()), "{aliases:?}");
    assert_eq!(shop.stack.volumes()[0]["Labels"]["com.docker.compose.volume"], "data");

    let list = shop.compose("ps");
    assert!(list.contains(&format!("{}-web-1", shop.name())) && list.contains("Up ") && list.contains("(healthy)"), "{list}");
    shop.compose("logs");
    shop.compose("stop -t 1");
    assert_eq!(shop.states(), ["shop-db-1 exited", "shop-web-1 exited"]);
    let ids = shop.ids();
    shop.run("up").succeeds().says("started").lacks("recreated");
    assert_eq!((shop.states(), shop.ids()), (vec!["shop-db-1 running".to_owned(), "shop-web-1 running".to_owned()], ids));
    shop.compose("down -v -t 1");
    assert_eq!((shop.states().len(), shop.stack.networks().len(), shop.stack.volumes().len()), (0, 0, 0));
}

#[test]
fn what_docker_compose_started_is_taken_over_with_the_cause_said() {
    let shop = Composed::new(TWO);
    shop.project.write("docker-compose.yml", format!("version: '2.4'\n{TWO}"));
    shop.compose("up -d");
    assert_eq!(shop.states(), shop.as_compose_names(["shop_db_1 running", "shop_web_1 running"]));
    shop.engine.docker(&format!("exec {} touch /data/kept", shop.stack.container("db")["Id"].as_str().unwrap()));
    let up = shop.run("up").succeeds();
    // Of Compose 2 the hash is known.
    if is_other_engine() {
        up.prints("nothing to be done")
    } else {
        up.says("made by docker-compose 1.29")
    };
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"]);
    shop.engine.docker(&format!("exec {}-db-1 test -e /data/kept", shop.name()));
}

#[test]
fn compose_finds_its_own_hash_on_what_mounts_folders_of_the_project() {
    let shop = Composed::new("services: {web: {image: busybox, volumes: ['./src:/src']}}");
    shop.run("up").succeeds();
    let folder = shop.project.folder().canonicalize().unwrap();
    let json = r#"{"command":null,"entrypoint":null,"image":"busybox","networks":{"default":null},"volumes":[{"type":"bind","source":"FOLDER/src","target":"/src","bind":{"create_host_path":true}}]}"#;
    let expected = hex::encode(Sha256::digest(json.replace("FOLDER", folder.to_str().unwrap())));
    assert_eq!(shop.stack.container("web")["Config"]["Labels"]["com.docker.compose.config-hash"], expected);
    if is_other_engine() {
        let ids = shop.ids();
        shop.compose("up -d");
        assert_eq!(shop.ids(), ids);
    }
}

#[test]
fn a_stack_that_is_as_the_file_says_is_left_alone_in_five_calls() {
    let shop = Composed::new(TWO);
    shop.run("up").succeeds();
    let ids = shop.ids();
    let counted = shop.engine.counted();
    shop.run("up").env("DOCKER_HOST", counted.host()).succeeds().prints("nothing to be done: 2 services are as the compose file says");
    let requests = counted.requests();
    assert!(requests.len() <= 5 && requests.iter().all(|request| request.starts_with("GET ")), "{requests:#?}");
    assert_eq!(shop.ids(), ids);
}

#[test]
fn only_the_changed_service_is_recreated_and_its_key_is_named() {
    let shop = Composed::new(TWO);
    shop.run("up").succeeds();
    let ids = shop.ids();
    shop.change("DEBUG: '0'", "DEBUG: '1'");
    shop.run("up --plan").succeeds().prints("recreate").prints("environment.DEBUG changed").lacks("-db-1");
    assert_eq!(shop.ids(), ids);
    shop.run("up").succeeds().says("environment.DEBUG changed");
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"]);
    let now = shop.ids();
    assert!(now[0] == ids[0] && now[1] != ids[1]);
    let variables = shop.stack.container("web")["Config"]["Env"].clone();
    assert!(variables.as_array().unwrap().contains(&"DEBUG=1".into()), "{variables}");
}

#[test]
fn anonymous_volumes_outlive_a_recreation() {
    let shop = Composed::new("services: {db: {image: busybox, volumes: [/data], environment: {A: '0'}}}");
    shop.run("up").succeeds();
    shop.engine.docker(&format!("exec {}-db-1 touch /data/kept", shop.name()));
    shop.change("A: '0'", "A: '1'");
    shop.run("up").succeeds().says("environment.A changed");
    shop.engine.docker(&format!("exec {}-db-1 test -e /data/kept", shop.name()));
}

#[test]
fn a_plan_only_looks() {
    let shop = Composed::new(TWO);
    let counted = shop.engine.counted();
    let plan = shop.run("up --plan").env("DOCKER_HOST", counted.host()).succeeds();
    for line in ["create    network", "create    volume", "-db-1  (not there)", "-web-1  (not there)"] {
        assert!(plan.stdout.contains(line), "{line}\n{plan}");
    }
    assert!(counted.requests().iter().all(|request| request.starts_with("GET ")), "{:#?}", counted.requests());
    assert!(shop.states().is_empty());
}

#[test]
fn all_that_is_not_granted_is_said_at_once_and_nothing_is_changed() {
    let port = free_port();
    let compose = format!(
        "services:
  db: {{image: other:16, privileged: true, networks: [proxy]}}
  web: {{image: busybox, ports: ['{port}:80'], volumes: ['/etc/localtime:/etc/localtime:ro'], pid: host}}
  more: {{image: other:16, volumes: ['theirs:/theirs']}}
networks: {{proxy: {{name: reverse-proxy, external: true}}}}
volumes: {{theirs: {{external: true}}}}
"
    );
    let shop = Composed::up_may(&compose, "images = [\"busybox\"]");
    let counted = shop.engine.counted();
    let refused = shop.run("up").env("DOCKER_HOST", counted.host()).ends(4);
    for thing in [
        "db, more: image `other:16`\n",
        "privileged",
        "/etc/localtime",
        &port.to_string(),
        "networks.proxy: name `reverse-proxy`\n",
        "docker.networks = [\"reverse-proxy\"]",
        "volumes.theirs: name `theirs`\n",
        "docker.volumes = [\"theirs\"]",
    ] {
        assert!(refused.stderr.contains(thing), "{thing}\n{refused}");
    }
    let plan = shop.run("up --plan").env("DOCKER_HOST", counted.host()).ends(4);
    plan.prints("-web-1  (not there)").says("networks.proxy: name `reverse-proxy`");
    assert!(counted.requests().iter().all(|request| request.starts_with("GET ")), "{:#?}", counted.requests());
    assert!(shop.states().is_empty() && shop.stack.networks().is_empty());
}

#[test]
fn a_one_shot_that_ends_well_is_done_and_is_not_run_again() {
    let shop = Composed::new(
        "
services:
  seed: {image: busybox, command: ['true']}
  web: {image: busybox, depends_on: {seed: {condition: service_completed_successfully}}}
",
    );
    shop.run("up --wait").succeeds();
    assert_eq!(shop.states(), ["shop-seed-1 exited", "shop-web-1 running"]);
    shop.run("up").succeeds().prints("nothing to be done");
}

#[test]
fn a_container_on_a_network_that_was_made_anew_is_recreated() {
    let shop = Composed::new("services: {web: {image: busybox}}");
    shop.run("up").succeeds();
    let network = format!("{}_default", shop.name());
    shop.engine.docker(&format!("stop -t 1 {}-web-1", shop.name()));
    shop.engine.docker(&format!("network rm {network}"));
    shop.run("up").succeeds().says("created network").says(&format!("not attached to network {network}"));
    assert_eq!(shop.states(), ["shop-web-1 running"]);
    shop.project.write("docker-compose.yml", "services: {web: {image: busybox}}\nnetworks: {default: {internal: true}}\n");
    shop.run("up").succeeds().says("networks.default.internal changed");
    assert_eq!(shop.states(), ["shop-web-1 running"]);
    assert_eq!(shop.stack.networks()[0]["Internal"], true);
}

#[test]
fn a_network_that_others_are_on_is_not_changed_and_nothing_is_stopped() {
    let shop = Composed::new("services: {web: {image: busybox}}\nnetworks: {default: {labels: {a: '1'}}}");
    shop.run("up").succeeds();
    let network = format!("{}_default", shop.name());
    let stranger = format!("{}-stranger", shop.name());
    shop.engine.docker(&format!("run -d --name {stranger} --network {network} busybox"));
    shop.change("a: '1'", "a: '2'");
    let refused = shop.run("up").ends(1).says(&format!("the network `{network}` must be made anew (networks.default.labels"));
    refused.says("a container that is not the project's is on it").says("docker network disconnect");
    assert_eq!(shop.states(), ["shop-web-1 running"]);
    shop.engine.docker(&format!("rm -f {stranger}"));
    shop.run("up").succeeds().says("labels");
}

#[test]
fn services_are_scaled_up_and_down() {
    let shop = Composed::new("services: {web: {image: busybox}}");
    shop.run("up --scale web=3").succeeds();
    assert_eq!(shop.states(), ["shop-web-1 running", "shop-web-2 running", "shop-web-3 running"]);
    shop.run("up").succeeds().says("scaled to 1");
    assert_eq!(shop.states(), ["shop-web-1 running"]);
}

#[test]
fn orphans_are_shown_and_removed_only_when_asked() {
    let shop = Composed::new("services: {web: {image: busybox}, old: {image: busybox}}");
    shop.run("up").succeeds();
    shop.project.write("docker-compose.yml", "services: {web: {image: busybox}}");
    shop.run("up").succeeds().says("-old-1; `--remove-orphans` removes them");
    assert_eq!(shop.states().len(), 2);
    shop.run("up --remove-orphans").succeeds().says("its service is not in the compose file");
    assert_eq!(shop.states(), ["shop-web-1 running"]);
}

#[test]
fn a_renamed_service_gets_the_port_of_the_orphan_that_is_removed() {
    let port = free_port();
    let shop = Composed::new(&format!("services: {{old: {{image: busybox, ports: ['{port}:80']}}}}"));
    shop.run("up").succeeds();
    shop.change("old:", "new:");
    shop.run("up --remove-orphans").succeeds();
    assert_eq!(shop.states(), ["shop-new-1 running"]);
}

#[test]
fn named_services_come_up_with_what_they_depend_on() {
    let shop = Composed::new("services: {db: {image: busybox}, web: {image: busybox, depends_on: [db]}, other: {image: busybox}}");
    shop.run("up web").succeeds();
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"]);
    shop.run("up wbe").ends(2).says("did you mean `web`?");
}

#[test]
fn values_of_a_compose_file_are_text_and_nothing_else() {
    let shop = Composed::new(
        r#"
services:
  web:
    image: busybox
    command: [sh, -c, 'printf "%s" "$$1" > /said; exec rest', sh, '$$(touch x) `touch x` ; touch x "quoted"']
    environment: {EVIL: "a\nb=c $$(touch x)"}
    labels: {evil: "$$(touch x)\u001b[31m", 'other "quoted" {json}': '},{'}
"#,
    );
    shop.run("up --wait").succeeds();
    let name = format!("{}-web-1", shop.name());
    assert_eq!(shop.engine.docker(&format!("exec {name} cat /said")), "$(touch x) `touch x` ; touch x \"quoted\"");
    let web = shop.stack.container("web");
    assert_eq!(web["Config"]["Labels"]["evil"], "$(touch x)\u{1b}[31m");
    assert!(web["Config"]["Env"].as_array().unwrap().contains(&"EVIL=a\nb=c $(touch x)".into()));
    assert!(!shop.project.path("x").exists());
    shop.run("up").succeeds().prints("nothing to be done");
}

#[test]
fn secrets_and_configs_are_files_in_the_container() {
    let shop = Composed::new(
        "
services:
  web: {image: busybox, secrets: [token, {source: file, target: other}], configs: [{source: text, target: /etc/text}]}
secrets: {token: {environment: TOKEN}, file: {file: ./secret.txt}}
configs: {text: {content: 'as written'}}
",
    );
    shop.project.write("secret.txt", "from a file");
    shop.run("up").env("TOKEN", "from the environment").succeeds().lacks("from the environment");
    let read = |path: &str| shop.engine.docker(&format!("exec {}-web-1 cat {path}", shop.name()));
    assert_eq!(read("/run/secrets/token"), "from the environment");
    assert_eq!(read("/run/secrets/other"), "from a file");
    assert_eq!(read("/etc/text"), "as written");
}

#[test]
fn a_project_without_dotenv_gets_it_from_its_sample() {
    let shop = Composed::new("services: {web: {image: busybox, environment: {WORD: '${WORD}'}}}");
    std::fs::remove_file(shop.project.path(".env")).unwrap();
    shop.project.write("sample.env", "WORD=sampled\n");
    shop.run("up --plan").succeeds().says("`sample.env` would be copied to it");
    assert!(!shop.project.path(".env").exists());
    shop.run("up").succeeds().says("wrote `.env` from `sample.env`");
    assert_eq!(shop.project.read(".env"), "WORD=sampled\n");
    let variables = shop.stack.container("web")["Config"]["Env"].clone();
    assert!(variables.as_array().unwrap().contains(&"WORD=sampled".into()), "{variables}");
}

#[test]
fn a_sample_that_may_not_be_copied_is_named_with_the_line_that_copies_it() {
    let shop = Composed::up_may("services: {web: {image: busybox}}", "images = [\"busybox\"]");
    std::fs::remove_file(shop.project.path(".env")).unwrap();
    shop.project.write(".env.sample", "WORD=sampled\n");
    shop.run("up").ends(4).says("cp .env.sample .env");
}

#[test]
fn events_are_one_document_a_line() {
    let shop = Composed::new(TWO);
    let output = shop.run("up --json").succeeds();
    let events: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["v"] == 1), "{output}");
    assert_eq!((&events[0]["event"], &events[events.len() - 1]["event"]), (&"plan".into(), &"end".into()));
    let done = |name: &str| events.iter().any(|event| event["event"] == "done" && event["name"] == *name && event["verb"] == "create");
    assert!(done(&format!("{}-web-1", shop.name())), "{output}");
}

#[test]
fn a_tmpfs_has_its_options_and_does_not_stand_in_the_way_of_volumes_from() {
    let shop = Composed::new(
        "
services:
  db: {image: busybox, tmpfs: ['/run/db:size=64k,mode=1770,uid=7', /scratch]}
  web: {image: busybox, volumes_from: [db], depends_on: [db]}
",
    );
    shop.run("up").succeeds();
    let db = shop.stack.container("db");
    assert_eq!(db["HostConfig"]["Tmpfs"], serde_json::json!({ "/run/db": "size=64k,mode=1770,uid=7", "/scratch": "" }));
    assert_eq!(shop.engine.docker(&format!("exec {}-db-1 stat -c %a:%u /run/db", shop.name())), "1770:7\n");
    shop.run("up").succeeds().prints("nothing to be done");
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"]);
}

#[test]
fn a_mac_address_is_given_by_engines_of_any_age() {
    let shop = Composed::new(
        "services: {web: {image: busybox, mac_address: '02:42:0a:00:00:07', networks: [one, two]}}\nnetworks: {one: , two: }",
    );
    shop.run("up -d").succeeds();
    let networks = shop.stack.container("web")["NetworkSettings"]["Networks"].clone();
    assert_eq!(networks[format!("{}_one", shop.name())]["MacAddress"], "02:42:0a:00:00:07", "{networks}");
    shop.run("up --detach").succeeds().prints("nothing to be done");
}

//! Changes that `up` sees though no key of a service says them: what a secret holds, how a volume was made, what is routed.

use serde_json::Value;

use crate::harness::Composed;

const SECRETS: &str = "
services:
  web: {image: busybox, secrets: [token, file], configs: [text], stop_signal: KILL}
  other: {image: busybox, stop_signal: KILL}
secrets: {token: {environment: TOKEN}, file: {file: ./secret.txt}}
configs: {text: {content: 'first text'}}
";

#[test]
fn a_changed_value_of_a_secret_or_config_is_seen_and_never_shown() {
    let shop = Composed::new(SECRETS);
    shop.project.write("secret.txt", "1111");
    let up = |token: &str| shop.run("up").env("TOKEN", token);
    up("2222").succeeds();
    let first = shop.ids();
    up("2222").succeeds().prints("nothing to be done");
    let changed = up("3333").succeeds().says("recreated").says("(value of secrets.token changed)");
    changed.lacks("2222").lacks("3333").lacks("shop-other");
    shop.project.write("secret.txt", "4444");
    up("3333").succeeds().says("(value of secrets.file changed)").lacks("4444");
    shop.change("first text", "second text");
    up("3333").succeeds().says("(value of configs.text changed)").lacks("second text");
    let read = |path: &str| shop.engine.docker(&format!("exec {}-web-1 cat {path}", shop.name()));
    assert_eq!(
        (read("/run/secrets/token").as_str(), read("/run/secrets/file").as_str(), read("/text").as_str()),
        ("3333", "4444", "second text")
    );
    assert_eq!(shop.ids()[0], first[0], "the other service was left alone");
    up("3333").succeeds().prints("nothing to be done");
}

#[test]
fn who_reads_labels_cannot_try_out_what_a_secret_is() {
    let shop = Composed::new(SECRETS);
    shop.project.write("secret.txt", "1111");
    let labels = |cache: &str| {
        shop.run("up --force-recreate").env("TOKEN", "2222").env("HOST_CACHE_DIR", shop.project.path(cache)).succeeds();
        shop.stack.container("web")["Config"]["Labels"].clone()
    };
    let (one, again, two) = (labels("one"), labels("one"), labels("two"));
    let values = |labels: &Value| labels["host.values"].as_str().unwrap().to_owned();
    assert_eq!(values(&one), values(&again));
    // Nothing that follows from the secret alone: with another key all is different.
    let digests = |labels: &Value| -> Vec<String> {
        let values: Value = serde_json::from_str(&values(labels)).unwrap();
        values.as_object().unwrap().values().map(|digest| digest.as_str().unwrap().to_owned()).collect()
    };
    assert!(digests(&one).len() == 3 && digests(&one).iter().all(|digest| !digests(&two).contains(digest)));
    for (name, value) in one.as_object().unwrap() {
        assert!(name.starts_with("host.") || name.starts_with("com.docker.compose."), "{name}: {value}");
    }
    let before = shop.ids();
    let told = shop.run("up").env("TOKEN", "2222").env("HOST_CACHE_DIR", shop.project.path("one")).succeeds().prints("nothing to be done");
    told.says("nobody can tell whether the value of configs.text, secrets.file, secrets.token changed").says("--force-recreate");
    assert_eq!(shop.ids(), before);
}

#[test]
fn a_volume_that_was_made_differently_is_told_and_never_touched() {
    let shop = Composed::new(
        "
services: {web: {image: busybox, volumes: ['data:/data'], stop_signal: KILL}}
volumes: {data: {labels: {tier: one}, driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}
",
    );
    shop.run("up").succeeds();
    let (ids, made) = (shop.ids(), shop.stack.volumes());
    shop.run("up").succeeds().lacks("volume");
    shop.change("size=1m", "size=2m");
    shop.change("tier: one", "tier: two");
    let name = format!("{}_data", shop.name());
    let told = shop.run("up").succeeds().prints("nothing to be done");
    let told = told.says(&format!("the volume {name} was made differently from what the compose file says now"));
    told.says("(volumes.data.driver_opts.o, volumes.data.labels.tier), and is left as it is").says(&format!("`docker volume rm {name}`"));
    let plan: Value = serde_json::from_str(shop.run("up --plan --json").succeeds().stdout.trim()).unwrap();
    assert!(plan["notes"][0].as_str().unwrap().contains(&name) && plan["hints"][0].as_str().unwrap().contains("is lost"), "{plan}");
    assert_eq!((shop.ids(), shop.stack.volumes()), (ids, made));
}

#[test]
fn routes_that_changed_are_told_with_the_command_that_brings_them_up_to_date() {
    let compose = "
services:
  web: {image: busybox, labels: {traefik.enable: 'true', tier: '1'}, networks: [proxy], stop_signal: KILL}
  db: {image: busybox, labels: {tier: '1'}, stop_signal: KILL}
networks: {proxy: {name: NET, external: true}}
";
    let shop = Composed::up_may(compose, "images = [\"busybox\"], networks = [\"NAME-net\"]");
    let network = format!("{}-net", shop.name());
    shop.change("NET", &network);
    shop.engine.docker(&format!("network create {network}"));
    let hint = "host run start_reverse_proxy brings the routes of web up to date";
    shop.run("up").succeeds().says(&format!("hint: {hint}\n"));
    shop.run("up").succeeds().prints("nothing to be done").lacks("start_reverse_proxy");
    shop.change("labels: {tier: '1'}", "labels: {tier: '2'}");
    shop.run("up").succeeds().says("recreated").lacks("start_reverse_proxy");
    shop.change("traefik.enable: 'true', tier: '1'", "tier: '2'");
    let output = shop.run("up --json").succeeds();
    let end: Value = serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&end["event"], &end["hints"][0]), (&"end".into(), &hint.into()), "it had routes: {output}");
    shop.engine.docker(&format!("rm -f {0}-web-1 {0}-db-1", shop.name()));
    shop.engine.docker(&format!("network rm {network}"));
}

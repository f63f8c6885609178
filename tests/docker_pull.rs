//! Images from registries, open and private ones: `up`, and both builders, with what `docker login` wrote.

use std::sync::OnceLock;

use crate::harness::{Composed, Docker, Output, PASSWORD, Registry, Run, classic_docker, shared_buildkit, shared_docker};

const POWERS: &str = "\"inspect\", \"logs\", \"create\", \"start-stop\", \"remove\", \"network\", \"volume\", \"pull\", \"build\"";

/// What `up`, `build` and `down` may do, with these images.
fn grants(powers: &str, images: &str) -> String {
    let files = "files.\"**\" = \"read\"\nfiles.\".env\" = \"read\"\nenv = [\"*\"]\n";
    format!(
        "[commands.up]\ndocker = {{ project = \"NAME\", allow = [{powers}], images = [\"busybox\", \"{images}\"], contexts = [\".\"] }}\n{files}\
         [commands.down]\ndocker = {{ project = \"NAME\", allow = [\"inspect\", \"start-stop\", \"remove\", \"network\", \"volume\"] }}\n{files}\
         [commands.build]\ndocker = {{ project = \"NAME\", allow = [\"build\"], images = [\"{images}\"], contexts = [\".\"] }}\n{files}"
    )
}

fn shop(registry: &Registry, compose: &str) -> Composed {
    Composed::granted(compose, &grants(POWERS, &format!("{}/*", registry.address())))
}

/// One service of an image.
fn of(image: &str) -> String {
    format!("services: {{web: {{image: '{image}'}}}}")
}

fn open() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| shared_docker().open_registry())
}

fn private() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| shared_docker().private_registry())
}

/// What was run told nobody the password: neither here nor in its journal.
#[track_caller]
fn keeps_the_secret(shop: &Composed, output: Output) -> Output {
    let secrets = [PASSWORD, &private().login(PASSWORD)[40..60]];
    let journals = std::fs::read_dir(shop.project.path(".host/journal")).unwrap();
    let journals: Vec<String> = journals.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(!journals.is_empty());
    for secret in secrets {
        assert!(journals.iter().all(|journal| !journal.contains(secret)), "{journals:#?}");
    }
    output.lacks(secrets[0]).lacks(secrets[1])
}

#[test]
fn an_image_is_pulled_from_a_registry_that_lets_everybody_in_and_progress_is_told() {
    open().push("seen:1", "COPY noise /noise");
    let shop = shop(open(), &of(&open().image("seen:1")));
    let output = shop.run("up --json").succeeds();
    let events: Vec<serde_json::Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |event: &&serde_json::Value| event["event"] == "progress" && event["verb"] == "pull";
    assert!(events.iter().filter(told).any(|event| event["total"].as_u64() > Some(1 << 19)), "{output}");
    assert!(
        events.iter().filter(told).any(|event| event["text"].as_str().is_some_and(|text| text.contains("Digest: sha256:"))),
        "{output}"
    );
    assert_eq!(shop.states(), ["shop-web-1 running"]);
    shop.run("up").succeeds().prints("nothing to be done");
}

#[test]
fn a_login_that_docker_wrote_opens_a_private_registry_and_is_told_nowhere() {
    private().push("logged:1", "LABEL a=1");
    let shop = shop(private(), &of(&private().image("logged:1")));
    for (file, folder) in [(".docker/config.json", None), ("other/config.json", Some("other"))] {
        shop.project.write(file, private().login(PASSWORD));
        let run = shop.run("up -v");
        let run = folder.map_or(run.clone(), |folder| run.env("DOCKER_CONFIG", shop.project.path(folder)));
        keeps_the_secret(&shop, run.succeeds().says("pulled image"));
        std::fs::remove_file(shop.project.path(file)).unwrap();
        shop.run("down").succeeds();
        private().forget("logged:1");
    }
    shop.project.write("keys.json", private().login(PASSWORD));
    let toml = shop.project.read("host.toml");
    shop.project.write("host.toml", toml.replace("[docker]\n", "[docker]\ncredentials = \"keys.json\"\n"));
    keeps_the_secret(&shop, shop.run("up -v --json").succeeds());
    shop.project.host("config").succeeds().prints("docker.credentials").prints("keys.json").lacks(PASSWORD);
}

#[test]
fn without_a_login_or_with_a_wrong_one_the_registry_is_named_with_what_to_do() {
    private().push("closed:1", "LABEL a=1");
    let shop = shop(private(), &of(&private().image("closed:1")));
    let address = private().address();
    let refused = |run: Run| keeps_the_secret(&shop, run.ends(9));
    refused(shop.run("up"))
        .says(&format!("the registry `{address}` wants a login for `{address}/closed:1`"))
        .says(&format!("hint: `docker login {address}` writes one to `~/.docker/config.json`, where none is for it"));
    shop.project.write(".docker/config.json", private().login("wrong-4711-word"));
    refused(shop.run("up"))
        .says(&format!("the registry `{address}` does not accept the login from `~/.docker/config.json`"))
        .says(&format!("hint: `docker login {address}` replaces it"))
        .lacks("wrong-4711-word");
    let json = refused(shop.run("up --json")).stdout;
    let last: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!((&last["error"]["ending"], &last["error"]["exit_code"]), (&"unreachable".into(), &9.into()), "{json}");
    // The right one is there, and not to be used.
    shop.project.write(".docker/config.json", private().login(PASSWORD));
    let toml = shop.project.read("host.toml");
    shop.project.write("host.toml", toml.replace("[docker]\n", "[docker]\ncredentials = false\n"));
    refused(shop.run("up")).says("wants a login").says("credentials = false");
    assert!(shop.states().is_empty() && shop.stack.networks().is_empty());
}

#[test]
fn a_credential_helper_is_run_directly_and_for_the_one_registry() {
    private().push("helped:1", "LABEL a=1");
    let shop = shop(private(), &of(&private().image("helped:1")));
    let helper = "#!/bin/sh\nread -r server\necho \"$1 $server\" >> \"$HOME/asked\"\necho told to nobody >&2\n\
                  echo \"{\\\"ServerURL\\\":\\\"$server\\\",\\\"Username\\\":\\\"deploy\\\",\\\"Secret\\\":\\\"PASSWORD\\\"}\"\n";
    shop.project.write("helper.txt", helper.replace("PASSWORD", PASSWORD));
    // Another process writes it: what one of this one's has open cannot be run.
    let install = "mkdir bin && cp helper.txt bin/docker-credential-shop && chmod +x bin/docker-credential-shop";
    assert!(std::process::Command::new("sh").args(["-c", install]).current_dir(shop.project.folder()).status().unwrap().success());
    let path = format!("{}:/usr/bin:/bin", shop.project.path("bin").display());
    let config =
        |helper: &str| format!("{{\"credsStore\": \"none-such\", \"credHelpers\": {{\"{}\": \"{helper}\"}}}}", private().address());
    shop.project.write(".docker/config.json", config("shop"));
    let output = shop.run("up -v").env("PATH", &path).succeeds().lacks("told to nobody");
    keeps_the_secret(&shop, output);
    assert_eq!(shop.project.read("asked"), format!("get {}\n", private().address()));
    shop.run("down").succeeds();
    private().forget("helped:1");
    // Not from a folder that depends on where we are.
    shop.run("up").env("PATH", "bin:/usr/bin:/bin").ends(2).says("`docker-credential-shop`").says("which is not in PATH");
    shop.project.write(".docker/config.json", config("../../bin/sh"));
    shop.run("up").env("PATH", &path).ends(2).says("is no name of one");
    shop.project.write(".docker/config.json", "{\"auths\": {\"x\": \"geheim-4711-word\"}}");
    keeps_the_secret(&shop, shop.run("up").ends(2).says("`~/.docker/config.json` cannot be understood: line 1, column"));
}

#[test]
fn what_is_not_there_not_reached_or_not_trusted_is_told_apart() {
    let far = shared_docker().far_address();
    let tls = shared_docker().tls_registry();
    let (plain, encrypted) = (format!("{far}:{}", open().port()), format!("{far}:{}", tls.port()));
    for (image, code, words, hint) in [
        (
            open().image("none:1"),
            1,
            format!("the registry `{}` has no `{}`", open().address(), open().image("none:1")),
            "look at its name and tag",
        ),
        ("127.0.0.1:9/a:1".to_owned(), 9, "the engine cannot reach the registry `127.0.0.1:9`: connection refused".to_owned(), "runs"),
        ("registry.invalid/a:1".to_owned(), 9, "the engine cannot reach the registry `registry.invalid`".to_owned(), "whether"),
        (format!("{plain}/a:1"), 9, format!("the registry `{plain}` speaks plain HTTP"), "insecure-registries"),
        (
            format!("{encrypted}/a:1"),
            9,
            format!("the engine does not trust the certificate of the registry `{encrypted}`"),
            "/etc/docker/certs.d/",
        ),
    ] {
        let shop = Composed::granted(&of(&image), &grants(POWERS, &image));
        shop.run("up").ends(code).says(&words).says(hint).says(&format!("failed to pull image {image}"));
        assert!(shop.states().is_empty() && shop.stack.networks().is_empty());
    }
}

#[test]
fn a_digest_is_pulled_as_it_is_and_found_again() {
    let digest = open().push("pinned:1", "LABEL version=one");
    open().push("pinned:1", "LABEL version=two");
    let shop = shop(open(), &of(&format!("{}@{digest}", open().image("pinned"))));
    shop.run("up").succeeds().says("pulled image");
    assert_eq!(shop.stack.container("web")["Config"]["Labels"]["version"], "one");
    shop.run("up").succeeds().prints("nothing to be done");
}

#[test]
fn a_tag_that_names_another_image_is_pulled_when_the_policy_says_so_and_its_service_recreated() {
    open().push("moving:1", "LABEL version=one");
    let shop = shop(open(), &of(&open().image("moving:1")));
    shop.run("up").succeeds();
    let ids = shop.ids();
    // Somebody else pushes: this engine keeps what it has.
    let kept = shop.stack.container("web")["Image"].as_str().unwrap().to_owned();
    open().push("moving:1", "LABEL version=two");
    shop.engine.docker(&format!("tag {kept} {}", open().image("moving:1")));
    shop.run("up").succeeds().prints("nothing to be done");
    shop.run("up --pull never").succeeds().prints("nothing to be done");
    shop.change("image:", "pull_policy: always, image:");
    shop.run("up --plan").succeeds().prints("pull").lacks("recreate");
    shop.run("up").succeeds().says("pulled image").says("image changed");
    assert_eq!(shop.stack.container("web")["Config"]["Labels"]["version"], "two");
    assert_ne!(shop.ids(), ids);
    let ids = shop.ids();
    shop.run("up").succeeds().lacks("recreated");
    assert_eq!(shop.ids(), ids);
}

#[test]
fn without_the_grants_nothing_is_asked_of_a_registry() {
    open().push("granted:1", "LABEL a=1");
    let image = open().image("granted:1");
    for (powers, images, line) in [
        (POWERS.replace(", \"pull\"", ""), format!("{}/*", open().address()), "\"pull\""),
        (POWERS.to_owned(), format!("{}/other:*", open().address()), image.as_str()),
    ] {
        let shop = Composed::granted(&of(&image), &grants(&powers, &images));
        let counted = shop.engine.counted();
        shop.run("up").env("DOCKER_HOST", counted.host()).ends(4).says(line);
        assert!(counted.requests().iter().all(|request| !request.starts_with("POST /images")), "{:?}", counted.requests());
    }
}

#[test]
fn no_command_reads_the_file_with_the_logins() {
    let compose = format!("services: {{web: {{image: '{}', env_file: .docker/config.json}}}}", open().image("none:1"));
    let shop = shop(open(), &compose);
    shop.project.write(".docker/config.json", format!("SECRET={PASSWORD}\n"));
    let refused = shop.run("up").start().wait().lacks(PASSWORD).says("which no command may read");
    assert_ne!(refused.code, Some(0), "{refused}");
}

#[test]
fn both_builders_begin_with_a_private_image_where_it_is_granted_and_only_there() {
    for engine in [classic_docker(), shared_buildkit()] {
        let registry = &engine.private_registry();
        registry.push("team/base:1", "COPY noise /noise\nLABEL base=yes");
        let built = Built::new(engine, registry);
        let build = |images: &str| built.build(&format!("{}{images}", registry.address()));
        let address = registry.address();
        build("/team/*").ends(1).says(&format!("docker login {address}")).says("`~/.docker/config.json`");
        built.shop.project.write(".docker/config.json", registry.login("wrong-4711-word"));
        build("/team/*").ends(1).says(&format!("hint: `docker login {address}` replaces it")).lacks("wrong-4711-word");
        built.shop.project.write(".docker/config.json", registry.login(PASSWORD));
        build("/other/*")
            .ends(1)
            .says("without the operator's login")
            .says(&format!("`docker.images = [\"{address}/other/*\", \"{address}/team/base:1\"]`"));
        let output = build("/team/*").succeeds();
        assert_eq!(built.image()["Config"]["Labels"]["base"], "yes");
        let history = built.engine.api("GET", &format!("/images/{}/history", built.tag()));
        assert!(!history.to_string().contains(PASSWORD));
        keeps_the_secret(&built.shop, output);
        // Of one registry all that is named must be granted.
        built.shop.project.write("Dockerfile", format!("FROM {address}/team/base:1\nCOPY --from={address}/team/secret:1 / /\n"));
        registry.forget("team/base:1");
        build("/team/base:1").ends(1).says("`127.0.0.1").says("team/secret:1` is not granted");
    }
}

/// A service that is built, on any engine.
struct Built {
    engine: &'static Docker,
    shop: Composed,
}

impl Built {
    fn new(engine: &'static Docker, registry: &Registry) -> Self {
        let shop = Composed::new("services: {web: {build: .}}");
        shop.project.write("Dockerfile", format!("FROM {}\nRUN test -e /noise\n", registry.image("team/base:1")));
        Self { engine, shop }
    }

    /// With these images granted.
    fn build(&self, images: &str) -> Run {
        let toml =
            format!("[project]\nname = \"{}\"\n[docker]\n{}", self.shop.name(), grants(POWERS, images).replace("NAME", self.shop.name()));
        self.shop.project.write("host.toml", toml);
        self.shop.project.run("build -v").env("DOCKER_HOST", self.engine.host())
    }

    fn tag(&self) -> String {
        format!("{}-web", self.shop.name())
    }

    fn image(&self) -> serde_json::Value {
        self.engine.inspect_image(&self.tag())
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        self.engine.answer("DELETE", &format!("/images/{}?force=1", self.tag()), None);
    }
}

#[test]
fn a_registry_that_dies_while_a_layer_is_under_way_fails_the_run_and_nothing_is_made() {
    let mut registry = shared_docker().open_registry();
    registry.push("endless:1", "COPY noise /noise");
    let layer = registry.lengthen();
    let shop = shop(&registry, &of(&registry.image("endless:1")));
    let started = shop.run("up").start();
    registry.until_read(&layer);
    registry.kill();
    let address = registry.address();
    started
        .wait()
        .ended(9)
        .says(&format!("failed to pull image {address}/endless:1"))
        .says(&format!("the engine cannot reach the registry `{address}`"));
    assert!(shop.states().is_empty() && shop.stack.networks().is_empty());
}

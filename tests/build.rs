//! `build` on a real engine: images as the compose file says, and the step that fails.

use crate::harness::Composed;

#[test]
fn images_are_built_tagged_and_labelled_as_compose_does() {
    let shop = Composed::new(
        "
services:
  web: {build: {context: ., args: {WORD: file}, labels: {tier: front}}}
  api: {image: 'shop-api:1', build: {context: api, target: last, tags: ['shop-api:2']}}
  db: {image: busybox}
",
    );
    shop.project.write("Dockerfile", "FROM busybox\nARG WORD\nRUN echo $WORD > /word\n");
    shop.project.write("api/Dockerfile", "FROM busybox AS first\nRUN touch /first\nFROM busybox AS last\nRUN touch /last\n");
    let toml = shop
        .project
        .read("host.toml")
        .replace("allow = [\"build\"], images = [\"busybox\"]", "allow = [\"build\"], images = [\"busybox\"], tags = [\"shop-api:*\"]");
    shop.project.write("host.toml", toml);
    shop.run("build --build-arg WORD=line").succeeds().prints(&format!("{}-web", shop.name()));
    let web = shop.engine.inspect_image(&format!("{}-web", shop.name()));
    let labels = &web["Config"]["Labels"];
    assert_eq!((&labels["com.docker.compose.project"], &labels["com.docker.compose.service"]), (&shop.name().into(), &"web".into()));
    assert_eq!(labels["tier"], "front");
    assert_eq!(shop.engine.docker(&format!("run --rm {}-web cat /word", shop.name())), "line\n");
    shop.engine.docker("run --rm shop-api:2 test -e /last");
    shop.engine.docker("rmi shop-api:1 shop-api:2");
}

#[test]
fn a_build_that_fails_shows_its_failing_step_and_fails_the_command() {
    let shop = Composed::new("services: {web: {build: .}}");
    shop.project.write("Dockerfile", "FROM busybox\nRUN echo it is well\nRUN echo no such package; exit 3\n");
    shop.run("build").ends(1).says("no such package").says("failed to build image");
    let up = shop.run("up").ends(1);
    assert!(up.stderr.contains("no such package") && shop.states().is_empty(), "{up}");
}

#[test]
fn up_builds_what_is_missing_and_again_when_asked() {
    let shop = Composed::new("services: {web: {build: .}}");
    shop.project.write("Dockerfile", "FROM busybox\nRUN touch /one\n");
    shop.run("up").succeeds().says("built image");
    shop.run("up").succeeds().prints("nothing to be done");
    shop.project.write("Dockerfile", "FROM busybox\nRUN touch /two\n");
    shop.run("up").succeeds().prints("nothing to be done");
    shop.run("up --build").succeeds().says("image changed");
    shop.engine.docker(&format!("exec {}-web-1 test -e /two", shop.name()));
}

#[test]
fn without_anything_to_build_it_says_so() {
    let shop = Composed::new("services: {db: {image: busybox}}");
    shop.run("build").succeeds().prints("nothing to be built");
}

#[test]
fn what_a_build_may_not_is_told_before_any_is_begun_and_once() {
    let shop = Composed::granted(
        "
services:
  api: {build: api}
  web: {image: 'registry.example/web:1', build: {context: ., cache_from: ['registry.example/cache']}}
  far: {build: {context: far}}
",
        "
[commands.build]
docker = { project = \"NAME\", allow = [\"build\"], contexts = [\"api\", \"web\"] }
files.\"**\" = \"read\"
files.\".env\" = \"read\"
env = [\"*\"]
",
    );
    shop.project.write("Dockerfile", "FROM busybox\n");
    shop.project.write("api/Dockerfile", "FROM busybox\nADD https://example.org/x /\n");
    shop.project.write("far/Dockerfile", "FROM busybox\n");
    let counted = shop.engine.counted();
    let failed = shop.run("build").env("DOCKER_HOST", counted.host()).ends(4).says("api: ADD `add-url=https://example.org/x`");
    let failed = failed.says("web: tags `registry.example/web:1`").says("web: cache-from `registry.example/cache`");
    let failed = failed
        .says("far: context `far`")
        .says("docker.contexts = [\"api\", \"web\", \"far\", \".\"]")
        .says("docker.tags = [\"registry.example/web:1\"]");
    failed.says("write under `[commands.build]` in host.toml, in place of lines with the same keys:\ndocker.");
    assert!(counted.requests().iter().all(|request| request.starts_with("GET ")), "{:#?}", counted.requests());
}

#[test]
fn up_tells_what_a_build_may_not_with_all_the_rest() {
    let shop = Composed::up_may(
        "services: {web: {build: {context: ., tags: ['registry.example/web:1']}}, db: {image: 'postgres:16'}}",
        "images = [\"busybox\"], contexts = [\".\"]",
    );
    shop.project.write("Dockerfile", "FROM busybox\n");
    for words in ["up", "up --plan"] {
        let denied = shop.run(words).ends(4).says("db: image `postgres:16`").says("web: tags `registry.example/web:1`");
        denied.says("docker.images = [\"busybox\", \"postgres:16\"]\n").says("docker.tags = [\"registry.example/web:1\"]");
    }
    shop.change(", db: {image: 'postgres:16'}", "");
    let counted = shop.engine.counted();
    shop.run("up").env("DOCKER_HOST", counted.host()).ends(4).says("web: tags `registry.example/web:1`");
    assert!(counted.requests().iter().all(|request| request.starts_with("GET ")), "{:#?}", counted.requests());
    assert!(shop.states().is_empty() && shop.stack.networks().is_empty());
}

#[test]
fn a_dotenv_that_goes_into_a_context_is_told_without_being_asked() {
    let shop = Composed::new("services: {web: {build: .}}");
    shop.project.write("Dockerfile", "FROM busybox\nRUN true\n");
    let warning = format!("warning: {}-web: `.env` is part of the context; `.dockerignore` can leave it out", shop.name());
    let told = shop.run("build").succeeds();
    assert_eq!(told.stderr.matches(&warning).count(), 1, "{told}");
    let json = shop.run("build --json").succeeds();
    assert!(json.stdout.lines().any(|line| line.contains("\"event\":\"warning\"") && line.contains(".dockerignore")), "{json}");
    shop.project.write(".dockerignore", ".env\nhost.toml\n");
    shop.run("build").succeeds().lacks("warning");
}

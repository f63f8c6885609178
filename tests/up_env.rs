//! What surrounds the compose file of an `up`: env files in folders, variables without a value, the project's name.

use crate::harness::Composed;

/// One more line under `[commands.up]`.
fn grant(shop: &Composed, line: &str) {
    let toml = shop.project.read("host.toml");
    shop.project.write("host.toml", toml.replacen("[commands.up]\n", &format!("[commands.up]\n{line}\n"), 1));
}

/// Refused with the line of host.toml that grants it, and done with that line.
fn needs(shop: &Composed, words: &str, file: &str) {
    let line = format!("files.\"{file}\" = \"read\"");
    shop.run(words).ends(4).says(&format!("grant reading it: {line}")).says(&format!("add `{line}` under `[commands.up]`"));
    grant(shop, &line);
    shop.run(words).succeeds().prints("web-1");
}

#[test]
fn an_env_file_anywhere_is_read_where_its_own_name_is_granted() {
    let shop = Composed::new("services: {web: {image: busybox, env_file: backend/.env}}");
    shop.project.write("backend/.env", "A=1\n");
    shop.project.write(".env.prod", "TAG=1\n");
    needs(&shop, "up --plan", "backend/.env");
    needs(&shop, "up --plan --env-file .env.prod", ".env.prod");
    shop.change("backend/.env", ".env.prod");
    shop.run("up --plan").succeeds();
    shop.project.write("sub/c.yml", "services: {web: {image: busybox}}\n");
    shop.project.write("docker-compose.yml", "include: [sub/c.yml]\n");
    shop.run("up --plan").succeeds().prints("web-1");
    shop.project.write("sub/.env", "A=1\n");
    needs(&shop, "up --plan", "sub/.env");
}

#[test]
fn beside_a_compose_file_in_a_folder_there_need_be_no_env_file() {
    let narrow = r#"[commands.up]
docker = { project = "NAME", allow = ["inspect", "logs", "create", "start-stop", "remove", "network", "volume", "pull", "build"], images = ["busybox"] }
files."*.yml" = "read"
files."*.yaml" = "read"
files."sub/c.yml" = "read"
files.".env" = "read"
env = ["*"]
"#;
    for shop in [Composed::new("services: {}"), Composed::granted("services: {}", narrow)] {
        shop.project.write("sub/c.yml", "services: {web: {image: busybox}}\n");
        shop.run("up --plan -f sub/c.yml").succeeds().prints("web-1");
        shop.run("up --plan").env("COMPOSE_FILE", "sub/c.yml").succeeds().prints("web-1");
        shop.project.write("sub/.env", "A=1\n");
        needs(&shop, "up --plan -f sub/c.yml", "sub/.env");
    }
}

#[test]
fn a_compose_file_above_the_project_is_refused_with_where_paths_start() {
    let shop = Composed::new("services: {web: {image: busybox}}");
    shop.run("up --plan -f ../prod.yml").ends(2).says("outside of the project's folder").says("`-f prod.yml`").lacks("grant");
    shop.run("up --plan -f prod.yml").ends(2).says("no such file").says("start from the project's folder, wherever you are");
}

#[test]
fn a_name_in_the_compose_file_is_that_of_the_granted_project_or_an_error() {
    let shop = Composed::new("name: other\nservices: {web: {image: busybox}}");
    let name = shop.name();
    shop.run("up").ends(4).says("docker-compose.yml:1:7: `name`: the file calls the project `other`").says(&format!("PROJECT_NAME={name}"));
    assert!(shop.states().is_empty());
    shop.project.write(".env", format!("PROJECT_NAME={name}\n"));
    shop.run("up").succeeds();
    assert_eq!(shop.states(), ["shop-web-1 running"]);
    shop.project.write(".env", "");
    shop.change("other", name);
    shop.run("up").succeeds().prints("nothing to be done");
}

#[test]
fn variables_without_a_value_are_taken_out_of_those_of_the_image() {
    let shop = Composed::new("services: {web: {build: ., environment: [FOO], env_file: own.env}}");
    shop.project.write("Dockerfile", "FROM busybox\nENV FOO=fromimage BAR=fromimage KEPT=fromimage\n");
    shop.project.write("own.env", "BAR\n");
    shop.run("up").succeeds();
    let variables = || shop.engine.docker(&format!("exec {}-web-1 env", shop.name()));
    let seen = variables();
    assert!(seen.contains("KEPT=fromimage") && !seen.contains("FOO") && !seen.contains("BAR"), "{seen}");
    shop.run("up").succeeds().prints("nothing to be done");
    shop.run("up").env("BAR", "now").succeeds().says("environment.BAR changed");
    assert!(variables().contains("BAR=now"));
}

//! Variables, `.env`, `env_file`.

use std::collections::BTreeMap;

use super::{load_files, options, said, tree, try_files};
use crate::{Loader, NamedBy, Options, Project};

#[track_caller]
fn load_in(environment: &[(&str, &str)], files: &[(&str, &str)]) -> Project {
    let environment: BTreeMap<String, String> = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Loader::new(&tree(files), environment).load(&options()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_environment_wins_over_dotenv_and_defaults() {
    let file = "services:\n  web:\n    image: \"${IMAGE:-nginx}:${TAG-latest}\"\n    command: echo $$HOME ${NONE}\n    ports: [\"${PORT}:80\"]\n    scale: ${N}\n";
    let project = load_in(&[("TAG", "2")], &[("compose.yaml", file), (".env", "TAG=1\nPORT=8080\nN=3\n")]);
    let web = &project.services["web"];
    assert_eq!(web.image.as_deref(), Some("nginx:2"));
    assert_eq!(web.command.as_deref(), Some(&["echo".to_owned(), "$HOME".to_owned()][..]));
    assert_eq!((web.ports[0].to_string(), web.replicas()), ("8080:80/tcp".to_owned(), 3));
    let warnings: Vec<String> = project.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["compose.yaml:4:14: the variable `NONE` is not set, it is empty"]);
}

#[test]
fn values_are_never_yaml_and_keys_never_filled_in() {
    let project =
        load_in(&[("X", "a: [b"), ("K", "key")], &[("compose.yaml", "services:\n  web:\n    image: x\n    labels: {\"$K\": \"${X}\"}\n")]);
    assert_eq!(project.services["web"].labels["$K"], "a: [b");
}

#[test]
fn errors_name_the_key() {
    let fault =
        |value: &str| said(try_files(&[("compose.yaml", &format!("services:\n  web:\n    image: {value}\n"))], &options()).unwrap_err());
    assert_eq!(
        fault("\"${TAG:?set a tag}\""),
        "compose.yaml:3:12: `services.web.image`: the variable `TAG` is required and has no value: set a tag | set it in `.env`: TAG=..."
    );
    assert_eq!(
        fault("\"${TAG\""),
        "compose.yaml:3:12: `services.web.image`: not a form of `${VARIABLE}` | write `$$` for a dollar sign that is meant as one"
    );
}

#[test]
fn names_without_values_take_the_environment() {
    let project = load_in(
        &[("A", "1")],
        &[("compose.yaml", "services:\n  web:\n    image: x\n    environment: [A, B]\n    build: {args: [A, B]}\n")],
    );
    let web = &project.services["web"];
    assert_eq!((web.environment["A"].as_deref(), web.environment["B"].as_deref()), (Some("1"), None));
    assert_eq!(web.build.as_ref().unwrap().args.keys().collect::<Vec<_>>(), ["A"]);
}

#[test]
fn env_files_have_many_forms_and_stand_below_environment() {
    let file = "services:\n  web:\n    image: x\n    environment: {A: own}\n    env_file:\n      - a.env\n      - {path: sub/b.env, format: raw}\n      - {path: none.env, required: false}\n  short: {image: x, env_file: a.env}\n";
    let project = load_files(&[("compose.yaml", file), ("a.env", "A=a\nB='$x'\nC=${A}-${B}\n"), ("sub/b.env", "D='$x'\nB=b\n")]);
    let shown = |name: &str| {
        project.services[name]
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("?")))
            .collect::<Vec<_>>()
    };
    // As with Compose, a file's variables see what the service says.
    assert_eq!(shown("web"), ["A=own", "B=b", "C=own-$x", "D='$x'"]);
    assert_eq!(shown("short"), ["A=a", "B=$x", "C=a-$x"]);
    assert!(project.read.contains("sub/b.env"));
    let missing = said(try_files(&[("compose.yaml", "services: {a: {image: x, env_file: no.env}}")], &options()).unwrap_err());
    assert_eq!(
        missing,
        "compose.yaml:1:36: `services.a.env_file`: failed to read `no.env`: no such file | create it, or write - path: no.env, required: false"
    );
    let removed = load_files(&[
        ("compose.yaml", "services: {a: {image: x, environment: {OWN: '1', ALONE: }, env_file: [a.env, {path: b.env, format: raw}]}}"),
        ("a.env", "OWN\nGONE\nLATER\nALONE\n"),
        ("b.env", "LATER=1\nRAW\n"),
    ]);
    let a = &removed.services["a"];
    assert_eq!(a.environment.keys().collect::<Vec<_>>(), ["ALONE", "LATER", "OWN"]);
    assert_eq!(a.removed.iter().collect::<Vec<_>>(), ["GONE", "RAW"]);
    let lenient = Options { without_service_files: true, ..options() };
    assert!(try_files(&[("compose.yaml", "services: {a: {image: x, env_file: no.env}}")], &lenient).is_ok());
}

#[test]
fn the_name_comes_from_the_caller_a_variable_the_file_or_the_folder() {
    let plain = ("compose.yaml", "services: {a: {image: x}}");
    let named = ("compose.yaml", "name: From ${WHERE:-File}\nservices: {a: {image: \"${COMPOSE_PROJECT_NAME}\"}}");
    let of = |project: &Project| (project.name.clone(), project.named_by);
    assert_eq!(of(&load_in(&[], &[plain])), ("shop".to_owned(), NamedBy::Folder));
    assert_eq!(of(&load_in(&[], &[named])), ("fromfile".to_owned(), NamedBy::File));
    assert_eq!(of(&load_in(&[], &[named, (".env", "PROJECT_NAME=pr-7\n")])), ("pr-7".to_owned(), NamedBy::Variable));
    assert_eq!(of(&load_in(&[("COMPOSE_PROJECT_NAME", "c")], &[named])), ("c".to_owned(), NamedBy::Variable));
    let caller = try_files(&[named], &Options { name: Some("mine".to_owned()), ..options() }).unwrap();
    assert_eq!((of(&caller), caller.services["a"].image.as_deref()), (("mine".to_owned(), NamedBy::Caller), Some("mine")));
    let only = |name: &str| Options { only_name: Some(name.to_owned()), ..Options::default() };
    assert_eq!(of(&try_files(&[named], &only("fromfile")).unwrap()), ("fromfile".to_owned(), NamedBy::Caller));
    assert_eq!(of(&try_files(&[plain], &only("granted")).unwrap()), ("granted".to_owned(), NamedBy::Caller));
    for variable in ["PROJECT_NAME", "COMPOSE_PROJECT_NAME"] {
        let project = try_files(&[named, (".env", &format!("{variable}=granted\n"))], &only("granted")).unwrap();
        assert_eq!(of(&project), ("granted".to_owned(), NamedBy::Caller), "{variable}");
    }
    let other = try_files(&[named], &only("granted")).unwrap_err();
    assert!(other.denied);
    assert_eq!(
        said(other),
        "compose.yaml:1:7: `name`: the file calls the project `fromfile`, and `granted` is the one that is granted | in host.toml: \
         `name = \"fromfile\"` under `[project]`, and under `docker.project` where that is written | or, for it to stay `granted`, in \
         `.env`: PROJECT_NAME=granted"
    );
    let nothing = try_files(&[plain], &Options::default()).unwrap_err();
    assert_eq!(nothing.message, "the project has no name");
}

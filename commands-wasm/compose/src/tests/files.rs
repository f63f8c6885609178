//! Which files make up a project: default names, overrides, `-f`, `extends`, `include`, profiles.

use std::collections::BTreeMap;

use super::{load_files, options, said, tree, try_files};
use crate::files::FileError;
use crate::{Files, Loader, Options, Project};

const ONE: &str = "services: {a: {image: one}}\n";
const TWO: &str = "services: {a: {image: two}}\n";

fn image(project: &Project) -> &str {
    project.services["a"].image.as_deref().unwrap()
}

#[test]
fn default_names_are_looked_for_in_compose_s_order() {
    let project = load_files(&[("docker-compose.yml", ONE), ("compose.yml", TWO)]);
    assert_eq!((image(&project), project.files.as_slice()), ("two", &["compose.yml".to_owned()][..]));
    assert_eq!(project.warnings[0].message, "several files have a default name, `compose.yml` is used: compose.yml, docker-compose.yml");
    let project = load_files(&[("docker-compose.yml", ONE), ("docker-compose.override.yml", TWO)]);
    assert_eq!((image(&project), project.files.len()), ("two", 2));
    let none = said(try_files(&[("other.yaml", ONE)], &options()).unwrap_err());
    assert_eq!(
        none,
        "there is no Compose file here | Compose looks for compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml"
    );
}

#[test]
fn files_can_be_named_by_options_or_variables() {
    let files = [("one.yaml", ONE), ("sub/two.yaml", TWO), (".env", "COMPOSE_FILE=one.yaml;sub/two.yaml\nCOMPOSE_PATH_SEPARATOR=;\n")];
    assert_eq!(image(&load_files(&files)), "two");
    let named = Options { files: vec!["./sub/two.yaml".to_owned(), "one.yaml".to_owned()], ..options() };
    let project = try_files(&files, &named).unwrap();
    assert_eq!(
        (image(&project), project.folder.as_str(), project.files.as_slice()),
        ("one", "sub", &["sub/two.yaml".to_owned(), "one.yaml".to_owned()][..])
    );
    let missing = said(try_files(&files, &Options { files: vec!["no.yaml".to_owned()], ..options() }).unwrap_err());
    assert_eq!(
        missing,
        "failed to read `no.yaml`: no such file | paths of Compose files start from the project's folder, wherever you are"
    );
    for (options, environment) in [
        (Options { files: vec!["../no.yaml".to_owned()], ..options() }, BTreeMap::new()),
        (options(), BTreeMap::from([("COMPOSE_FILE".to_owned(), "sub/../../no.yaml".to_owned())])),
    ] {
        let above = said(Loader::new(&tree(&files), environment).load(&options).unwrap_err());
        assert_eq!(
            above,
            "`../no.yaml` lies outside of the project's folder | paths of Compose files start from the project's folder, wherever you \
             are: `-f no.yaml`"
        );
    }
}

#[test]
fn paths_start_from_the_folder_of_the_first_file_or_the_one_that_is_named() {
    let file = "services: {a: {build: ., volumes: [\"./data:/data\"], env_file: a.env}}\n";
    let files = [("deploy/c.yaml", file), ("deploy/a.env", "A=1\n"), ("deploy/.env", "X=1\n"), ("a.env", "A=2\n")];
    let mut options = Options { files: vec!["deploy/c.yaml".to_owned()], ..options() };
    let project = try_files(&files, &options).unwrap();
    let a = &project.services["a"];
    assert_eq!(
        (a.build.as_ref().unwrap().context.as_str(), a.volumes[0].source.as_deref(), a.environment["A"].as_deref()),
        ("deploy", Some("deploy/data"), Some("1"))
    );
    assert_eq!(project.environment["X"], "1");
    options.project_directory = Some(".".to_owned());
    let project = try_files(&files, &options).unwrap();
    let a = &project.services["a"];
    assert_eq!(
        (a.build.as_ref().unwrap().context.as_str(), a.volumes[0].source.as_deref(), a.environment["A"].as_deref()),
        (".", Some("data"), Some("2"))
    );
}

#[test]
fn services_extend_others_of_the_same_and_of_other_files() {
    let base = "services:\n  base:\n    extends: {service: root}\n    environment: {A: base, B: base}\n    volumes: [\"./data:/data\"]\n    build: {context: .}\n    command: [base]\n    ports: [\"80:80\"]\n  root: {image: root, labels: {from: root}}\n";
    let main = "services:\n  web:\n    extends: {file: common/base.yaml, service: base}\n    environment: [A=web]\n    command: web\n    ports: [\"81:81\"]\n  worker:\n    extends: web\n    ports: !reset []\n    labels: !override {only: this}\n";
    let project = load_files(&[("compose.yaml", main), ("common/base.yaml", base)]);
    let web = &project.services["web"];
    assert_eq!((web.image.as_deref(), web.labels["from"].as_str()), (Some("root"), "root"));
    assert_eq!((web.environment["A"].as_deref(), web.environment["B"].as_deref()), (Some("web"), Some("base")));
    assert_eq!((web.volumes[0].source.as_deref(), web.build.as_ref().unwrap().context.as_str()), (Some("common/data"), "common"));
    assert_eq!((web.command.clone().unwrap(), web.ports.len()), (vec!["web".to_owned()], 2));
    let worker = &project.services["worker"];
    assert_eq!((worker.ports.len(), worker.labels.keys().map(String::as_str).collect::<Vec<_>>()), (0, vec!["only"]));
    assert_eq!(web.volumes[0].place.to_string(), "common/base.yaml:5:15");
}

#[test]
fn extending_in_a_circle_or_nothing_is_an_error() {
    let of = |text: &str| said(try_files(&[("compose.yaml", text)], &options()).unwrap_err());
    assert_eq!(
        of("services: {a: {extends: b}, b: {extends: a}}"),
        "compose.yaml:1:42: `services.b.extends`: services extend one another: a -> b -> a"
    );
    assert_eq!(
        of("services: {a: {image: x, extends: bas}, base: {image: x}}"),
        "compose.yaml:1:35: `services.a.extends`: there is no service `bas` in compose.yaml | did you mean `base`?"
    );
    assert_eq!(of("services: {a: {extends: {file: no.yaml, service: b}}}"), "compose.yaml:1:25: failed to read `no.yaml`: no such file");
}

#[test]
fn includes_have_their_own_folder_and_env_file() {
    let main = "include:\n  - db/compose.yaml\n  - path: [cache/a.yaml, cache/b.yaml]\n    project_directory: .\n    env_file: cache.env\nservices: {web: {image: x, depends_on: [db, cache]}}\n";
    let db =
        "services: {db: {image: \"db:${TAG}\", volumes: [\"./data:/data\", \"store:/store\"], environment: [TAG]}}\nvolumes: {store: }\n";
    let files = [
        ("compose.yaml", main),
        ("db/compose.yaml", db),
        ("db/.env", "TAG=9\n"),
        ("cache/a.yaml", "services: {cache: {image: \"cache:${TAG}\", volumes: [\"./data:/data\"]}}\n"),
        ("cache/b.yaml", "services: {cache: {restart: always}}\n"),
        ("cache.env", "TAG=7\n"),
    ];
    let project = load_files(&files);
    let (db, cache) = (&project.services["db"], &project.services["cache"]);
    assert_eq!(
        (db.image.as_deref(), db.volumes[0].source.as_deref(), db.environment["TAG"].as_deref()),
        (Some("db:9"), Some("db/data"), Some("9"))
    );
    assert_eq!(
        (cache.image.as_deref(), cache.volumes[0].source.as_deref(), cache.restart.is_some()),
        (Some("cache:7"), Some("data"), true)
    );
    assert_eq!(project.volumes["store"].name, "shop_store");
    assert_eq!((project.files.len(), project.read.len()), (1, 6));
}

#[test]
fn includes_that_conflict_or_include_one_another_are_errors() {
    let conflict = [("compose.yaml", "include: [b.yaml]\nservices: {a: {image: x}}\n"), ("b.yaml", "services: {a: {image: y}}\n")];
    let error = said(try_files(&conflict, &options()).unwrap_err());
    assert!(error.starts_with("compose.yaml:2:12: `services.a`: is also in the included b.yaml:1:12"), "{error}");
    let same = [("compose.yaml", "include: [b.yaml, c.yaml]\n"), ("b.yaml", ONE), ("c.yaml", ONE)];
    assert!(try_files(&same, &options()).is_ok());
    let circle = [("compose.yaml", "include: [b.yaml]\n"), ("b.yaml", "include: [compose.yaml]\n")];
    let error = said(try_files(&circle, &options()).unwrap_err());
    assert_eq!(error, "b.yaml:1:11: `include`: files include one another: compose.yaml -> b.yaml -> compose.yaml");
    let missing = said(try_files(&[("compose.yaml", "include: [no.yaml]\n")], &options()).unwrap_err());
    assert_eq!(missing, "compose.yaml:1:11: `include`: there is no file `no.yaml`");
}

#[test]
fn an_override_file_changes_what_is_included() {
    let project = load_files(&[
        ("compose.yaml", "include: [b.yaml]\n"),
        ("compose.override.yaml", "services: {a: {image: mine}}\n"),
        ("b.yaml", ONE),
    ]);
    assert_eq!(image(&project), "mine");
}

#[test]
fn profiles_decide_which_services_run() {
    let file = "services:\n  web: {image: x}\n  debug: {image: x, profiles: [debug]}\n  test: {image: x, profiles: [test], depends_on: {debug: {condition: service_started, required: false}}}\n";
    let names = |options: &Options, environment: &[(&str, &str)]| {
        let environment: BTreeMap<String, String> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let project = Loader::new(&tree(&[("compose.yaml", file)]), environment).load(options).unwrap();
        project.services.keys().cloned().collect::<Vec<_>>()
    };
    let with = |profiles: &[&str], services: &[&str]| Options {
        profiles: profiles.iter().map(ToString::to_string).collect(),
        services: services.iter().map(ToString::to_string).collect(),
        ..options()
    };
    assert_eq!(names(&options(), &[]), ["web"]);
    assert_eq!(names(&with(&["debug"], &[]), &[]), ["debug", "web"]);
    assert_eq!(names(&with(&["*"], &[]), &[]), ["debug", "test", "web"]);
    assert_eq!(names(&options(), &[("COMPOSE_PROFILES", "test, debug")]), ["debug", "test", "web"]);
    assert_eq!(names(&with(&[], &["test"]), &[]), ["test", "web"]);
    let needs = "services:\n  web: {image: x, depends_on: [debug]}\n  debug: {image: x, profiles: [debug]}\n";
    let error = said(try_files(&[("compose.yaml", needs)], &options()).unwrap_err());
    assert_eq!(
        error,
        "compose.yaml:2:32: `services.web.depends_on`: the service `debug` belongs to a profile that is not active | --profile debug, or write required: false"
    );
    let unknown = said(try_files(&[("compose.yaml", file)], &with(&[], &["webb"])).unwrap_err());
    assert_eq!(unknown, "there is no service `webb` | did you mean `web`?");
}

#[test]
fn an_include_takes_the_dotenv_of_its_folder_which_must_be_readable_when_it_is_there() {
    let files = [("compose.yaml", "include: [secret/c.yaml]\n"), ("secret/c.yaml", "services: {a: {image: \"x:${TAG}\"}}\n")];
    let mut files = tree(&files);
    let load = |files: &BTreeMap<String, String>, tag: &[(&str, &str)], denied: &'static str| {
        let environment = tag.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Loader::new(&Guarded(files.clone(), denied), environment).load(&options())
    };
    let image_of = |project: Result<Project, crate::Error>| project.unwrap().services["a"].image.clone().unwrap();
    assert_eq!(image_of(load(&files, &[], "nothing")), "x:", "none is fine");
    files.insert("secret/.env".to_owned(), "TAG=9\n".to_owned());
    assert_eq!(image_of(load(&files, &[], "nothing")), "x:9");
    assert_eq!(image_of(load(&files, &[("TAG", "1")], "nothing")), "x:1", "what surrounds it wins");
    let error = load(&files, &[], "secret/.env").unwrap_err();
    assert!(error.denied);
    assert_eq!(
        said(error),
        "compose.yaml:1:11: `include`: failed to read `secret/.env`: not allowed to read it | grant reading it: files.\"secret/.env\" = \"read\""
    );
    let error = said(load(&files, &[], "secret").unwrap_err());
    assert_eq!(
        error,
        "compose.yaml:1:11: `include`: failed to read `secret/c.yaml`: not allowed to read it | grant reading it: files.\"secret/c.yaml\" = \"read\""
    );
}

#[test]
fn only_a_line_that_helps_is_told_for_a_file_that_may_not_be_read() {
    for path in ["/etc/x.env", "../secret.env", "~/x.env", "[x].env"] {
        let error = FileError::Denied.of("it", path);
        assert!(error.denied && error.hints.is_empty(), "{path}");
    }
}

/// Files whose paths begin so may not be read, nor looked at.
struct Guarded(BTreeMap<String, String>, &'static str);

impl Files for Guarded {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if path.starts_with(self.1) { Err(FileError::Denied) } else { self.0.read(path) }
    }

    fn exists(&self, path: &str) -> bool {
        !path.starts_with(self.1) && self.0.exists(path)
    }
}

#[test]
fn all_files_of_services_that_may_not_be_read_are_named_at_once() {
    let compose = "services:\n  a: {image: one, env_file: [open.env, secret.one]}\n  b: {image: one, env_file: [secret.one, secret.two]}\n  \
                   c: {image: one, label_file: [secret.labels]}\n";
    let files = [("compose.yaml", compose), ("open.env", "A=1\n")].map(|(path, text)| (path.to_owned(), text.to_owned()));
    let error = Loader::new(&Guarded(files.into(), "secret"), BTreeMap::new()).load(&options()).unwrap_err();
    assert!(error.denied);
    assert_eq!(
        said(error),
        "compose.yaml:2:40: `services.a.env_file`: failed to read `secret.one`: not allowed to read it \
         | grant reading it: files.\"secret.one\" = \"read\" | grant reading it: files.\"secret.two\" = \"read\" \
         | grant reading it: files.\"secret.labels\" = \"read\""
    );
}

//! A project with a compose file, on a shared engine, under a name of its own: what the stack commands are run in.

use serde_json::Value;

use super::{Docker, Project, Run, Stack, is_other_engine, shared_docker};

/// What all of them may do, so that each test leaves out what it is about.
const GRANTS: &str = r#"
[commands.up]
docker = { project = "NAME", allow = ["inspect", "logs", "create", "start-stop", "remove", "network", "volume", "pull", "build"], images = ["busybox", "checked", "backend", "nowhere"], mounts = ["."], ports = ["1024-65535"], contexts = ["."] }
files."**" = "read"
files.".env" = "write"
files.".env.new" = "write"
files.".env.sample" = "read"
files.".env.example" = "read"
env = ["*"]
[commands.down]
docker = { project = "NAME", allow = ["inspect", "start-stop", "remove", "network", "volume"] }
files."**" = "read"
files.".env" = "read"
env = ["*"]
[commands.build]
docker = { project = "NAME", allow = ["build"], images = ["busybox"], contexts = ["."] }
files."**" = "read"
files.".env" = "read"
env = ["*"]
[commands.check_services]
docker = { project = "NAME", allow = ["inspect", "logs", "shared"], networks = ["reverse-proxy"] }
files."**" = "read"
files.".env" = "read"
env = ["*"]
"#;

const UP: &str = r#"
[commands.up]
docker = { project = "NAME", allow = ["inspect", "logs", "create", "start-stop", "remove", "network", "volume", "pull", "build"], LISTS }
files."**" = "read"
files.".env" = "read"
files.".env.sample" = "read"
files.".env.example" = "read"
env = ["*"]
"#;

pub(crate) struct Composed {
    pub(crate) engine: &'static Docker,
    pub(crate) stack: Stack<'static>,
    pub(crate) project: Project,
}

impl Composed {
    /// With `up`, `down`, `build` and `check_services`.
    pub(crate) fn new(compose: &str) -> Self {
        Self::on(shared_docker(), compose)
    }

    /// The same on another engine.
    pub(crate) fn on(engine: &'static Docker, compose: &str) -> Self {
        engine.busybox();
        let stack = engine.stack("shop");
        let project = Project::new(&Self::host_toml(stack.name(), GRANTS));
        let project = project.command("up").command("down").command("build").command("check_services");
        project.write("docker-compose.yml", compose);
        // Or the sample, which a project without it gets it from, would be looked for.
        project.write(".env", "");
        Self { engine, stack, project }
    }

    /// The same with other grants; `NAME` is the project's.
    pub(crate) fn granted(compose: &str, grants: &str) -> Self {
        let composed = Self::new(compose);
        composed.project.write("host.toml", Self::host_toml(composed.stack.name(), grants));
        composed
    }

    /// Only `up` is granted anything: all its powers, and these of images, networks and so on (`images = ["busybox"]`).
    pub(crate) fn up_may(compose: &str, lists: &str) -> Self {
        Self::granted(compose, &UP.replace("LISTS", lists))
    }

    fn host_toml(name: &str, grants: &str) -> String {
        format!("[project]\nname = \"{name}\"\n[docker]\n{}", grants.replace("NAME", name))
    }

    /// `host run` with these words, on this engine.
    pub(crate) fn run(&self, words: &str) -> Run {
        self.project.run(words).env("DOCKER_HOST", self.engine.host())
    }

    /// The compose file with one thing replaced.
    #[track_caller]
    pub(crate) fn change(&self, from: &str, to: &str) {
        let text = self.project.read("docker-compose.yml");
        assert!(text.contains(from), "no {from:?} in {text}");
        self.project.write("docker-compose.yml", text.replace(from, to));
    }

    /// docker-compose 1.29 with these words, on the same project.
    #[track_caller]
    pub(crate) fn compose(&self, words: &str) -> String {
        self.engine.compose(self.project.folder(), &format!("-p {} {words}", self.stack.name()))
    }

    /// These names of docker-compose 1.29, as the one that is there gives them.
    pub(crate) fn as_compose_names<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        names.map(|name| if is_other_engine() { name.replace('_', "-") } else { name.to_owned() })
    }

    /// Names and states: `shop0-web-1 running`.
    #[track_caller]
    pub(crate) fn states(&self) -> Vec<String> {
        let name = |container: &Value| container["Names"][0].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
        let one = |container: &Value| format!("{} {}", name(container), container["State"].as_str().unwrap_or_default());
        self.stack.containers().iter().map(|container| one(container).replacen(self.stack.name(), "shop", 1)).collect()
    }

    /// Ids of all containers, by name.
    #[track_caller]
    pub(crate) fn ids(&self) -> Vec<String> {
        self.stack.containers().iter().map(|container| container["Id"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The project's name.
    pub(crate) fn name(&self) -> &str {
        self.stack.name()
    }
}

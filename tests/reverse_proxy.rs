//! `start_reverse_proxy` and `stop_reverse_proxy`: the real Traefik, with routes from the labels of real containers.

use serde_json::Value;

use crate::harness::{Docker, Project, Run, Stack, free_port, shared_docker, signal, until};

/// A proxy of its own: project, network and port.
struct Proxy<'e> {
    engine: &'e Docker,
    stack: Stack<'e>,
    project: Project,
    port: u16,
}

impl<'e> Proxy<'e> {
    fn new() -> Self {
        Self::with("")
    }

    /// With lines more for `start_reverse_proxy`.
    fn with(more: &str) -> Self {
        let engine = shared_docker();
        engine.traefik_image();
        engine.busybox();
        let (stack, port) = (engine.stack("proxy"), free_port());
        let name = stack.name();
        let toml = format!(
            "[project]\nname = \"shop\"\n[docker]\nendpoint = \"{host}\"\n[commands.start_reverse_proxy]\ndocker.project = \"{name}\"\n\
             docker.allow = [\"inspect\", \"logs\", \"shared\", \"start-stop\", \"create\", \"remove\", \"exec\", \"pull\", \"network\", \"volume\"]\n\
             docker.images = [\"traefik:v3.7.15\"]\ndocker.mounts = [\"var/reverse-proxy:ro\"]\ndocker.ports = [\"{port}\", \"{tls}\"]\n\
             docker.networks = [\"{name}-net\"]\nfiles.\"var/reverse-proxy/**\" = \"write\"\nenv = [\"SSL\"]\n\
             config.network = \"{name}-net\"\nconfig.http-port = \"{port}\"\nconfig.https-port = \"{tls}\"\n{more}\n\
             [commands.stop_reverse_proxy]\ndocker.project = \"{name}\"\ndocker.allow = [\"inspect\", \"shared\", \"start-stop\", \"remove\"]\n\
             docker.networks = [\"{name}-net\"]\nconfig.network = \"{name}-net\"\n",
            host = engine.host(),
            tls = free_port(),
        );
        let project = Project::new(&toml).command("start_reverse_proxy").command("stop_reverse_proxy");
        Self { engine, stack, project, port }
    }

    fn start(&self, words: &str) -> Run {
        self.project.run(&format!("start_reverse_proxy {words}"))
    }

    fn stop(&self, words: &str) -> Run {
        self.project.run(&format!("stop_reverse_proxy {words}"))
    }

    fn network(&self) -> String {
        format!("{}-net", self.stack.name())
    }

    /// A container of another project on the shared network, which serves its name.
    fn web(&self, stack: &Stack<'_>, labels: &[&str]) -> String {
        let (project, network) = (stack.name(), self.network());
        let name = format!("{project}-web-1");
        let labels: String = labels.iter().map(|label| format!(" -l {label}")).collect();
        let serve = format!("mkdir /www && echo {name} > /www/index.html && exec httpd -f -p 8000 -h /www");
        let mut command = self.engine.client("docker");
        let line = format!(
            "run -d --name {name} --network {network} --expose 8000 --stop-signal KILL -l com.docker.compose.project={project} \
             -l com.docker.compose.service=web{labels} busybox sh -c"
        );
        assert!(command.args(line.split_whitespace()).arg(serve).status().unwrap().success());
        name
    }

    fn container(&self) -> Value {
        self.stack.container("reverse-proxy")
    }

    /// Until the proxy answers with this.
    fn answers(&self, path: &str, expected: &str) {
        let mut last = String::new();
        until(&format!("{expected:?} is answered"), || {
            last = self.page(path);
            last.contains(expected)
        });
    }

    /// What the proxy answers, or nothing where it refuses.
    fn page(&self, path: &str) -> String {
        std::panic::catch_unwind(|| self.engine.page(self.port, path)).unwrap_or_default()
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        // Shared networks belong to no project, so that nothing else removes them.
        for container in self.stack.containers() {
            let id = container["Id"].as_str().unwrap_or_default();
            drop(self.engine.client("docker").args(["rm", "-f", id]).output());
        }
        drop(self.engine.client("docker").args(["network", "rm", &self.network()]).output());
    }
}

const RULE: &str = "traefik.http.routers.web.rule=PathPrefix(`/`)";

#[test]
fn routes_come_from_the_labels_of_running_stacks() {
    let proxy = Proxy::new();
    proxy.start("").succeeds().says("started the reverse proxy (traefik:v3.7.15)").says("no running stack");
    assert!(proxy.page("/").is_empty(), "something is routed before there is anything");
    let shop = proxy.engine.stack("shop");
    let name = proxy.web(&shop, &["traefik.enable=true", RULE]);
    let before = proxy.container()["Id"].clone();
    let output = proxy.start("").succeeds().says("runs already");
    output.prints(&format!("{}/web  PathPrefix(`/`)", shop.name()));
    proxy.answers("/", &name);
    assert_eq!(proxy.container()["Id"], before, "it was made anew for new routes");
    // A container that comes back has another address, and the same name.
    proxy.engine.docker(&format!("rm -f {name}"));
    proxy.web(&shop, &["traefik.enable=true", RULE]);
    proxy.answers("/", &name);
    let document = proxy.start("--json").succeeds().json();
    assert_eq!((&document["state"], &document["routes"][0]["rule"]), (&"running".into(), &"PathPrefix(`/`)".into()));
    // Somebody with other settings does not take it from those who are reached through it.
    proxy.project.write(".env", "SSL=true\n");
    proxy.start("").ends(5).says("1 route leads through it").says("--yes");
    assert_eq!(proxy.container()["Id"], before);
    proxy.answers("/", &name);
    proxy.project.write(".env", "SSL=maybe\n");
    proxy.start("").ends(2).says("`SSL` is `maybe`");
}

#[test]
fn the_container_has_neither_socket_nor_dashboard_and_can_only_read_its_routes() {
    let proxy = Proxy::new();
    proxy.start("").succeeds();
    let container = proxy.container();
    let mounts = container["Mounts"].as_array().unwrap();
    assert!(mounts.len() == 1 && mounts[0]["RW"] == false && mounts[0]["Destination"] == "/etc/traefik/dynamic", "{mounts:?}");
    assert!(!container["Args"].to_string().contains("--api"), "{}", container["Args"]);
    assert_eq!((&container["HostConfig"]["ReadonlyRootfs"], &container["HostConfig"]["Privileged"]), (&true.into(), &false.into()));
    assert_eq!(container["HostConfig"]["RestartPolicy"]["Name"], "unless-stopped");
    assert_eq!(container["Config"]["Labels"]["host.reverse-proxy"], "true");
    let names: Vec<String> = std::fs::read_dir(proxy.project.path("var/reverse-proxy"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.len() == 2 && names.contains(&"routes.yml".to_owned()), "{names:?}");
}

#[test]
fn it_is_left_alone_until_its_configuration_changes() {
    let proxy = Proxy::new();
    proxy.start("").succeeds();
    let first = proxy.container()["Id"].clone();
    proxy.start("").succeeds().says("runs already");
    assert_eq!(proxy.container()["Id"], first);
    proxy.engine.docker(&format!("stop {}", first.as_str().unwrap()));
    proxy.start("").succeeds().says("started the reverse proxy");
    assert_eq!(proxy.container()["Id"], first, "a stopped one is started again");
    let toml = proxy.project.read("host.toml");
    proxy.project.write(
        "host.toml",
        toml.replace("config.http-port", "config.cert-resolver = \"le\"\nconfig.acme-email = \"a@b.example\"\nconfig.http-port"),
    );
    proxy.start("").succeeds().says("runs already");
    proxy.project.write(".env", "SSL=true\n");
    proxy.start("").succeeds().says("anew");
    let second = proxy.container();
    assert_ne!(second["Id"], first);
    assert!(second["Args"].to_string().contains("--certificatesresolvers.le.acme.email=a@b.example"), "{}", second["Args"]);
    assert_eq!(proxy.stack.volumes().len(), 1);
    proxy.stop("").succeeds();
    assert_eq!(proxy.stack.volumes().len(), 1, "certificates are kept");
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it() {
    let proxy = Proxy::new();
    let holder = proxy.engine.take_port(proxy.port);
    // Where the engine runs it is told before anything is made; from afar the engine itself says it.
    let run = proxy.start("");
    let output = run.start_as(proxy.engine.through(&run)).wait().ended(3);
    output.says(&format!("port {} by another program", proxy.port)).says("config.http-port");
    assert_eq!(proxy.stack.containers().len(), 0);
    run.ends(3).says("address already in use").says("config.http-port");
    drop(holder);
    run.succeeds().says("started the reverse proxy");
}

#[test]
fn it_is_not_stopped_under_the_stacks_that_need_it() {
    let proxy = Proxy::new();
    proxy.stop("").succeeds().says("does not run");
    proxy.start("").succeeds();
    let shop = proxy.engine.stack("shop");
    proxy.web(&shop, &["traefik.enable=true", RULE]);
    proxy.stop("").ends(5).says(&format!("1 stack is reached through the reverse proxy: {}", shop.name())).says("--force");
    assert_eq!(proxy.container()["State"]["Running"], true);
    proxy.stop("--force").succeeds().says("stopped the reverse proxy").says(&format!("not reachable any more: {}", shop.name()));
    assert_eq!(proxy.stack.containers().len(), 0);
    assert!(proxy.engine.docker("network ls").contains(&proxy.network()), "the network went too");
    proxy.stop("").succeeds().says("does not run");
}

#[test]
fn on_a_terminal_it_stays_until_it_is_interrupted() {
    let proxy = Proxy::new();
    let started = proxy.start("--terminal").start();
    let is_healthy = |container: &Value| container["Status"].as_str().unwrap_or_default().contains("(healthy)");
    until("it is healthy", || proxy.stack.containers().iter().any(is_healthy));
    proxy.start("--refresh").succeeds();
    signal("INT", started.id());
    started.wait().ended(0);
    assert_eq!(proxy.container()["State"]["Running"], false);
    proxy.start("").succeeds().says("anew");
}

#[test]
fn routes_are_written_alone_and_it_says_when_nobody_reads_them() {
    let proxy = Proxy::new();
    proxy.start("--refresh").ends(3).says("does not run");
    assert!(proxy.project.read("var/reverse-proxy/routes.yml").contains("start_reverse_proxy"));
    proxy.start("").succeeds();
    proxy.start("--refresh").succeeds();
}

#[test]
fn what_a_label_says_in_vain_is_told() {
    let proxy = Proxy::new();
    proxy.start("").succeeds();
    let shop = proxy.engine.stack("shop");
    proxy.web(
        &shop,
        &["traefik.enable=true", RULE, "traefik.http.middlewares.x.plugin.y.z=1", "traefik.http.routers.web.entrypoints=https"],
    );
    let output = proxy.start("").succeeds().says("`traefik.http.middlewares.x.plugin.y.z` is not supported: middleware `x` is left out");
    output.says("router `web` listens at `https`; the proxy has web");
}

#[test]
fn the_engines_socket_needs_a_grant_of_its_own() {
    let proxy = Proxy::with("config.provider = \"docker\"");
    proxy.start("").ends(4).says("engine-socket");
    assert_eq!(proxy.stack.containers().len(), 0);
}

#[test]
fn without_its_grants_it_does_not_start() {
    let project = Project::new(&format!("[docker]\nendpoint = \"{}\"\n", shared_docker().host()));
    let project = project.command("start_reverse_proxy").command("stop_reverse_proxy");
    project.run("start_reverse_proxy").ends(4).says("docker.project = \"reverse_proxy\"").says("docker.networks = [\"reverse-proxy\"]");
    project.run("stop_reverse_proxy").ends(4).says("docker.allow");
}

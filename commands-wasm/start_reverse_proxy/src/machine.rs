//! The engine's side: the network, the container, and what is in its way.

use std::collections::BTreeSet;
use std::time::Duration;

use host_sdk::docker::create::{Ground, Spec};
use host_sdk::docker::inspect::{self, Container, Health, Status, Until};
use host_sdk::docker::logs::{self, Options};
use host_sdk::docker::{DockerError, Jobs, create, exec, network, project, pull, remove, start_stop, volume};
use host_sdk::{Ending, Error, Host, Result, detail, talk};
use proxy::settings::Settings;
use proxy::spec::{self, is_proxy, is_same};

use crate::report::Done;

/// Longest that Traefik may take until it answers its own check.
const READY: Duration = Duration::from_secs(60);
const OTHER_PORTS: &str = "stop that, or choose other ports: `config.http-port = \"8080\"`, `config.https-port`";
/// Lines of the log that are shown when it does not start.
const LOG_LINES: u32 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    Stopped,
    Running,
}

pub(crate) struct Machine<'a> {
    settings: &'a Settings,
    proxies: Vec<Container>,
    has_network: bool,
}

impl<'a> Machine<'a> {
    pub(crate) fn look(settings: &'a Settings) -> Result<Self> {
        let proxies = inspect::containers()?.into_iter().filter(|one| is_proxy(&one.labels)).collect();
        let has_network = inspect::networks()?.iter().any(|network| network.name == settings.network);
        Ok(Self { settings, proxies, has_network })
    }

    pub(crate) fn state(&self) -> State {
        match self.proxies.as_slice() {
            [] => State::Absent,
            proxies if proxies.iter().any(|one| one.status == Status::Running) => State::Running,
            _ => State::Stopped,
        }
    }

    /// It belongs to no project, so that no `down` takes it from the others.
    pub(crate) fn make_network(&self) -> Result<()> {
        if !self.has_network {
            let name = self.settings.network.clone();
            let spec = network::Spec {
                key: name.clone(),
                name,
                driver: "bridge".to_owned(),
                attachable: true,
                shared: true,
                ..Default::default()
            };
            network::create(&spec)?.wait()?;
        }
        Ok(())
    }

    /// `port 80, 443`
    fn published(&self) -> String {
        let ports: BTreeSet<u16> =
            self.proxies.iter().flat_map(|one| &one.ports).map(|binding| binding.host_port).filter(|port| *port > 0).collect();
        format!("port {}", ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", "))
    }

    /// Until it runs as the spec says. So many routes lead through it.
    pub(crate) fn converge(&self, spec: &Spec, routed: usize, host: &Host) -> Result<Done> {
        if let [one] = self.proxies.as_slice()
            && is_same(&one.labels, spec)
        {
            if one.status == Status::Running && one.health != Health::Unhealthy {
                return Ok(Done::Running);
            }
            self.check_ports()?;
            start(&one.id)?;
            return Ok(Done::Started);
        }
        let container = self.prepare(spec, routed, host)?;
        start(&container)?;
        Ok(if self.proxies.is_empty() { Done::Started } else { Done::Recreated })
    }

    /// A new container in place of whatever is there, not started. What can be refused is refused before the old one goes.
    pub(crate) fn prepare(&self, spec: &Spec, routed: usize, host: &Host) -> Result<String> {
        create::check(std::slice::from_ref(spec), &Ground::default())?.require("the proxy's container")?;
        if routed > 0 && self.state() == State::Running {
            // It may have been started from another folder, by somebody else, with certificates.
            let routes = if routed == 1 { "route leads" } else { "routes lead" };
            talk!("the reverse proxy runs with other settings, on {}; {routed} {routes} through it", self.published());
            host.require_yes("start it anew with the settings of this folder, for all stacks of this machine?")?;
        }
        self.check_ports()?;
        self.pull(host)?;
        if self.settings.tls && !inspect::volumes()?.iter().any(|volume| volume.name == spec::volume_name(&project())) {
            let (name, key) = (spec::volume_name(&project()), spec::VOLUME.to_owned());
            volume::create(&volume::Spec { name, key, ..Default::default() })?.wait()?;
        }
        for old in &self.proxies {
            start_stop::stop(&old.id, None)?.wait()?;
            remove::container(&old.id, true, false)?.wait()?;
        }
        create::create(spec)?.wait()
    }

    fn pull(&self, host: &Host) -> Result<()> {
        let image = &self.settings.image;
        if !inspect::images(&[image])?.contains(&None) {
            return Ok(());
        }
        let bar = host.progress(&format!("pulling {image}"), 0);
        let pulled = pull::pull(image, "")?.wait_with(|event| bar.message(&format!("{} {}", event.id, event.text)));
        pulled.map(drop).map_err(|error| error.context(format!("failed to pull `{image}`")))
    }

    /// What holds a port that is needed, other than the proxy that goes.
    fn check_ports(&self) -> Result<()> {
        let own: Vec<String> = self.proxies.iter().map(|one| format!("container {}", one.name)).collect();
        let holders = inspect::port_holders(&self.settings.ports())?;
        let foreign: Vec<String> = holders
            .iter()
            .filter(|holder| holder.protocol == "tcp" && !own.contains(&holder.who))
            .map(|holder| format!("port {} by {}", holder.port, holder.who))
            .collect();
        if foreign.is_empty() {
            return Ok(());
        }
        let message = format!("what the reverse proxy listens on is held already: {}", foreign.join(", "));
        Err(Error::new(Ending::NotMet, message).hint(OTHER_PORTS))
    }
}

/// Starts it and waits until it answers.
fn start(container: &str) -> Result<()> {
    start_stop::start(container)?.wait().map_err(port_taken)?;
    let mut watch = Jobs::default();
    watch.add((), inspect::watch(container, Until::Healthy)?);
    for over in watch.next(READY, |(), _| {})? {
        over.outcome?;
    }
    let details = inspect::container_details(container)?;
    let found = &details.container;
    if found.status == Status::Running && matches!(found.health, Health::Healthy | Health::None) {
        return Ok(());
    }
    let lines = logs::read(container, &Options::tail(LOG_LINES)).unwrap_or_default();
    let said: Vec<String> = lines.iter().map(|line| format!("  {}", line.text)).collect();
    let probe = details.probes.last().map(|probe| format!("; its check said: {}", probe.output.trim())).unwrap_or_default();
    let message = format!("the reverse proxy does not get ready: {}{probe}\n{}", found.status_text, said.join("\n"));
    Err(Error::failed(message.trim_end().to_owned()))
}

/// The engine knows of ports that cannot be seen from here: it may run on another machine, and somebody may have been quicker.
fn port_taken(error: Error) -> Error {
    let taken = |message: &str| ["address already in use", "port is already allocated"].iter().any(|words| message.contains(words));
    match error.docker() {
        Some(DockerError::EngineFailed(answer)) if taken(&answer.message) => {
            let message = format!("what the reverse proxy listens on is held already: {}", answer.message);
            Error::new(Ending::NotMet, message).hint(OTHER_PORTS)
        }
        _ => error,
    }
}

/// Joined to our streams until it ends. Ctrl-C and a stop from elsewhere are how it is meant to.
pub(crate) fn attach(container: &str) -> Result<Ending> {
    let code = exec::attach_start(container)?;
    detail!("the reverse proxy ended with {code}");
    // 2 is how a program in Go ends when Ctrl-C comes before it is ready for it.
    Ok(if matches!(code, 0 | 2 | 130 | 137 | 143) { Ending::Ok } else { Ending::Failed })
}

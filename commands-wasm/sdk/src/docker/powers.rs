//! The functions, by power. Names and bounds are those of `wit/docker`.

/// Power `inspect`.
pub mod inspect {
    pub use crate::bindings::host::docker::inspect::{
        Binding, Container, Details, Endpoint, Engine, Health, Holder, Image, Network, Probe, Status, Until, Volume,
    };

    use crate::bindings::host::docker::inspect as raw;
    use crate::docker::Job;
    use crate::error::Result;

    pub fn engine_version() -> Result<Engine> {
        Ok(raw::engine_version()?)
    }

    /// All of the project, running or not, in one call of the engine.
    pub fn containers() -> Result<Vec<Container>> {
        Ok(raw::containers()?)
    }

    /// One of them by name or id.
    pub fn container_details(name: &str) -> Result<Details> {
        Ok(raw::container_details(name)?)
    }

    /// The project's, and those that were granted by name.
    pub fn networks() -> Result<Vec<Network>> {
        Ok(raw::networks()?)
    }

    /// How many running containers that are not the project's are on a network of the project.
    pub fn strangers(network: &str) -> Result<u32> {
        Ok(raw::strangers(network)?)
    }

    /// The project's, and those that were granted by name.
    pub fn volumes() -> Result<Vec<Volume>> {
        Ok(raw::volumes()?)
    }

    /// In the order asked, none where the engine has no such image.
    pub fn images<R: AsRef<str>>(references: &[R]) -> Result<Vec<Option<Image>>> {
        let references: Vec<String> = references.iter().map(|reference| reference.as_ref().to_owned()).collect();
        Ok(raw::images(&references)?)
    }

    /// Those that were built for this project.
    pub fn own_images() -> Result<Vec<Image>> {
        Ok(raw::own_images()?)
    }

    /// Over when the container is as far, or will not get there.
    pub fn watch(name: &str, until: Until) -> Result<Job> {
        Ok(raw::watch(name, until)?.into())
    }

    /// Of these ports, those that something holds.
    pub fn port_holders(ports: &[u16]) -> Result<Vec<Holder>> {
        Ok(raw::port_holders(ports)?)
    }
}

/// Power `logs`.
pub mod logs {
    pub use crate::bindings::host::docker::logs::{Line, Options};

    use crate::bindings::host::docker::logs as raw;
    use crate::docker::Job;
    use crate::error::Result;

    /// Oldest first.
    pub fn read(container: &str, options: &Options) -> Result<Vec<Line>> {
        Ok(raw::read(container, options)?)
    }

    /// As events, until the container ends or the job is dropped.
    pub fn follow(container: &str, options: &Options) -> Result<Job> {
        Ok(raw::follow(container, options)?.into())
    }

    impl Options {
        /// The last lines.
        pub fn tail(lines: u32) -> Self {
            Self { since: String::new(), tail: lines, timestamps: false }
        }
    }
}

/// Power `shared`: what is attached to a network that was granted by name.
pub mod shared {
    pub use crate::bindings::host::docker::shared::Neighbour;

    use crate::bindings::host::docker::shared as raw;
    use crate::error::Result;

    pub fn neighbours(network: &str) -> Result<Vec<Neighbour>> {
        Ok(raw::neighbours(network)?)
    }
}

/// Power `start-stop`.
pub mod start_stop {
    use std::time::Duration;

    use crate::bindings::host::docker::start_stop as raw;
    use crate::docker::Job;
    use crate::error::Result;

    /// Started already is fine.
    pub fn start(container: &str) -> Result<Job> {
        Ok(raw::start(container)?.into())
    }

    /// Killed after the time, its own when none is given. Stopped already is fine.
    pub fn stop(container: &str, timeout: Option<Duration>) -> Result<Job> {
        Ok(raw::stop(container, timeout.map(seconds))?.into())
    }

    pub fn restart(container: &str, timeout: Option<Duration>) -> Result<Job> {
        Ok(raw::restart(container, timeout.map(seconds))?.into())
    }

    /// `SIGTERM`, `SIGHUP`, ...
    pub fn signal(container: &str, signal: &str) -> Result<Job> {
        Ok(raw::signal(container, signal)?.into())
    }

    /// The engine counts whole seconds: a part of one is one.
    fn seconds(span: Duration) -> u32 {
        let whole = u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        if span.subsec_nanos() > 0 { whole.saturating_add(1) } else { whole }
    }
}

/// Power `create`.
pub mod create {
    pub use crate::bindings::host::docker::create::{
        Attachment, Denial, Device, DeviceRequest, Exposed, External, File, Ground, Healthcheck, Limit, LogDriver, Mount, MountKind,
        Namespaces, Published, Resources, Restart, RestartMode, Security, Spec, Variable, Verdict,
    };

    use crate::bindings::host::docker::create as raw;
    use crate::docker::Job;
    use crate::error::Result;

    /// What of these would be refused; the engine is not asked.
    pub fn check(specs: &[Spec], ground: &Ground) -> Result<Verdict> {
        Ok(raw::check(specs, ground)?)
    }

    /// SHA-256 of pieces of JSON, every second one a path of the project: its absolute folder is hashed before it.
    pub fn hashes(texts: &[Vec<String>]) -> Result<Vec<String>> {
        Ok(raw::hashes(texts)?)
    }

    /// The outcome is the container's id.
    pub fn create(spec: &Spec) -> Result<Job> {
        Ok(raw::create(spec)?.into())
    }

    pub fn rename(container: &str, name: &str) -> Result<()> {
        Ok(raw::rename(container, name)?)
    }

    /// What a secret can be compared by, with a key that no guest sees.
    pub fn digest(name: &str, content: &[u8]) -> Result<String> {
        Ok(raw::digest(name, content)?)
    }
}

/// Power `remove`.
pub mod remove {
    use crate::bindings::host::docker::remove as raw;
    use crate::docker::Job;
    use crate::error::Result;

    /// Gone already is fine. `force` kills it; `volumes` removes its anonymous ones.
    pub fn container(container: &str, force: bool, volumes: bool) -> Result<Job> {
        Ok(raw::container(container, force, volumes)?.into())
    }

    /// One that was built for this project.
    pub fn image(reference: &str) -> Result<Job> {
        Ok(raw::image(reference)?.into())
    }
}

/// Power `network`.
pub mod network {
    pub use crate::bindings::host::docker::network::Spec;
    pub use crate::bindings::host::docker::types::NetworkPool as Pool;

    use crate::bindings::host::docker::network as raw;
    use crate::docker::{Job, create::Attachment};
    use crate::error::Result;

    /// The outcome is its id.
    pub fn create(spec: &Spec) -> Result<Job> {
        Ok(raw::create(spec)?.into())
    }

    pub fn connect(container: &str, attachment: &Attachment) -> Result<()> {
        Ok(raw::connect(container, attachment)?)
    }

    pub fn disconnect(container: &str, network: &str, force: bool) -> Result<()> {
        Ok(raw::disconnect(container, network, force)?)
    }

    /// Gone already is fine.
    pub fn remove(name: &str) -> Result<Job> {
        Ok(raw::remove(name)?.into())
    }
}

/// Power `volume`.
pub mod volume {
    pub use crate::bindings::host::docker::volume::Spec;

    use crate::bindings::host::docker::volume as raw;
    use crate::docker::Job;
    use crate::error::Result;

    /// One that is there already stays as it is.
    pub fn create(spec: &Spec) -> Result<Job> {
        Ok(raw::create(spec)?.into())
    }

    /// In the order asked: none where there is no such volume, otherwise the keys in which the one that is there differs.
    pub fn compare(specs: &[Spec]) -> Result<Vec<Option<Vec<String>>>> {
        Ok(raw::compare(specs)?)
    }

    /// Gone already is fine.
    pub fn remove(name: &str) -> Result<Job> {
        Ok(raw::remove(name)?.into())
    }
}

/// Power `pull`.
pub mod pull {
    use crate::bindings::host::docker::pull as raw;
    use crate::docker::Job;
    use crate::error::Result;

    /// The outcome is the image's id. An empty platform is the engine's own.
    pub fn pull(reference: &str, platform: &str) -> Result<Job> {
        Ok(raw::pull(reference, platform)?.into())
    }
}

/// Power `build`.
pub mod build {
    pub use crate::bindings::host::docker::build::{Secret, Spec};

    use crate::bindings::host::docker::build as raw;
    use crate::docker::Job;
    use crate::docker::create::{Denial, Verdict};
    use crate::error::Result;

    /// What of these would be refused, before anything is fetched.
    pub fn check(specs: &[Spec]) -> Result<Verdict> {
        let raw::Verdict { denials, lines } = raw::check(specs)?;
        let same = |raw::Denial { subject, field, thing }| Denial { subject, field, thing };
        Ok(Verdict { denials: denials.into_iter().map(same).collect(), lines })
    }

    /// The outcome is the image's id; its events are the steps and what they print.
    pub fn build(spec: &Spec) -> Result<Job> {
        Ok(raw::build(spec)?.into())
    }
}

/// Power `exec`.
pub mod exec {
    pub use crate::bindings::host::docker::exec::{Bounds, Captured, Process};

    use crate::bindings::host::docker::exec as raw;
    use crate::error::Result;
    use crate::output;

    /// Runs in a running container, joined to our standard streams; the answer is its exit code.
    pub fn attach(container: &str, process: &Process) -> Result<i32> {
        output::flush();
        Ok(raw::attach(container, process)?)
    }

    /// The same without our streams.
    pub fn capture(container: &str, process: &Process, stdin: &[u8], bounds: Bounds) -> Result<Captured> {
        Ok(raw::capture(container, process, stdin, bounds)?)
    }

    /// Starts a created container joined to our streams, and waits for its end.
    pub fn attach_start(container: &str) -> Result<i32> {
        output::flush();
        Ok(raw::attach_start(container)?)
    }

    pub fn capture_start(container: &str, stdin: &[u8], bounds: Bounds) -> Result<Captured> {
        Ok(raw::capture_start(container, stdin, bounds)?)
    }

    impl Process {
        /// The program and its arguments, without a terminal.
        pub fn of<A: Into<String>>(args: impl IntoIterator<Item = A>) -> Self {
            Self { args: args.into_iter().map(Into::into).collect(), ..Self::default() }
        }
    }
}

//! A container for one command, made as its service says and gone when the command ends.

use std::time::Duration;

use host_sdk::docker::create::{self, Ground, Healthcheck, Mount, MountKind, Namespaces, Restart, Spec};
use host_sdk::docker::inspect;
use host_sdk::docker::{exec, pair, remove};
use host_sdk::{Ending, Error, Result};

use crate::labels;
use crate::project::{ProjectArgs, told};
use crate::spec::{Selection, Wanted, WantedNetwork, WantedService};

/// What of the service the container shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Its networks and its mounts, as they are.
    All,
    /// No network, and whatever of the project or of a volume is mounted can only be read.
    Nothing,
}

/// The service of the compose files, and what there is of what it needs.
#[derive(Debug)]
pub struct OneOff {
    wanted: Wanted,
    service: WantedService,
}

impl OneOff {
    /// Reads the compose files.
    ///
    /// # Errors
    /// When they cannot be understood, or have no such service.
    pub fn of(service: &str) -> Result<Self> {
        let services = [service.to_owned()];
        let project = ProjectArgs::default().load(&services)?;
        let selection = Selection { services: &services, alone: true, ..Selection::default() };
        let wanted = Wanted::of(&project, &selection).map_err(told)?;
        let found = wanted.services.get(service).cloned();
        let service = found.ok_or_else(|| Error::usage(format!("the compose files have no service `{service}`")))?;
        Ok(Self { wanted, service })
    }

    /// The container that runs `line`, to be told apart by `id`. With `entrypoint` the image's own program is asked to
    /// run it, otherwise it is run by itself.
    pub fn spec(&self, line: Vec<String>, id: &str, entrypoint: bool, reach: Reach) -> Spec {
        let (project, name) = (&self.wanted.project, &self.service.name);
        let mut spec = self.service.spec.clone();
        spec.name = format!("{project}-{name}-run-{id}");
        spec.number = 1;
        spec.one_off = true;
        spec.labels.push(pair(labels::CONFIG_HASH, self.service.config_hash()));
        spec.command = Some(line);
        if !entrypoint {
            spec.entrypoint = Some(Vec::new());
        }
        // Its service has these: a second one could not be started beside it.
        spec.published = Vec::new();
        spec.hostname = String::new();
        for attachment in &mut spec.attachments {
            attachment.aliases = Vec::new();
            attachment.ipv4_address = String::new();
            attachment.ipv6_address = String::new();
            attachment.mac_address = String::new();
        }
        spec.restart = Restart::default();
        spec.healthcheck = Some(Healthcheck { test: vec!["NONE".to_owned()], ..Healthcheck::default() });
        // Also when we are killed before its end.
        spec.auto_remove = true;
        if reach == Reach::Nothing {
            confine(&mut spec);
        }
        spec
    }

    /// What must be granted, all of it at once, and what must be there before the container can be made. `who` asks for
    /// it.
    ///
    /// # Errors
    /// Exit code 4 with the lines that are missing; 3 with what brings the thing that is.
    pub fn require(&self, spec: &Spec, who: &str) -> Result<()> {
        create::check(std::slice::from_ref(spec), &self.externals(spec))?.require(who)?;
        if inspect::images(&[&spec.image])?.contains(&None) {
            let way = if self.service.build.is_some() { "build" } else { "up" };
            return Err(missing(format!("the image `{}` is not there", spec.image)).hint(format!("host run {way} {}", self.service.name)));
        }
        let networks: Vec<&str> =
            if spec.attachments.is_empty() { Vec::new() } else { self.wanted.networks.values().map(WantedNetwork::name).collect() };
        let own = |mount: &&Mount| mount.kind == MountKind::Volume && !mount.source.is_empty();
        let volumes: Vec<&str> = spec.mounts.iter().filter(own).map(|mount| mount.source.as_str()).collect();
        let up = || format!("host run up {}", self.service.name);
        if !networks.is_empty() {
            let there = inspect::networks()?;
            if let Some(name) = networks.iter().find(|name| there.iter().all(|network| network.name != **name)) {
                return Err(missing(format!("the network `{name}` is not there")).hint(up()));
            }
        }
        // The engine would make it without a word, and without the labels by which it is known later.
        if !volumes.is_empty() {
            let there = inspect::volumes()?;
            if let Some(name) = volumes.iter().find(|name| there.iter().all(|volume| volume.name != **name)) {
                return Err(missing(format!("the volume `{name}` is not there")).hint(up()));
            }
        }
        Ok(())
    }

    /// What this container uses of what is not the project's. The project's own networks and volumes are not made here.
    fn externals(&self, spec: &Spec) -> Ground {
        let mut ground = self.wanted.ground();
        ground.networks.clear();
        ground.volumes.clear();
        if spec.attachments.is_empty() {
            ground.external_networks.clear();
        }
        let mounts = |name: &str| spec.mounts.iter().any(|mount| mount.kind == MountKind::Volume && mount.source == name);
        ground.external_volumes.retain(|volume| mounts(&volume.name));
        ground
    }

    /// Volumes of the project that are not there yet are left out: whoever only reads does not need them.
    pub fn without_missing_volumes(&self, spec: &mut Spec) -> Result<()> {
        let own = |mount: &Mount| mount.kind == MountKind::Volume && !mount.source.is_empty();
        if spec.mounts.iter().any(own) {
            let there = inspect::volumes()?;
            spec.mounts.retain(|mount| !own(mount) || there.iter().any(|volume| volume.name == mount.source));
        }
        Ok(())
    }
}

fn missing(text: String) -> Error {
    Error::new(Ending::NotMet, text)
}

fn confine(spec: &mut Spec) {
    spec.network_mode = "none".to_owned();
    spec.attachments = Vec::new();
    spec.links = Vec::new();
    spec.extra_hosts = Vec::new();
    (spec.dns, spec.dns_search, spec.dns_options) = (Vec::new(), Vec::new(), Vec::new());
    for mount in &mut spec.mounts {
        let shared = match mount.kind {
            MountKind::Bind => true,
            MountKind::Volume => !mount.source.is_empty(),
            MountKind::Tmpfs => false,
        };
        mount.read_only |= shared;
        mount.create_source &= !shared;
    }
    // Those are other containers', which may not be there.
    spec.volumes_from = Vec::new();
    spec.namespaces = Namespaces::default();
}

/// Looks at whether the engine has removed a container, and the time between two of them: five seconds in all.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// A created container, removed when it is dropped, whatever happened to it.
#[derive(Debug)]
pub struct Guard {
    id: String,
}

impl Guard {
    pub fn create(spec: &Spec) -> Result<Self> {
        Ok(Self { id: create::create(spec)?.wait()? })
    }

    /// Joined to our streams until it ends: its exit code.
    pub fn attach(&self) -> Result<i32> {
        exec::attach_start(&self.id)
    }

    /// The same, with what it prints.
    pub fn capture(&self, bounds: exec::Bounds) -> Result<exec::Captured> {
        exec::capture_start(&self.id, &[], bounds)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let removed = remove::container(&self.id, true, true).and_then(|job| job.wait());
        // The engine removes it by itself once it ends, and may be about to: nothing is left behind once it is gone.
        // After the run's end nothing is asked any more, and the engine's own removal is what is left.
        for _ in 0..ATTEMPTS {
            if removed.is_err() || inspect::container_details(&self.id).is_err() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    const FILE: &str = "services:\n  web:\n    image: web\n    entrypoint: [serve]\n    hostname: web\n    ports: [\"80:80\"]\n    restart: always\n    \
                        depends_on: [db]\n    volumes: [./src:/app, data:/data, /app/cache]\n    networks: [front]\n  db: {image: db}\n\
                        networks: {front: {}}\nvolumes: {data: {}}\n";

    fn one_off() -> OneOff {
        let wanted = fixture::wanted(FILE);
        let service = wanted.services["web"].clone();
        OneOff { wanted, service }
    }

    fn line() -> Vec<String> {
        ["check", "."].map(str::to_owned).to_vec()
    }

    #[test]
    fn it_is_the_service_without_what_only_one_container_can_have() {
        let spec = one_off().spec(line(), "1f2e", true, Reach::All);
        assert_eq!((spec.name.as_str(), spec.one_off, spec.auto_remove), ("shop-web-run-1f2e", true, true));
        assert_eq!((spec.published.len(), spec.hostname.as_str(), spec.restart.mode), (0, "", create::RestartMode::No));
        assert_eq!((spec.entrypoint.as_deref(), spec.command), (Some(&["serve".to_owned()][..]), Some(line())));
        assert!(spec.attachments.len() == 1 && spec.attachments[0].aliases.is_empty(), "{:?}", spec.attachments);
        assert!(spec.mounts.iter().all(|mount| !mount.read_only));
    }

    #[test]
    fn only_what_it_uses_of_others_must_be_granted() {
        let file = "services: {web: {image: web, networks: [front, proxy], volumes: ['theirs:/theirs', 'data:/data']}}\n\
                    networks: {front: {}, proxy: {external: true}}\nvolumes: {data: {}, theirs: {external: true}}\n";
        let wanted = fixture::wanted(file);
        let one_off = OneOff { service: wanted.services["web"].clone(), wanted };
        let names = |reach| {
            let ground = one_off.externals(&one_off.spec(line(), "1f2e", true, reach));
            assert!(ground.networks.is_empty() && ground.volumes.is_empty());
            let externals = ground.external_networks.into_iter().chain(ground.external_volumes);
            externals.map(|external| external.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Reach::All), ["proxy", "theirs"]);
        assert_eq!(names(Reach::Nothing), ["theirs"]);
    }

    #[test]
    fn confined_it_has_no_network_and_can_only_read() {
        let spec = one_off().spec(line(), "1f2e", false, Reach::Nothing);
        assert_eq!((spec.network_mode.as_str(), spec.attachments.len(), spec.entrypoint), ("none", 0, Some(Vec::new())));
        let writable: Vec<&str> = spec.mounts.iter().filter(|mount| !mount.read_only).map(|mount| mount.target.as_str()).collect();
        assert_eq!(writable, ["/app/cache"]);
    }
}

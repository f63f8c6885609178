//! Everything that a spec of a container can say, compared with the grant.
//!
//! The record is taken apart field by field, without `..`: a field that is added to it does not compile until somebody
//! decided here what it needs.

use std::path::PathBuf;

use super::image::Reference;
use super::lack::Lack;
use super::mount::{Place, World};
use super::security::of_container;
use super::{Invalid, Permit, labels, name, pairs};
use crate::capabilities::docker::create::{Exposed, File, Mount, MountKind, Spec};
use crate::capabilities::docker::limits;
use crate::capabilities::docker::types::Attachment;

/// What a spec lacks, and what was found out on the way.
#[derive(Debug)]
pub struct Checked {
    pub lacks: Vec<Lack>,
    pub image: Reference,
    /// For each mount where its source leads; none unless it is a path of the machine.
    pub sources: Vec<Option<PathBuf>>,
}

impl Permit {
    /// Compares one spec with the grant. Whose the containers, networks and volumes are that it names is looked up when
    /// it is made: the engine knows, and this does not ask it.
    pub fn spec(&self, spec: &Spec, world: &World<'_>) -> Result<Checked, Invalid> {
        let Spec {
            name,
            service,
            // The host's own words in labels.
            number: _,
            one_off: _,
            image,
            // An image of the same name for another processor.
            platform: _,
            labels: given,
            annotations,
            // Names in a label.
            config_files: _,
            // What runs inside, and as whom: it has what the container has, and no more.
            entrypoint: _,
            command: _,
            environment,
            working_dir: _,
            user: _,
            groups: _,
            // Inside of its own namespaces; where those are the machine's, the namespace is what needs the grant.
            hostname: _,
            domain_name: _,
            tty: _,
            stdin_open: _,
            init: _,
            // Less than everybody has.
            read_only: _,
            stop_signal: _,
            stop_timeout_s: _,
            // Programs in the container.
            healthcheck: _,
            // Told to its own networks only.
            exposed,
            published,
            mounts,
            volumes_from,
            anonymous_volumes_of: _,
            files,
            network_mode,
            attachments,
            links: _,
            // What names mean inside.
            extra_hosts: _,
            dns: _,
            dns_search: _,
            dns_options: _,
            restart: _,
            logging,
            resources,
            namespaces,
            security,
            auto_remove: _,
        } = spec;
        name::check("container", name)?;
        name::check("service", service)?;
        labels::check(given)?;
        for (field, pairs) in
            [("annotations", annotations), ("storage-options", &resources.storage_options), ("sysctls", &security.sysctls)]
        {
            pairs::each_once(field, pairs)?;
        }
        attachments.iter().try_for_each(|attachment| pairs::each_once("attachments", &attachment.driver_options))?;
        security.device_requests.iter().try_for_each(|request| pairs::each_once("device-requests", &request.options))?;
        let mut lacks = Vec::new();
        let image = Reference::new(image)?;
        lacks.extend(self.image("image", &image));
        for annotation in annotations {
            // Runtimes take orders from them.
            lacks.extend(self.option("annotations", "annotation", &annotation.name));
        }
        if let Some(variable) = environment.iter().find(|variable| variable.name.is_empty() || variable.name.contains(['=', '\0'])) {
            return Err(format!("`{}` is no name of a variable", variable.name.escape_debug()));
        }
        for Exposed { port: _, protocol } in exposed {
            if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
                return Err(format!("`{}` is no protocol of a port: `tcp`, `udp` or `sctp`", protocol.escape_debug()));
            }
        }
        for published in published {
            lacks.extend(self.published(published)?);
        }
        let sources = mounts.iter().map(|mount| self.mount(mount, world, &mut lacks)).collect::<Result<_, _>>()?;
        if volumes_from.iter().any(|from| from.is_empty()) {
            return Err("`volumes-from` without a name".to_owned());
        }
        files.iter().try_for_each(file)?;
        if let Some(logging) = logging {
            lacks.extend(self.logging(logging)?);
        }
        if resources.oom_score_adjust < 0 {
            // The machine's own programs would be killed before it.
            lacks.extend(self.option("oom-score-adjust", "oom-score-adjust", &resources.oom_score_adjust.to_string()));
        }
        let on_host_network = self.network_mode(network_mode, attachments, &mut lacks)?;
        for option in &resources.storage_options {
            if option.name != "size" {
                lacks.extend(self.option("storage-options", "storage-option", &option.name));
            }
        }
        lacks.extend(self.namespaces(namespaces)?);
        lacks.extend(self.security(security, on_host_network, world)?);
        Ok(Checked { lacks, image, sources })
    }

    fn mount(&self, mount: &Mount, world: &World<'_>, lacks: &mut Vec<Lack>) -> Result<Option<PathBuf>, Invalid> {
        let Mount {
            kind,
            source,
            target,
            read_only,
            // An empty folder where it is granted anyway.
            create_source: _,
            propagation,
            no_copy: _,
            subpath,
            tmpfs_size,
            tmpfs_mode,
            selinux,
        } = mount;
        if !target.starts_with('/') || target.chars().any(char::is_control) {
            return Err(format!("`{}` is no whole path in a container", target.escape_debug()));
        }
        if subpath.starts_with('/') || subpath.split('/').any(|part| part == "..") {
            return Err(format!("`{}` is no folder in a volume", subpath.escape_debug()));
        }
        match kind {
            MountKind::Bind => {
                if !matches!(selinux.as_str(), "" | "z" | "Z") {
                    return Err(format!("`{}` is no label for SELinux: `z` or `Z`", selinux.escape_debug()));
                }
                match propagation.as_str() {
                    "" | "private" | "rprivate" | "slave" | "rslave" => {}
                    // What the container mounts there would be mounted on the machine.
                    "shared" | "rshared" => lacks.extend(self.option("mounts", "propagation", propagation)),
                    _ => return Err(format!("`{}` is no propagation of a mount", propagation.escape_debug())),
                }
                let place = Place::new(source, world)?;
                // A label is written to each file there.
                lacks.extend(self.bind("mounts", &place, *read_only && selinux.is_empty(), world)?);
                Ok(Some(place.real))
            }
            MountKind::Volume if source.is_empty() => Ok(None),
            MountKind::Volume => name::check("volume", source).map(|()| None),
            MountKind::Tmpfs if source.is_empty() => Ok(None),
            MountKind::Tmpfs if *read_only || *tmpfs_size > 0 || *tmpfs_mode > 0 => {
                Err("a tmpfs has its options in its source, or beside it".to_owned())
            }
            MountKind::Tmpfs => tmpfs_options(source).map(|()| None),
        }
    }

    /// Whether the network will be the machine's own.
    fn network_mode(&self, mode: &str, attachments: &[Attachment], lacks: &mut Vec<Lack>) -> Result<bool, Invalid> {
        if let Some(attachment) = attachments.iter().find(|attachment| attachment.network.is_empty()) {
            return Err(format!("an attachment to no network: {:?}", attachment.aliases));
        }
        let attached_to_host = attachments.iter().any(|attachment| attachment.network == "host");
        let on_host = mode == "host" || attached_to_host;
        if on_host && !self.has_namespace("network") {
            lacks.push(Lack::namespace("network-mode", "network"));
        }
        match mode {
            "" | "none" | "host" => {}
            // Containers of all projects are on it.
            "bridge" if self.sees_network("bridge") => {}
            "bridge" => lacks.push(Lack::item("network-mode", "networks", "bridge")),
            // Whose container that is is looked up when this one is made.
            mode if of_container(mode).is_some() => {}
            mode => {
                let modes = "`none`, `host`, `bridge`, `service:NAME`, `container:NAME`";
                return Err(format!("`{}` is no network mode: {modes}, or attachments", mode.escape_debug()));
            }
        }
        if !mode.is_empty() && !attachments.is_empty() {
            return Err(format!("network mode `{mode}` and attachments exclude each other"));
        }
        Ok(on_host)
    }
}

/// A file lands inside of the container only: the engine resolves its path there.
fn file(file: &File) -> Result<(), Invalid> {
    let File { path, content, mode: _, uid: _, gid: _ } = file;
    let names = path.strip_prefix('/').unwrap_or_default();
    if names.split('/').any(|part| matches!(part, "" | "." | "..")) || path.chars().any(char::is_control) {
        return Err(format!("`{}` is no whole path of a file in a container", path.escape_debug()));
    }
    if content.len() > limits::FILE_BYTES {
        return Err(format!("`{path}` has {} bytes; at most {} are possible", content.len(), limits::FILE_BYTES));
    }
    Ok(())
}

/// None gives more than the container's own folders have.
fn tmpfs_options(options: &str) -> Result<(), Invalid> {
    let is_count = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_known = |option: &str| match option.split_once('=') {
        None => matches!(option, "rw" | "ro" | "exec" | "noexec" | "nosuid" | "nodev"),
        Some(("size", size)) => is_count(size.trim_end_matches(['k', 'm', 'g', 'K', 'M', 'G', '%'])),
        Some(("mode" | "uid" | "gid" | "nr_inodes", value)) => is_count(value),
        Some(_) => false,
    };
    match options.split(',').find(|option| !is_known(option)) {
        Some(option) => Err(format!("`{}` is no option of a tmpfs", option.escape_debug())),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "spec_tests.rs"]
pub(in crate::capabilities::docker) mod tests;

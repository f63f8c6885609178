//! `volumes` and `tmpfs`.

use compose::Error;
use compose::{self as model, Project, Service};
use host_sdk::docker::create::{Mount, MountKind};

use super::unsupported;

pub(super) fn mounts(project: &Project, service: &Service) -> Result<Vec<Mount>, Error> {
    let mut mounts = Vec::new();
    for mount in &service.volumes {
        mounts.push(one(project, service, mount)?);
    }
    for line in &service.tmpfs {
        mounts.push(tmpfs(service, line)?);
    }
    Ok(mounts)
}

/// A path of the project or of the machine; `~` is the caller's home.
pub(crate) fn path(project: &Project, source: &str) -> Result<String, String> {
    let Some(rest) = source.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return Ok(if source.starts_with('/') || source.starts_with("..") { source.to_owned() } else { format!("./{source}") });
    };
    match project.environment.get("HOME").filter(|home| home.starts_with('/')) {
        Some(home) => Ok(format!("{}{rest}", home.trim_end_matches('/'))),
        None => Err("`~` needs the variable HOME, and it is not set here".to_owned()),
    }
}

fn one(project: &Project, service: &Service, mount: &model::Mount) -> Result<Mount, Error> {
    let wrong = |why: &str| Error::new(why).at(&mount.place).key(format!("services.{}.volumes", service.name));
    let base = Mount { target: mount.target.clone(), read_only: mount.read_only, ..Default::default() };
    let source = mount.source.as_deref();
    if mount.recursive.as_deref().is_some_and(|how| how != "enabled") {
        return Err(wrong("`bind.recursive` is not supported"));
    }
    match mount.kind {
        model::MountKind::Bind => {
            let source = source.ok_or_else(|| wrong("a bind needs a source"))?;
            Ok(Mount {
                kind: MountKind::Bind,
                source: path(project, source).map_err(|why| wrong(&why))?,
                create_source: mount.create_host_path,
                propagation: mount.propagation.map(|propagation| propagation.as_str().to_owned()).unwrap_or_default(),
                selinux: mount.selinux.map(String::from).unwrap_or_default(),
                ..base
            })
        }
        model::MountKind::Volume => {
            // The engine's name of a volume of the project; its own for one without a name.
            let name = match source {
                None => String::new(),
                Some(key) => project.volumes.get(key).map(|volume| volume.name.clone()).ok_or_else(|| wrong("there is no such volume"))?,
            };
            let subpath = mount.subpath.clone().unwrap_or_default();
            Ok(Mount { kind: MountKind::Volume, source: name, no_copy: mount.nocopy, subpath, ..base })
        }
        model::MountKind::Tmpfs => {
            let tmpfs_size = mount.tmpfs_size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            Ok(Mount { kind: MountKind::Tmpfs, tmpfs_size, tmpfs_mode: mount.tmpfs_mode.unwrap_or_default(), ..base })
        }
        kind => Err(wrong(&format!("mounts of the kind `{}` are not supported", kind.as_str()))),
    }
}

/// `/run` or `/run:size=64m,mode=1770`: the engine reads the options.
fn tmpfs(service: &Service, line: &str) -> Result<Mount, Error> {
    let (target, options) = line.split_once(':').unwrap_or((line, ""));
    let is_known = |option: &str| match option.split_once('=') {
        Some((name, _)) => matches!(name, "size" | "mode" | "uid" | "gid" | "nr_inodes"),
        None => matches!(option, "rw" | "ro" | "exec" | "noexec" | "nosuid" | "nodev"),
    };
    let options: Vec<&str> = options.split(',').filter(|option| !option.is_empty()).collect();
    if let Some(option) = options.iter().find(|option| !is_known(option)) {
        let known = "`size`, `mode`, `uid`, `gid`, `nr_inodes`, `ro` and `exec` are";
        return Err(unsupported(service, "tmpfs", &format!("the option `{option}`; {known}")));
    }
    let source = if options.is_empty() { "rw".to_owned() } else { options.join(",") };
    Ok(Mount { kind: MountKind::Tmpfs, target: target.to_owned(), source, ..Default::default() })
}

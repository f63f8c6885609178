//! A service's `volumes:`, which are in their long form.

use super::Keys;
use super::resources::mode;
use crate::error::Error;
use crate::model::{Mount, MountKind, Propagation};
use crate::node::Node;

const KINDS: [(&str, MountKind); 6] = [
    ("bind", MountKind::Bind),
    ("volume", MountKind::Volume),
    ("tmpfs", MountKind::Tmpfs),
    ("image", MountKind::Image),
    ("npipe", MountKind::Npipe),
    ("cluster", MountKind::Cluster),
];
const PROPAGATIONS: [(&str, Propagation); 6] = [
    ("private", Propagation::Private),
    ("rprivate", Propagation::Rprivate),
    ("shared", Propagation::Shared),
    ("rshared", Propagation::Rshared),
    ("slave", Propagation::Slave),
    ("rslave", Propagation::Rslave),
];

pub(super) fn volumes(keys: &Keys<'_>) -> Result<Vec<Mount>, Error> {
    let path = keys.below("volumes");
    keys.list("volumes")?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let mount = mount(&keys, item)?;
            keys.finish()?;
            Ok(mount)
        })
        .collect()
}

fn mount(keys: &Keys<'_>, item: &Node) -> Result<Mount, Error> {
    let Some(kind) = keys.choice("type", &KINDS)? else {
        return Err(Error::new("`type` is missing").at(&item.place).key(&keys.path).hint("write type: bind, type: volume or type: tmpfs"));
    };
    let source = keys.text("source")?;
    let needs_source = matches!(kind, MountKind::Bind | MountKind::Image | MountKind::Npipe | MountKind::Cluster);
    if source.is_none() && needs_source {
        return Err(Error::new(format!("a mount of type {} needs a `source`", kind.as_str())).at(&item.place).key(&keys.path));
    }
    if source.is_some() && kind == MountKind::Tmpfs {
        return Err(keys.wrong("source", "a tmpfs has no source"));
    }
    let mut mount = Mount {
        kind,
        source,
        target: keys.required("target")?,
        read_only: keys.flag("read_only")?,
        consistency: keys.text("consistency")?,
        propagation: None,
        create_host_path: false,
        recursive: None,
        selinux: None,
        nocopy: false,
        subpath: None,
        labels: std::collections::BTreeMap::new(),
        tmpfs_size: None,
        tmpfs_mode: None,
        section: false,
        place: item.place.clone(),
    };
    // Compose lets it pass, and the engine refuses it: other services of the file may still run.
    if !mount.target.starts_with('/') && !mount.target.contains([':', '\\']) {
        keys.context.notes.warn(
            Some(&item.place),
            format!("`{}`: `{}` is not an absolute path in the container, the engine will refuse it", keys.path, mount.target),
        );
    }
    sections(keys, &mut mount)?;
    Ok(mount)
}

/// The options of each type; those of another type than the mount's have no effect, as with Compose.
fn sections(keys: &Keys<'_>, mount: &mut Mount) -> Result<(), Error> {
    let own = mount.kind.as_str();
    for section in ["bind", "volume", "tmpfs", "image"] {
        let Some(keys) = keys.sub(section)? else { continue };
        if section != own {
            keys.context.notes.warn(Some(&keys.place), format!("`{}` has no effect: the mount is of type {own}", keys.path));
        }
        match section {
            "bind" => {
                mount.propagation = keys.choice("propagation", &PROPAGATIONS)?;
                mount.create_host_path = keys.bool("create_host_path")?.unwrap_or(true);
                mount.recursive =
                    keys.choice("recursive", &["enabled", "disabled", "writable", "readonly"].map(|word| (word, word)))?.map(str::to_owned);
                mount.selinux = keys.choice("selinux", &[("z", 'z'), ("Z", 'Z')])?;
            }
            "volume" => {
                mount.nocopy = keys.flag("nocopy")?;
                mount.subpath = keys.text("subpath")?;
                mount.labels = keys.options("labels")?;
            }
            "tmpfs" => {
                mount.tmpfs_size = keys.bytes("size")?;
                mount.tmpfs_mode = mode(&keys, "mode")?;
            }
            _ => mount.subpath = keys.text("subpath")?,
        }
        mount.section |= section == own;
        keys.finish()?;
    }
    Ok(())
}

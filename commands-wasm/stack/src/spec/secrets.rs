//! `secrets` and `configs`: a file of the machine is mounted read-only, text is put into the container.

use compose::Error;
use compose::{Project, Reference, Service};
use host_sdk::docker::create::{File, Mount, MountKind};

use super::mounts;

/// As Compose gives them.
const MODE: u32 = 0o444;

pub(super) fn secrets_and_configs(project: &Project, service: &Service) -> Result<(Vec<Mount>, Vec<File>), Error> {
    let (mut mounted, mut files) = (Vec::new(), Vec::new());
    for reference in &service.secrets {
        let secret = project.secrets.get(&reference.source);
        let source = secret.map(|secret| (secret.external, secret.file.as_deref(), secret.content.as_deref()));
        put(project, service, "secrets", reference, reference.secret_target(), source, (&mut mounted, &mut files))?;
    }
    for reference in &service.configs {
        let config = project.configs.get(&reference.source);
        let source = config.map(|config| (config.external, config.file.as_deref(), config.content.as_deref()));
        put(project, service, "configs", reference, reference.config_target(), source, (&mut mounted, &mut files))?;
    }
    Ok((mounted, files))
}

/// `source`: whether it is external, its file, its text.
fn put(
    project: &Project,
    service: &Service,
    key: &str,
    reference: &Reference,
    target: String,
    source: Option<(bool, Option<&str>, Option<&str>)>,
    (mounted, files): (&mut Vec<Mount>, &mut Vec<File>),
) -> Result<(), Error> {
    let wrong = |why: String| Error::new(why).at(&reference.place).key(format!("services.{}.{key}", service.name));
    let id = |id: &Option<String>| {
        id.as_ref().map_or(Ok(0), |id| id.parse::<u32>().map_err(|_| wrong(format!("`{id}` is no number of a user or group"))))
    };
    match source {
        None => return Err(wrong(format!("there is no `{}`", reference.source))),
        Some((true, ..)) => return Err(wrong(format!("`{}` is external, and an engine that is no swarm keeps none", reference.source))),
        Some((_, Some(file), _)) => {
            let source = mounts::path(project, file).map_err(wrong)?;
            mounted.push(Mount { kind: MountKind::Bind, source, target, read_only: true, ..Default::default() });
        }
        Some((_, None, content)) => {
            let content = content.ok_or_else(|| wrong(format!("`{}` has no value: its variable is not set", reference.source)))?;
            files.push(File {
                path: target,
                content: content.as_bytes().to_vec(),
                mode: reference.mode.unwrap_or(MODE),
                uid: id(&reference.uid)?,
                gid: id(&reference.gid)?,
            });
        }
    }
    Ok(())
}

//! A container is made: names are looked up, fields that the engine is too old for are refused, and then it is complete or
//! not there. One that needs more than one step is made under another name, and gets its own as the last of them, so that
//! a host that is killed in between leaves nothing that looks complete.

use std::time::{SystemTime, UNIX_EPOCH};

use super::client::{Failure, Held, Resolved};
use super::create::{File, Mount, MountKind, Spec};
use super::error::{invalid, no_such};
use super::inspect::{Container, Image};
use super::policy::image::Reference;
use super::policy::labels;
use super::policy::lack::Lack;
use super::policy::mount::{Place, World};
use super::policy::of_container;
use super::policy::spec::Checked;
use super::scope::{Scope, is_whole_id, pick};
use super::types::{Attachment, Error, Pair};
use super::{HALF, archive, paths};

/// Engines that join all networks at once.
const SEVERAL_NETWORKS: (u32, u32) = (1, 44);
/// How far containers may lean on each other's namespaces.
const DEPTH: usize = 8;

/// All that is known before the engine is asked to make it.
pub(super) struct Plan {
    spec: Spec,
    resolved: Resolved,
    /// Networks that are joined one by one, by id.
    later: Vec<(String, Attachment)>,
    files: Vec<File>,
    /// Its name once it is complete.
    name: String,
}

/// Looks up whatever the spec names. Nothing is changed.
pub(super) async fn plan(scope: &Scope, mut spec: Spec, checked: Checked) -> Result<Plan, Error> {
    let Checked { lacks: _, image, sources } = checked;
    own_image(scope, &image).await?;
    needs(scope, &spec).await?;
    volumes(scope, &spec).await?;
    let (first, all, later) = networks(scope, &mut spec).await?;
    let on_networks = first.is_some();
    let containers = if names_containers(&spec) { scope.containers().await? } else { Vec::new() };
    let mut resolved = Resolved {
        image: image.for_engine(),
        labels: all_labels(scope, &mut spec),
        sources,
        network_mode: match (spec.network_mode.as_str(), first) {
            ("", Some(first)) => first,
            // On no network: the engine's own default is the one that all projects are on.
            ("", None) => "none".to_owned(),
            (mode, _) => shared(scope, &containers, "network-mode", "network", mode).await?,
        },
        mac_address: mac_address(scope, &all).await?,
        endpoints: all,
        pid: shared(scope, &containers, "pid", "pid", &spec.namespaces.pid).await?,
        ipc: shared(scope, &containers, "ipc", "ipc", &spec.namespaces.ipc).await?,
        links: links(&containers, &spec.links, on_networks)?,
        volumes_from: volumes_from(scope, &containers, &spec.volumes_from).await?,
        ..Resolved::default()
    };
    if !spec.anonymous_volumes_of.is_empty() {
        resolved.volumes = anonymous_volumes(scope, &containers, &spec).await?;
        // They take the place of those that would be new; mounts and their sources stand side by side.
        let is_taken =
            |mount: &Mount| is_nameless(mount) && resolved.volumes.iter().any(|(_, target)| is_same_place(target, &mount.target));
        let sources = std::mem::take(&mut resolved.sources);
        let kept = std::mem::take(&mut spec.mounts).into_iter().zip(sources).filter(|(mount, _)| !is_taken(mount));
        (spec.mounts, resolved.sources) = kept.unzip();
    }
    for device in spec.security.devices.iter_mut().filter(|device| device.source.starts_with('/')) {
        if device.target.is_empty() {
            device.target.clone_from(&device.source);
        }
        device.source =
            paths::real(device.source.as_ref()).map_err(|problem| invalid(format!("`devices`: {problem}")))?.to_string_lossy().into_owned();
    }
    let files = std::mem::take(&mut spec.files);
    let name = spec.name.clone();
    let in_steps = !files.is_empty() || !later.is_empty();
    resolved.name = if in_steps { format!("{name}{HALF}{:08x}", unique()) } else { name.clone() };
    Ok(Plan { spec, resolved, later, files, name })
}

/// Makes it. The answer is its id.
pub(super) async fn make(scope: &Scope, plan: Plan) -> Result<String, Error> {
    let Plan { spec, resolved, later, files, name } = plan;
    let in_steps = resolved.name != name;
    let image = resolved.image.clone();
    let id = scope.engine.create_container(spec, resolved).await.map_err(|failure| of_create(failure, &name, &image))?;
    scope.remember([&id]);
    if !in_steps {
        return Ok(id);
    }
    match complete(scope, &id, later, files, &name).await {
        Ok(()) => Ok(id),
        Err(error) => {
            // Why it is not there matters more than that it could not be removed, which its name shows.
            let _ = scope.engine.remove_container(&id, true, true).await;
            Err(error)
        }
    }
}

async fn complete(scope: &Scope, id: &str, later: Vec<(String, Attachment)>, files: Vec<File>, name: &str) -> Result<(), Error> {
    for (network, attachment) in later {
        scope.engine.connect(&network, id, attachment).await?;
    }
    if !files.is_empty() {
        scope.engine.put(id, archive(&files)?).await?;
    }
    scope.engine.rename(id, name.to_owned()).await.map_err(|failure| of_create(failure, name, ""))
}

/// An image that has a name of ours may still have been built for another project.
async fn own_image(scope: &Scope, image: &Reference) -> Result<(), Error> {
    if scope.permit.has_image(image) {
        return Ok(());
    }
    let found = scope.engine.images_named(&image.for_engine()).await?;
    match found.iter().find(|found| is_named(found, image)) {
        Some(found) if scope.may_see(&found.labels) => Ok(()),
        _ => Err(no_such("image", &image.for_engine())),
    }
}

pub(super) fn is_named(image: &Image, reference: &Reference) -> bool {
    let names = image.tags.iter().chain(&image.digests);
    names.filter_map(|name| Reference::new(name.strip_prefix("localhost/").unwrap_or(name)).ok()).any(|name| name.is_same(reference))
}

async fn needs(scope: &Scope, spec: &Spec) -> Result<(), Error> {
    let attached = &spec.attachments;
    let asked = [
        ("gateway-priority", (1, 48), attached.iter().any(|attachment| attachment.gateway_priority != 0)),
        // Older engines know one for the container.
        ("mac-address", SEVERAL_NETWORKS, attached.iter().skip(1).any(|attachment| !attachment.mac_address.is_empty())),
        ("subpath", (1, 45), spec.mounts.iter().any(|mount| !mount.subpath.is_empty())),
        ("start-interval", (1, 44), spec.healthcheck.as_ref().is_some_and(|check| check.start_interval_ns > 0)),
        ("annotations", (1, 43), !spec.annotations.is_empty()),
    ];
    for (field, api, is_asked) in asked {
        if is_asked {
            scope.engine.needs(api, field).await?;
        }
    }
    Ok(())
}

/// What the engine does not find it would make, and that would be nobody's.
async fn volumes(scope: &Scope, spec: &Spec) -> Result<(), Error> {
    let is_named = |mount: &Mount| mount.kind == MountKind::Volume && !mount.source.is_empty();
    let named: Vec<&str> = spec.mounts.iter().filter(|mount| is_named(mount)).map(|mount| mount.source.as_str()).collect();
    if named.is_empty() {
        return Ok(());
    }
    let volumes = scope.volumes().await?;
    match named.into_iter().find(|name| !volumes.iter().any(|volume| volume.name == *name)) {
        Some(missing) => Err(no_such("volume", missing)),
        None => Ok(()),
    }
}

type Networks = (Option<String>, Vec<Attachment>, Vec<(String, Attachment)>);

/// The first network's name, those that are joined when it is made, and those that are joined one by one.
async fn networks(scope: &Scope, spec: &mut Spec) -> Result<Networks, Error> {
    let attachments = std::mem::take(&mut spec.attachments);
    if attachments.is_empty() {
        return Ok((None, Vec::new(), Vec::new()));
    }
    let networks = scope.networks().await?;
    let mut found = Vec::new();
    for attachment in attachments {
        let name = &attachment.network;
        let network = scope.pick_network(&networks, name).ok_or_else(|| no_such("network", name))?;
        scope.may_join("network-mode", network)?;
        found.push((network.id.clone(), Attachment { network: network.name.clone(), ..attachment }));
    }
    let first = found.first().map(|(_, attachment)| attachment.network.clone());
    let at_once = found.len() == 1 || scope.engine.version().await?.is_at_least(SEVERAL_NETWORKS);
    let later = if at_once { Vec::new() } else { found.split_off(1) };
    Ok((first, found.into_iter().map(|(_, attachment)| attachment).collect(), later))
}

/// The container's own, for engines that know none of an endpoint.
async fn mac_address(scope: &Scope, endpoints: &[Attachment]) -> Result<String, Error> {
    let address = endpoints.first().map(|endpoint| endpoint.mac_address.clone()).unwrap_or_default();
    let is_known = address.is_empty() || scope.engine.version().await?.is_at_least(SEVERAL_NETWORKS);
    Ok(if is_known { String::new() } else { address })
}

fn names_containers(spec: &Spec) -> bool {
    let modes = [&spec.network_mode, &spec.namespaces.pid, &spec.namespaces.ipc];
    let named = !spec.volumes_from.is_empty() || !spec.links.is_empty() || !spec.anonymous_volumes_of.is_empty();
    named || modes.iter().any(|mode| of_container(mode).is_some())
}

fn find<'c>(containers: &'c [Container], name: &str) -> Result<&'c Container, Error> {
    pick(containers, name).ok_or_else(|| no_such("container", name))
}

/// The first of a service, one that runs before one that does not.
fn of_service<'c>(containers: &'c [Container], service: &str) -> Result<&'c Container, Error> {
    let is =
        |container: &&Container, name: &str, value: &str| container.labels.iter().any(|label| label.name == name && label.value == value);
    let candidates = containers.iter().filter(|c| is(c, labels::SERVICE, service) && !is(c, labels::ONE_OFF, "True"));
    let rank = |container: &&Container| (container.status != super::types::Status::Running, container.name.clone());
    candidates.min_by_key(rank).ok_or_else(|| no_such("container of service", service))
}

/// A namespace that is another container's must not be the machine's by that way.
async fn shared(
    scope: &Scope,
    containers: &[Container],
    field: &'static str,
    namespace: &'static str,
    mode: &str,
) -> Result<String, Error> {
    let Some((name, is_service)) = of_container(mode) else { return Ok(mode.to_owned()) };
    let target = if is_service { of_service(containers, name)? } else { find(containers, name)? };
    let mut next = target.id.clone();
    for _ in 0..DEPTH {
        let shares = scope.engine.shares(&next).await?;
        let mode = match namespace {
            "network" => shares.network_mode,
            "pid" => shares.pid_mode,
            _ => shares.ipc_mode,
        };
        match of_container(&mode) {
            Some((other, _)) => next = find(containers, other)?.id.clone(),
            None if mode == "host" => {
                scope.granted(scope.permit.host_namespace(field, namespace))?;
                return Ok(format!("container:{}", target.id));
            }
            None => return Ok(format!("container:{}", target.id)),
        }
    }
    Err(invalid(format!("`{field}`: containers lean on each other in more than {DEPTH} steps")))
}

/// `NAME`, `NAME:ALIAS`. On networks of a project a link is another name for a name there; elsewhere it hands over
/// variables, and a name that is somebody else's id would hand over his.
fn links(containers: &[Container], asked: &[String], on_networks: bool) -> Result<Vec<String>, Error> {
    let link = |link: &String| {
        let (name, alias) = link.split_once(':').unwrap_or((link, link));
        let linked = find(containers, name)?;
        Ok(format!("{}:{alias}", if on_networks { &linked.name } else { &linked.id }))
    };
    asked.iter().map(link).collect()
}

/// What another container has been given by somebody else is not granted because it has it.
async fn volumes_from(scope: &Scope, containers: &[Container], asked: &[String]) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    for from in asked {
        let (name, mode) = from.rsplit_once(':').unwrap_or((from, ""));
        if !matches!(mode, "" | "ro" | "rw") {
            return Err(invalid(format!("`{}` is not `NAME` or `NAME:ro`", from.escape_debug())));
        }
        let container = find(containers, name)?;
        let shares = scope.engine.shares(&container.id).await?;
        let volumes = if shares.mounts.iter().any(|held| held.kind == "volume") { scope.volumes().await? } else { Vec::new() };
        for held in &shares.mounts {
            let read_only = held.read_only || mode == "ro";
            match held.kind.as_str() {
                "volume" if is_anonymous(&held.name) || volumes.iter().any(|volume| volume.name == held.name) => {}
                "tmpfs" => {}
                "bind" => scope.granted(bound(scope, held, read_only)?)?,
                _ => return Err(no_such("volume", &held.name)),
            }
        }
        ids.push(if mode.is_empty() { container.id.clone() } else { format!("{}:{mode}", container.id) });
    }
    Ok(ids)
}

fn bound(scope: &Scope, held: &Held, read_only: bool) -> Result<Vec<Lack>, Error> {
    let world = World { root: &scope.root, socket: scope.engine.socket(), real: &paths::real };
    let place = Place::new(&held.source, &world).map_err(invalid)?;
    scope.permit.bind("volumes-from", &place, read_only, &world).map_err(invalid)
}

async fn anonymous_volumes(scope: &Scope, containers: &[Container], spec: &Spec) -> Result<Vec<(String, String)>, Error> {
    let id = &find(containers, &spec.anonymous_volumes_of)?.id;
    let held = scope.engine.shares(id).await?.mounts;
    let is_free = |held: &Held| !spec.mounts.iter().any(|mount| !is_nameless(mount) && is_same_place(&mount.target, &held.target));
    let taken = held.into_iter().filter(|held| held.kind == "volume" && is_anonymous(&held.name) && is_free(held));
    Ok(taken.map(|held| (held.name, held.target)).collect())
}

/// A volume of the spec that gets its name from the engine.
fn is_nameless(mount: &Mount) -> bool {
    mount.kind == MountKind::Volume && mount.source.is_empty()
}

fn is_same_place(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// The name that engines give a volume which nobody named.
pub(super) fn is_anonymous(volume: &str) -> bool {
    is_whole_id(volume)
}

/// The guest's labels, and after them those that say whose it is: the last of a name counts.
fn all_labels(scope: &Scope, spec: &mut Spec) -> Vec<Pair> {
    let files: Vec<String> = spec.config_files.iter().map(|file| scope.root.join(file).to_string_lossy().into_owned()).collect();
    let own = [
        (labels::PROJECT, scope.project().to_owned()),
        (labels::WORKING_DIR, scope.root.to_string_lossy().into_owned()),
        (labels::CONFIG_FILES, files.join(",")),
        (labels::VERSION, env!("CARGO_PKG_VERSION").to_owned()),
        (labels::SERVICE, spec.service.clone()),
        (labels::NUMBER, spec.number.to_string()),
        (labels::ONE_OFF, if spec.one_off { "True" } else { "False" }.to_owned()),
        (labels::RUN, scope.run_id.clone()),
    ];
    let own = own.into_iter().map(|(name, value)| Pair { name: name.to_owned(), value });
    std::mem::take(&mut spec.labels).into_iter().chain(own).collect()
}

/// Files as the engine takes them; folders on the way are made by it.
fn archive(files: &[File]) -> Result<Vec<u8>, Error> {
    let mut archive = archive::begin(Vec::new()).map_err(failed)?;
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(if file.mode == 0 { 0o444 } else { file.mode & 0o7777 });
        header.set_uid(u64::from(file.uid));
        header.set_gid(u64::from(file.gid));
        header.set_mtime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        archive.append_data(&mut header, file.path.trim_start_matches('/'), file.content.as_slice()).map_err(failed)?;
    }
    archive.into_inner().map_err(failed)
}

fn failed(error: std::io::Error) -> Error {
    invalid(format!("the files cannot be put into an archive: {error}"))
}

/// The engine's words name the container that has the name, whoever's it is.
pub(super) fn of_create(failure: Failure, name: &str, image: &str) -> Error {
    match failure {
        Failure::Answered { status: 409, message } if message.contains("already in use") => {
            Error::Conflict(format!("the name `{name}` is in use"))
        }
        Failure::Answered { status: 404, message } if message.contains("does not match the specified platform") => {
            Error::NoSuchObject(other_platform(image, &message))
        }
        Failure::Answered { status: 404, message } if message.to_lowercase().contains("image") => no_such("image", image),
        failure => failure.into(),
    }
}

/// `wanted linux/arm64, actual: linux/amd64`, or `its platform (linux/amd64) ... the specified platform (linux/arm64)`
fn other_platform(image: &str, message: &str) -> String {
    let after = |words: &str| message.split_once(words).and_then(|(_, rest)| rest.split([',', ')']).next());
    let wanted = after("wanted ").or_else(|| after("specified platform ("));
    let actual = after("actual: ").or_else(|| after("its platform ("));
    match (wanted, actual) {
        (Some(wanted), Some(actual)) => format!("no image `{image}` for {wanted}: the one that is here is for {actual}"),
        _ => format!("the image `{image}` that is here is for another platform"),
    }
}

/// Tells apart what two runs make at the same time.
fn unique() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.subsec_nanos() ^ std::process::id().rotate_left(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_for_another_platform_is_told_as_such_in_each_engines_words() {
        let told = |message: &str| of_create(Failure::Answered { status: 404, message: message.to_owned() }, "shop-web-1", "busybox");
        for message in [
            "image with reference busybox was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
            "image with reference busybox was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)",
        ] {
            let expected = "no image `busybox` for linux/arm64: the one that is here is for linux/amd64";
            assert_eq!(told(message), Error::NoSuchObject(expected.to_owned()), "{message}");
        }
    }
}

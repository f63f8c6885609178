//! Containers are started: engines follow the links in mounts at each start, and not when the container is made. So what
//! was compared with the grant then is looked at again, because a container that may write beside it may have put a link
//! in its place meanwhile.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::client::{Held, Shares};
use super::error::invalid;
use super::making::is_anonymous;
use super::paths;
use super::policy::labels;
use super::policy::mount::{Place, World};
use super::scope::Scope;
use super::types::{Error, Pair};

/// A path of the machine that a container mounts.
struct Source<'h> {
    path: String,
    held: &'h Held,
    /// The host made what names it, and followed all links before.
    is_resolved: bool,
}

pub(super) async fn start(scope: &Scope, id: &str) -> Result<(), Error> {
    check(scope, &scope.engine.shares(id).await?).await?;
    Ok(scope.engine.start(id).await?)
}

/// Stopping may take longer than it takes to make a link, so that what mounts anything is looked at in between.
pub(super) async fn restart(scope: &Scope, id: &str, timeout_s: Option<u32>) -> Result<(), Error> {
    let shares = scope.engine.shares(id).await?;
    let sources = sources(scope, &shares).await?;
    look(scope, &shares.name, &sources)?;
    if !shares.mounts.iter().any(|held| held.kind == "bind" || may_be_a_place(held)) {
        return Ok(scope.engine.restart(id, timeout_s).await?);
    }
    if shares.auto_remove {
        let text = format!("the container `{}` is removed when it stops, and cannot be started again", shares.name);
        return Err(Error::Conflict(text));
    }
    scope.engine.stop(id, timeout_s).await?;
    look(scope, &shares.name, &sources)?;
    Ok(scope.engine.start(id).await?)
}

/// Refuses a container of whose mounts one leads elsewhere than it says.
pub(super) async fn check(scope: &Scope, shares: &Shares) -> Result<(), Error> {
    look(scope, &shares.name, &sources(scope, shares).await?)
}

/// What the host made was sent with all links followed: any link there now is a new one. What docker-compose made says
/// paths as they stand in its file, often with links of the machine's (`/etc/localtime`, a home behind a link): without a
/// link it is started as ever, behind one only where the grant covers what it leads to, as if it were made now.
fn look(scope: &Scope, container: &str, sources: &[Source<'_>]) -> Result<(), Error> {
    let world = World { root: &scope.root, socket: scope.engine.socket(), real: &paths::real };
    for Source { path, held, is_resolved } in sources {
        if paths::real(Path::new(path)).is_ok_and(|real| real == Path::new(path)) {
            continue;
        }
        if *is_resolved {
            return Err(Error::AccessDenied(refusal(scope, container, path, held)));
        }
        let lacks = Place::new(path, &world).and_then(|place| scope.permit.bind("mounts", &place, held.read_only, &world));
        scope.granted(lacks.map_err(|problem| invalid(format!("container `{container}`: {problem}")))?)?;
    }
    Ok(())
}

/// All of the container's, those of volumes that are folders of the machine too.
async fn sources<'s>(scope: &Scope, shares: &'s Shares) -> Result<Vec<Source<'s>>, Error> {
    let is_resolved = is_made_by_host(&shares.labels);
    let binds = shares.mounts.iter().filter(|held| held.kind == "bind");
    let mut sources: Vec<Source<'_>> = binds.map(|held| Source { path: held.source.clone(), held, is_resolved }).collect();
    let named: Vec<&Held> = shares.mounts.iter().filter(|held| may_be_a_place(held)).collect();
    if named.is_empty() {
        return Ok(sources);
    }
    let all = scope.engine.volumes_of(None).await?;
    let known: HashMap<&str, _> = all.iter().map(|(volume, options)| (volume.name.as_str(), (volume, options))).collect();
    for held in named {
        let Some((volume, options)) = known.get(held.name.as_str()) else { continue };
        // Granted by its name is whatever the operator made it of.
        let is_operators = scope.permit.sees_volume(&volume.name) && !scope.is_own(&volume.labels);
        if let Some(device) = bound(options).filter(|_| !is_operators) {
            sources.push(Source { path: device.to_owned(), held, is_resolved: is_made_by_host(&volume.labels) });
        }
    }
    Ok(sources)
}

/// Only those that somebody named have options.
fn may_be_a_place(held: &Held) -> bool {
    held.kind == "volume" && matches!(held.driver.as_str(), "" | "local") && !is_anonymous(&held.name)
}

/// The folder of the machine that a volume is.
fn bound(options: &[Pair]) -> Option<&str> {
    let value = |name: &str| options.iter().find(|option| option.name == name).map(|option| option.value.as_str());
    let binds = value("o")?.split(',').any(|word| matches!(word.trim(), "bind" | "rbind"));
    value("device").filter(|_| binds)
}

fn is_made_by_host(labels: &[Pair]) -> bool {
    labels.iter().any(|label| label.name == labels::RUN)
}

/// Where the link leads is nobody's to know.
fn refusal(scope: &Scope, container: &str, path: &str, held: &Held) -> String {
    let inside = Path::new(path).strip_prefix(&scope.root).map(|inside| PathBuf::from(".").join(inside));
    let place = match inside {
        Ok(inside) => format!("`{}`, which it mounts", inside.display()),
        Err(_) => format!("what it mounts at `{}`", held.target),
    };
    format!(
        "the container `{container}` is not started: {place}, has become a link or lies behind one since the container was made, and leads \
         elsewhere; if you made the link, `host run up --force-recreate` makes the container anew where the grant covers what it leads to"
    )
}

/// The engine does not know it any more.
pub(super) fn is_gone(error: &Error) -> bool {
    matches!(error, Error::EngineFailed(failed) if failed.status == 404 && failed.message.to_lowercase().contains("no such container"))
}

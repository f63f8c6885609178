//! Paths of the machine that containers mount: `.`, `./data`, `/etc/localtime:ro`, `nfs://10.0.0.1/export`.
//!
//! Compared is where a path really leads. A granted path of the machine is resolved as well, because the operator named
//! whatever is there; a granted path of the project is not, because a guest or a container may have made it a link.

use std::path::{Component, Path, PathBuf};

use super::lack::Lack;
use super::{Invalid, Permit};
use crate::channels::fnmatch::Pattern;

/// What a path is compared with that the policy cannot know by itself.
pub struct World<'w> {
    /// The project's folder.
    pub root: &'w Path,
    /// The engine's own socket, when it is one of this machine.
    pub socket: Option<&'w Path>,
    /// Where a path leads, links followed; what is not there leads to itself.
    pub real: &'w dyn Fn(&Path) -> Result<PathBuf, Invalid>,
}

/// Paths that may be mounted.
#[derive(Clone, Debug)]
pub struct MountGrant {
    kind: Kind,
    read_only: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Of the project or of the machine: names of folders, and with them all beneath.
    Path { absolute: bool, pieces: Vec<Piece> },
    /// `nfs://host/export`
    Remote(Pattern),
}

#[derive(Clone, Debug)]
enum Piece {
    Up,
    Name(String),
    Glob(Pattern),
}

/// A path that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As it would be granted.
    shown: String,
    /// Absolute, with nothing resolved.
    written: PathBuf,
    /// Absolute, where it leads; as it is written where it cannot be followed.
    pub real: PathBuf,
    /// Why it cannot be followed: what a path is that is not granted is not told.
    pub(super) problem: Option<Invalid>,
}

/// Sockets through which an engine of this machine is told what to do, wherever they are mounted from.
const SOCKETS: [&str; 8] = [
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/docker/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/user/*/docker.sock",
    "/run/user/*/podman/podman.sock",
    "/run/buildkit/buildkitd.sock",
];
const SOCKET_NAMES: [&str; 6] = ["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "docker.raw.sock", "buildkitd.sock"];

impl MountGrant {
    pub fn new(written: &str) -> Self {
        let (path, read_only) = written.strip_suffix(":ro").map_or((written, false), |path| (path, true));
        if path.contains("://") {
            return Self { kind: Kind::Remote(Pattern::new(path)), read_only };
        }
        let pieces = path.split('/').filter(|piece| !matches!(*piece, "" | "." | "**")).map(|piece| match piece {
            ".." => Piece::Up,
            glob if glob.contains(['*', '?']) => Piece::Glob(Pattern::new(glob)),
            name => Piece::Name(name.to_owned()),
        });
        Self { kind: Kind::Path { absolute: path.starts_with('/'), pieces: pieces.collect() }, read_only }
    }

    fn covers(&self, place: &Place, read_only: bool, world: &World<'_>) -> bool {
        let Kind::Path { absolute, pieces } = &self.kind else { return false };
        if self.read_only && !read_only {
            return false;
        }
        let literal = pieces.iter().take_while(|piece| !matches!(piece, Piece::Glob(_))).count();
        let mut base = if *absolute { PathBuf::from("/") } else { world.root.to_owned() };
        for piece in pieces.iter().take(literal) {
            match piece {
                Piece::Name(name) => base.push(name),
                _ => {
                    base.pop();
                }
            }
        }
        if *absolute {
            let Ok(real) = (world.real)(&base) else { return false };
            base = real;
        }
        let Ok(rest) = place.real.strip_prefix(&base) else { return false };
        let mut names = rest.components();
        pieces.iter().skip(literal).all(|piece| {
            let name = names.next().map(|name| name.as_os_str().to_string_lossy().into_owned());
            match (piece, name) {
                (Piece::Glob(glob), Some(name)) => glob.matches(&name),
                (Piece::Name(granted), Some(name)) => *granted == name,
                // Upwards from what a star stands for is nowhere in particular.
                _ => false,
            }
        })
    }
}

impl Place {
    pub fn new(source: &str, world: &World<'_>) -> Result<Self, Invalid> {
        if source.is_empty() || source.chars().any(char::is_control) {
            return Err(format!("`{}` is no path to mount", source.escape_debug()));
        }
        if source.starts_with('~') {
            return Err(format!(
                "`{}` cannot be mounted: whose home that is is not known here; write the whole path",
                source.escape_debug()
            ));
        }
        let written = plain(&world.root.join(source));
        // Links are followed before `..` is: it leads to the parent of what the link leads to.
        let (real, problem) = match (world.real)(&world.root.join(source)) {
            Ok(real) => (plain(&real), None),
            Err(problem) => (written.clone(), Some(format!("`{source}` cannot be mounted: {problem}"))),
        };
        let shown = match real.strip_prefix(world.root) {
            Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
            Ok(inside) => format!("./{}", inside.display()),
            Err(_) if written.starts_with(world.root) => real.display().to_string(),
            Err(_) => written.display().to_string(),
        };
        Ok(Self { shown, written, real, problem })
    }

    fn is_socket(&self, world: &World<'_>) -> bool {
        let named = |path: &Path| path.file_name().is_some_and(|name| SOCKET_NAMES.iter().any(|socket| name == *socket));
        named(&self.real) || named(&self.written) || sockets(world).iter().any(|socket| socket == &self.real || socket == &self.written)
    }

    /// Whether a socket is somewhere beneath it.
    fn holds_socket(&self, world: &World<'_>) -> bool {
        let holds = |path: &Path| {
            let known = SOCKETS.iter().flat_map(|socket| [(*socket).to_owned(), format!("/var{socket}")]);
            known.into_iter().any(|socket| is_above(path, &socket)) || sockets(world).iter().any(|socket| socket.starts_with(path))
        };
        holds(&self.real) || holds(&self.written)
    }
}

impl Permit {
    /// What mounting a path lacks. Without `read_only` the container may write there.
    pub fn bind(&self, field: &'static str, place: &Place, read_only: bool, world: &World<'_>) -> Result<Vec<Lack>, Invalid> {
        let mut lacks = Vec::new();
        let is_socket = place.is_socket(world);
        if (is_socket || place.holds_socket(world)) && !self.grant.engine_socket {
            lacks.push(Lack::engine_socket(field, &place.shown));
        }
        // Who may have the socket may mount it; a folder around it holds more than that.
        let granted = is_socket || self.mounts.iter().any(|grant| grant.covers(place, read_only, world));
        if !granted {
            let suffix = if read_only { ":ro" } else { "" };
            lacks.push(Lack::item(field, "mounts", format!("{}{suffix}", place.shown)));
        }
        match &place.problem {
            Some(problem) if lacks.is_empty() => Err(problem.clone()),
            _ => Ok(lacks),
        }
    }

    /// The same for a file system of another machine, as `nfs://host/export`.
    pub(super) fn remote(&self, field: &'static str, url: &str, read_only: bool) -> Option<Lack> {
        let covers = |grant: &MountGrant| match &grant.kind {
            Kind::Remote(pattern) => pattern.matches(url) && (read_only || !grant.read_only),
            Kind::Path { .. } => false,
        };
        let suffix = if read_only { ":ro" } else { "" };
        (!self.mounts.iter().any(covers)).then(|| Lack::item(field, "mounts", format!("{url}{suffix}")))
    }
}

/// The engine's own socket, as it is written and where it is.
fn sockets(world: &World<'_>) -> Vec<PathBuf> {
    let Some(socket) = world.socket else { return Vec::new() };
    let real = (world.real)(socket).ok();
    [Some(plain(socket)), real].into_iter().flatten().collect()
}

/// Whether `path` is one of the folders in which `socket` lies; a star in `socket` is any name.
fn is_above(path: &Path, socket: &str) -> bool {
    let mut socket = Path::new(socket).components();
    path.components().all(|name| socket.next().is_some_and(|part| part == name || part.as_os_str() == "*"))
}

/// Without `.`, and `..` taken as the name before it taken away.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::DockerGrant;

    /// A machine on which `/etc/localtime`, `/var/run`, `./out`, `./in` and `/srv/app/leak` are links.
    fn real(path: &Path) -> Result<PathBuf, Invalid> {
        let links = [
            ("/etc/localtime", "/usr/share/zoneinfo/UTC"),
            ("/var/run", "/run"),
            ("/p/out", "/etc"),
            ("/p/in", "/p/data"),
            ("/srv/app/leak", "/root"),
        ];
        let path = plain(path);
        let link = links.iter().find_map(|(from, to)| path.strip_prefix(from).ok().map(|rest| Path::new(to).join(rest)));
        Ok(plain(&link.unwrap_or(path)))
    }

    fn lacks(granted: &[&str], engine_socket: bool, source: &str, read_only: bool) -> Vec<String> {
        let mounts = granted.iter().map(ToString::to_string).collect();
        let permit = Permit::new("up", DockerGrant { mounts, engine_socket, ..DockerGrant::default() });
        let world = World { root: Path::new("/p"), socket: Some(Path::new("/opt/engine/d.sock")), real: &real };
        let place = Place::new(source, &world).unwrap();
        permit
            .bind("mounts", &place, read_only, &world)
            .unwrap()
            .into_iter()
            .map(|lack| format!("{:?} {}", lack.needs, lack.thing))
            .collect()
    }

    #[test]
    fn mounts_are_compared_by_where_they_lead() {
        let table: [(&[&str], &str, bool, Option<&str>); 34] = [
            (&["."], ".", false, None),
            (&["."], "./data", false, None),
            (&["."], "data/x", false, None),
            (&["."], "/p/data", false, None),
            (&["."], "..", false, Some("/")),
            (&["."], "./a/../../etc", false, Some("/etc")),
            (&["."], "/pq", false, Some("/pq")),
            (&["."], "./out", false, Some("/etc")),
            (&["."], "./out/passwd", true, Some("/etc/passwd:ro")),
            (&["."], "./out/../x", false, None),
            (&["./out"], "./out", false, Some("/etc")),
            (&["/etc"], "./out", false, None),
            (&["."], "./in/x", false, None),
            (&["./in"], "./in", false, Some("./data")),
            (&["./data"], "./in", false, None),
            (&["./data"], "./data/deep", false, None),
            (&["./data"], "./database", false, Some("./database")),
            (&["./data:ro"], "./data", true, None),
            (&["./data:ro"], "./data", false, Some("./data")),
            (&["/etc/localtime:ro"], "/etc/localtime", true, None),
            (&["/etc/localtime:ro"], "/etc/localtime", false, Some("/etc/localtime")),
            (&["/etc/localtime"], "/etc/../etc/localtime", true, None),
            (&["/srv/app"], "/srv/app/x", false, None),
            (&["/srv/app"], "/srv/app/leak", false, Some("/srv/app/leak")),
            (&["/srv/app"], "/srv/application", false, Some("/srv/application")),
            (&["/srv/*/data"], "/srv/a/data/x", false, None),
            (&["/srv/*/data"], "/srv/a/b/data", false, Some("/srv/a/b/data")),
            (&["/srv/**"], "/srv/a/b", false, None),
            (&["./*.conf"], "./a.conf", false, None),
            (&["./*.conf"], "./a.d/x.conf", false, Some("./a.d/x.conf")),
            (&["data"], "./data", false, None),
            (&["../shared"], "../shared/x", false, None),
            (&[], ".", true, Some(".:ro")),
            (&["nfs://h/*"], "./nfs:", false, Some("./nfs:")),
        ];
        for (granted, source, read_only, lack) in table {
            let expected: Vec<String> =
                lack.map(|lack| format!("{:?} {lack}", super::super::lack::Needs::Item("mounts", lack.to_owned()))).into_iter().collect();
            let found = lacks(granted, true, source, read_only);
            assert_eq!(found, expected, "{granted:?} {source} {read_only}");
        }
    }

    #[test]
    fn the_engines_socket_needs_its_own_grant_whatever_is_mounted() {
        let sockets = [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run/../var/run/docker.sock",
            "/run/podman/podman.sock",
            "/var/run/containerd/containerd.sock",
            "/run/user/1000/docker.sock",
            "/opt/engine/d.sock",
            "/anywhere/docker.sock",
        ];
        for source in sockets {
            assert!(lacks(&["/", "/**"], false, source, true).iter().any(|lack| lack.starts_with("EngineSocket")), "{source}");
            assert_eq!(lacks(&[], true, source, false), Vec::<String>::new(), "{source}");
        }
        let above =
            ["/", "/run", "/var", "/var/run", "/run/podman", "/run/user", "/run/user/1000", "/opt", "/opt/engine", "/run/containerd"];
        for source in above {
            assert!(lacks(&["/"], false, source, true).iter().any(|lack| lack.starts_with("EngineSocket")), "{source}");
            assert_eq!(lacks(&["/"], true, source, false), Vec::<String>::new(), "{source}");
            assert!(!lacks(&[], true, source, false).is_empty(), "{source}");
        }
        for source in ["/etc", "/var/lib", "/run/x", "/opt/engineer", "/run/user/1000/x"] {
            assert_eq!(lacks(&["/"], false, source, false), Vec::<String>::new(), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told_of_granted_paths_only() {
        let broken = |_: &Path| Err("it cannot be followed: not a directory".to_owned());
        let world = World { root: Path::new("/p"), socket: None, real: &broken };
        let permit = Permit::new("up", DockerGrant { mounts: vec!["./data".into()], ..DockerGrant::default() });
        let bind = |source: &str| permit.bind("mounts", &Place::new(source, &world).unwrap(), false, &world);
        assert!(bind("./data/x/y").unwrap_err().contains("`./data/x/y` cannot be mounted: it cannot be followed"));
        for source in ["/etc/passwd/x", "./secret/x", "./data/../secret/x"] {
            assert_eq!(bind(source).unwrap().len(), 1, "{source}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let world = World { root: Path::new("/p"), socket: None, real: &real };
        for source in ["", "~/x", "a\nb", "a\0b"] {
            assert!(Place::new(source, &world).is_err(), "{source:?}");
        }
    }
}

//! Who holds ports of this machine: containers as the engine tells it, and where it runs here other programs as the
//! kernel tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::inspect::{Container, Holder};
use super::policy::labels;
use super::scope::Scope;
use super::types::Error;

/// Files of the kernel with their protocol, and the state of a socket that takes connections or packets.
const TABLES: [(&str, &str, &str); 4] =
    [("/proc/net/tcp", "tcp", "0A"), ("/proc/net/tcp6", "tcp", "0A"), ("/proc/net/udp", "udp", "07"), ("/proc/net/udp6", "udp", "07")];

/// The holders of these ports, in the order of ports.
pub(super) async fn holders(scope: &Scope, ports: &[u16]) -> Result<Vec<Holder>, Error> {
    let ports: BTreeSet<u16> = ports.iter().copied().filter(|port| *port > 0).collect();
    let mut held: BTreeMap<(u16, String), String> = BTreeMap::new();
    for container in scope.engine.running_containers().await? {
        for binding in container.ports.iter().filter(|binding| ports.contains(&binding.host_port)) {
            held.entry((binding.host_port, binding.protocol.clone())).or_insert_with(|| words(scope, &container));
        }
    }
    if scope.engine.wire()?.is_local() {
        let sockets = sockets(&ports);
        let free: Vec<&Socket> = sockets.iter().filter(|socket| !held.contains_key(&(socket.port, socket.protocol.to_owned()))).collect();
        let programs = if free.is_empty() { BTreeMap::new() } else { programs(&free) };
        for socket in free {
            let who = programs.get(&socket.inode).map_or_else(|| "another program".to_owned(), |name| format!("another program ({name})"));
            held.entry((socket.port, socket.protocol.to_owned())).or_insert(who);
        }
    }
    Ok(held.into_iter().map(|((port, protocol), who)| Holder { port, protocol, who }).collect())
}

fn words(scope: &Scope, container: &Container) -> String {
    let name = &container.name;
    let project = container.labels.iter().find(|label| label.name == labels::PROJECT).map(|label| label.value.as_str());
    match project {
        Some(project) if project != scope.project() => format!("container {name} of project {project}"),
        _ => format!("container {name}"),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Socket {
    port: u16,
    protocol: &'static str,
    inode: u64,
}

fn sockets(ports: &BTreeSet<u16>) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for (path, protocol, state) in TABLES {
        // A machine without one of these has no such sockets.
        let table = fs::read_to_string(path).unwrap_or_default();
        sockets
            .extend(table.lines().skip(1).filter_map(|line| socket(line, protocol, state)).filter(|socket| ports.contains(&socket.port)));
    }
    sockets
}

/// `0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 ...`
fn socket(line: &str, protocol: &'static str, state: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if *fields.get(3)? != state {
        return None;
    }
    let port = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
    Some(Socket { port, protocol, inode: fields.get(9)?.parse().ok()? })
}

/// The names of the programs that have these sockets open, as far as we may see.
fn programs(sockets: &[&Socket]) -> BTreeMap<u64, String> {
    let mut names = BTreeMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())) {
        for file in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            let target = target.to_string_lossy().into_owned();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).and_then(|inode| inode.parse::<u64>().ok());
            let Some(socket) = inode.and_then(|inode| sockets.iter().find(|socket| socket.inode == inode)) else { continue };
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            names.entry(socket.inode).or_insert_with(|| name.trim().to_owned());
        }
        if names.len() == sockets.len() {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let line = "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100";
        assert_eq!(socket(line, "tcp", "0A"), Some(Socket { port: 5432, protocol: "tcp", inode: 12345 }));
        assert_eq!(socket(&line.replace(" 0A ", " 01 "), "tcp", "0A"), None);
        assert_eq!(socket("", "tcp", "0A"), None);
    }

    #[test]
    fn a_program_that_listens_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sockets = sockets(&BTreeSet::from([port]));
        assert_eq!(sockets.len(), 1);
        assert_eq!(programs(&[&sockets[0]]).len(), 1);
    }
}

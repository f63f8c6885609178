//! From an address in host.toml to a client. Nothing is sent here; a TCP address is only tried.

use std::path::Path;

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::net::TcpStream;

use super::{Endpoint, Failure};
use crate::capabilities::docker::limits;

/// An address, read.
#[derive(Debug, PartialEq, Eq)]
enum Address<'a> {
    /// A socket of this machine.
    Unix(&'a str),
    /// `host:port`
    Tcp(&'a str),
}

pub(super) async fn connect(endpoint: &Endpoint) -> Result<Docker, Failure> {
    let seconds = limits::ANSWER.as_secs();
    match (read(&endpoint.address)?, &endpoint.certificates) {
        (Address::Unix(path), _) => {
            try_socket(path)?;
            Docker::connect_with_unix(path, seconds, API_DEFAULT_VERSION).map_err(plain)
        }
        (Address::Tcp(host), None) => {
            try_tcp(host).await?;
            Docker::connect_with_http(&format!("tcp://{host}"), seconds, API_DEFAULT_VERSION).map_err(plain)
        }
        (Address::Tcp(host), Some(folder)) => {
            let file = |name: &str| certificate(folder, name);
            let (key, cert, ca) = (file("key.pem")?, file("cert.pem")?, file("ca.pem")?);
            try_tcp(host).await?;
            Docker::connect_with_ssl(&format!("tcp://{host}"), &key, &cert, &ca, seconds, API_DEFAULT_VERSION).map_err(plain)
        }
    }
}

fn read(address: &str) -> Result<Address<'_>, Failure> {
    let unusable = |problem: &str| Failure::Unusable(format!("the Docker engine's address {problem}; hint: {HINT}"));
    let Some((scheme, rest)) = address.trim().split_once("://") else {
        return Err(unusable(if address.trim().is_empty() { "is not set" } else { "has no scheme" }));
    };
    match scheme {
        "unix" if rest.starts_with('/') => Ok(Address::Unix(rest)),
        "unix" => Err(unusable("names no socket by its whole path")),
        "tcp" | "http" | "https" => {
            let host = rest.trim_end_matches('/');
            let has_port = host.rsplit_once(':').is_some_and(|(name, port)| !name.is_empty() && port.parse::<u16>().is_ok());
            if has_port && !host.contains(['/', '@', '?', '#']) {
                Ok(Address::Tcp(host))
            } else {
                Err(unusable("is not `tcp://HOST:PORT`"))
            }
        }
        _ => Err(unusable("has a scheme that is not `unix` or `tcp`")),
    }
}

const HINT: &str = "[docker] endpoint = \"unix:///var/run/docker.sock\"";

/// The crate finds out whether a socket is there only as a text; this is what the system says.
fn try_socket(path: &str) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::of_io(error.kind())),
    }
}

async fn try_tcp(host: &str) -> Result<(), Failure> {
    match tokio::time::timeout(limits::CONNECT, TcpStream::connect(host)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failure::of_io(error.kind())),
        Err(_) => Err(Failure::Lost("the Docker engine cannot be reached: it did not take the connection in time".to_owned())),
    }
}

fn certificate(folder: &Path, name: &str) -> Result<std::path::PathBuf, Failure> {
    let path = folder.join(name);
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(Failure::Unusable(format!(
            "`{name}` of the Docker engine's certificates cannot be read: {}; hint: [docker] certificates = \"FOLDER\"",
            error.kind()
        ))),
    }
}

fn plain(error: bollard::errors::Error) -> Failure {
    Failure::of(error, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_what_cannot_be_one_is_said_without_repeating_it() {
        assert_eq!(read("unix:///run/user/1000/docker.sock").ok(), Some(Address::Unix("/run/user/1000/docker.sock")));
        assert_eq!(read(" tcp://build.example:2376/ ").ok(), Some(Address::Tcp("build.example:2376")));
        assert_eq!(read("tcp://[::1]:2375").ok(), Some(Address::Tcp("[::1]:2375")));
        for address in [
            "",
            "secret.example",
            "unix://relative.sock",
            "tcp://secret.example",
            "tcp://user:secret@h:1",
            "ssh://secret",
            "npipe:////./pipe",
        ] {
            let Err(Failure::Unusable(text)) = read(address) else { panic!("{address} was taken") };
            assert!(!text.contains("secret") && text.contains("hint: [docker] endpoint"), "{text}");
        }
    }
}

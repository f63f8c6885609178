//! The engine's address, and connections to it: a unix socket, TCP, or TLS with certificates.
//!
//! One connection carries one request: the engine's answers are often streams, and a unix socket costs nothing. What
//! goes wrong is told without the address, because the words reach guests. Absent on purpose: `ssh://` (it would start
//! a program) and `npipe://` (Windows).

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::body::{Body, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::super::Endpoint;
use super::tls;

/// How long a server may take to accept a connection, and to agree on TLS.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Seconds until the head of an answer is there; what takes longer by its nature does not go through bollard's clock.
const ANSWER_TIME_S: u64 = 3600;
const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// Why the engine cannot be talked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Trouble {
    /// The configuration gives no address that can be used.
    #[error("{0}")]
    NotConfigured(String),
    /// Trying again may help.
    #[error("{0}")]
    Unreachable(String),
    /// The engine, or the system before it, refused for good.
    #[error("{0}")]
    Rejected(String),
}

/// A connection's bytes.
pub(in super::super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Where the engine is and how to get there; cheap to clone.
#[derive(Clone)]
pub(in super::super) struct Wire {
    target: Arc<Target>,
    tls: Option<TlsConnector>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Unix(PathBuf),
    Tcp { host: String, port: u16 },
}

impl Wire {
    /// Reads the address and the certificates; nothing is connected yet.
    pub(in super::super) fn new(endpoint: &Endpoint) -> Result<Self, Trouble> {
        let (target, encrypted) = parse(&endpoint.address, endpoint.certificates.is_some()).map_err(Trouble::NotConfigured)?;
        let tls = if encrypted { Some(tls::config(endpoint.certificates.as_deref()).map_err(Trouble::NotConfigured)?) } else { None };
        Ok(Self { target: Arc::new(target), tls: tls.map(|config: ClientConfig| TlsConnector::from(Arc::new(config))) })
    }

    /// Whether the engine's processes may be this machine's.
    pub(in super::super) fn is_local(&self) -> bool {
        matches!(*self.target, Target::Unix(_))
    }

    /// The client of all ordinary calls.
    pub(in super::super) fn docker(&self) -> Result<Docker, Trouble> {
        let wire = self.clone();
        let transport = move |request: BollardRequest| {
            let wire = wire.clone();
            async move { wire.send(request).await.map_err(|error| bollard::errors::Error::IOError { err: error }) }
        };
        Docker::connect_with_custom_transport(transport, Some("http://docker"), ANSWER_TIME_S, API_DEFAULT_VERSION)
            .map_err(|error| Trouble::NotConfigured(error.to_string()))
    }

    /// Sends one request over a connection of its own; answers when the head of the response is there. An error is a
    /// [`Trouble`] within.
    pub(in super::super) async fn send<B>(&self, mut request: Request<B>) -> io::Result<Response<Incoming>>
    where
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>, Data: Send> + Send + 'static,
    {
        let stream = self.connect().await.map_err(of_trouble)?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::try_from(path).map_err(io::Error::other)?;
        request.headers_mut().insert(HOST, HeaderValue::from_str(&self.host()).map_err(io::Error::other)?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(of_hyper)?;
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await.map_err(|error| self.unanswered(error))
    }

    /// A connection to the engine.
    pub(in super::super) async fn connect(&self) -> Result<Box<dyn Bytes>, Trouble> {
        match &*self.target {
            Target::Unix(path) => Ok(Box::new(within(UnixStream::connect(path)).await?)),
            Target::Tcp { host, port } => {
                let stream = within(TcpStream::connect((host.as_str(), *port))).await?;
                let _ = stream.set_nodelay(true);
                let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
                let name = ServerName::try_from(host.clone()).map_err(|error| Trouble::NotConfigured(error.to_string()))?;
                Ok(Box::new(within(tls.connect(name, stream)).await?))
            }
        }
    }

    /// A server that does not accept our certificate may just close the connection, after TLS was agreed on.
    fn unanswered(&self, error: hyper::Error) -> io::Error {
        match trouble(&error) {
            Trouble::Unreachable(why) if self.tls.is_some() => io::Error::other(Trouble::Unreachable(format!(
                "{why}; over TLS that is often a certificate of ours that the engine does not accept"
            ))),
            other => io::Error::other(other),
        }
    }

    fn host(&self) -> String {
        match &*self.target {
            Target::Unix(_) => "docker".to_owned(),
            Target::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Target::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> Result<T, Trouble> {
    match tokio::time::timeout(CONNECT_TIME, work).await {
        Ok(done) => done.map_err(|error| trouble(&error)),
        Err(_) => Err(Trouble::Unreachable(looked_for(&format!("no connection to the engine within {} seconds", CONNECT_TIME.as_secs())))),
    }
}

/// What an error of a call means, wherever in it the cause lies.
pub(in super::super) fn trouble(error: &(dyn std::error::Error + 'static)) -> Trouble {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Trouble>() {
            return found.clone();
        }
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Trouble::Rejected(format!("TLS with the engine failed: {found}"));
        }
        if let Some(found) = error.downcast_ref::<io::Error>() {
            if let Some(inner) = found.get_ref() {
                cause = Some(inner);
                continue;
            }
            return of_kind(found);
        }
        cause = error.source();
    }
    Trouble::Unreachable(format!("the connection to the engine broke: {error}"))
}

/// With how the operator finds the address, which no guest is told.
fn looked_for(text: &str) -> String {
    format!("{text}\nhint: `host config docker.endpoint` shows where it is looked for")
}

fn of_kind(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Trouble::Rejected(looked_for("no permission on the engine's socket (people in its group, often `docker`, have it)"))
        }
        io::ErrorKind::NotFound => {
            Trouble::Unreachable(looked_for("the engine's socket does not exist: it does not run, or listens elsewhere"))
        }
        io::ErrorKind::ConnectionRefused => Trouble::Unreachable(looked_for("nobody listens at the engine's address")),
        kind => Trouble::Unreachable(format!("the connection to the engine broke: {kind}")),
    }
}

fn of_trouble(trouble: Trouble) -> io::Error {
    io::Error::other(trouble)
}

fn of_hyper(error: hyper::Error) -> io::Error {
    let found = trouble(&error);
    io::Error::other(found)
}

/// The target, and whether it is encrypted.
fn parse(address: &str, certificates: bool) -> Result<(Target, bool), String> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Err(format!("the engine's address `{address}` has no scheme; like `unix:///var/run/docker.sock` or `tcp://build:2376`"));
    };
    let encrypted = match scheme {
        "unix" if rest.starts_with('/') => return Ok((Target::Unix(PathBuf::from(rest)), false)),
        "unix" => return Err("the path after `unix://` must be absolute, as in `unix:///var/run/docker.sock`".to_owned()),
        "tcp" => certificates,
        "http" => false,
        "https" => true,
        "ssh" => {
            return Err("`ssh://` engines are not supported, because they need a program; forward its socket \
                        (`ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST`) and use `unix:///tmp/docker.sock`"
                .to_owned());
        }
        "npipe" => return Err("`npipe://` is Windows' own; use `tcp://` or a `unix://` socket".to_owned()),
        other => return Err(format!("`{other}://` is no way to an engine; `unix://`, `tcp://`, `http://` and `https://` are")),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let parsed = url::Url::parse(&format!("http://{authority}")).map_err(|error| format!("the engine's address: {error}"))?;
    if parsed.path() != "/" || parsed.query().is_some() || !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(format!("the engine's address is `{scheme}://HOST:PORT` and no more"));
    }
    let host = match parsed.host() {
        Some(url::Host::Ipv6(address)) => address.to_string(),
        Some(host) => host.to_string(),
        None => return Err("the engine's address names no host".to_owned()),
    };
    let default = if encrypted { TLS_PORT } else { PLAIN_PORT };
    // The parser takes 80 for what `http` means without saying it.
    let port = if authority.ends_with(":80") { 80 } else { parsed.port().unwrap_or(default) };
    Ok((Target::Tcp { host, port }, encrypted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Target {
        Target::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn addresses_are_taken_as_docker_takes_them() {
        let cases = [
            ("unix:///var/run/docker.sock", false, Target::Unix("/var/run/docker.sock".into()), false),
            ("unix:///run/user/1000/podman/podman.sock", true, Target::Unix("/run/user/1000/podman/podman.sock".into()), false),
            ("tcp://build", false, tcp("build", 2375), false),
            ("tcp://build/", true, tcp("build", 2376), true),
            ("tcp://10.0.0.1:4243", true, tcp("10.0.0.1", 4243), true),
            ("tcp://build:80", false, tcp("build", 80), false),
            ("tcp://[::1]:2376", true, tcp("::1", 2376), true),
            ("http://build:2375", true, tcp("build", 2375), false),
            ("https://build", false, tcp("build", 2376), true),
        ];
        for (address, certificates, target, encrypted) in cases {
            assert_eq!(parse(address, certificates), Ok((target, encrypted)), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_way_out() {
        for (address, expected) in [
            ("ssh://me@build", "forward its socket"),
            ("npipe:////./pipe/docker_engine", "Windows"),
            ("build:2376", "has no scheme"),
            ("unix://docker.sock", "must be absolute"),
            ("ftp://x", "is no way to an engine"),
            ("tcp://me:secret@build", "and no more"),
            ("tcp://build/path", "and no more"),
            ("tcp://", "the engine's address"),
        ] {
            let error = parse(address, false).unwrap_err();
            assert!(error.contains(expected) && !error.contains("secret"), "{address}: {error}");
        }
    }

    #[test]
    fn no_address_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.sock");
        let error = std::os::unix::net::UnixStream::connect(&missing).unwrap_err();
        let words = trouble(&io::Error::other(trouble(&error))).to_string();
        assert!(words.contains("does not exist") && !words.contains("missing"), "{words}");
    }
}

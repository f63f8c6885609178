//! Bytes to and from a server: TCP, TLS, a unix socket. Errors name what failed, never where.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore};

use super::Failure;
use super::target::Address;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(super) async fn open(address: &Address, tls: bool) -> Result<Box<dyn Stream>, Failure> {
    let (host, port) = match address {
        Address::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await.map_err(|error| unreachable(&error))?)),
        Address::Tcp(host, port) => (host.as_str(), *port),
    };
    let stream = TcpStream::connect((host, port)).await.map_err(|error| unreachable(&error))?;
    // Small commands must not wait for one another.
    stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
    if !tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| untrusted("its name cannot stand in a certificate"))?;
    let connector = TlsConnector::from(config()?);
    Ok(Box::new(connector.connect(name, stream).await.map_err(|error| tls_failure(&error))?))
}

/// The system's authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`: read once, 5 ms.
fn config() -> Result<Arc<ClientConfig>, Failure> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, Failure>> = OnceLock::new();
    CONFIG.get_or_init(load).clone()
}

fn load() -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(untrusted("no certificate authority is known here; name a file of them in SSL_CERT_FILE"));
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|_| untrusted("no version of TLS is offered"))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn untrusted(text: &str) -> Failure {
    Failure::Rejected { code: "TLS".to_owned(), message: text.to_owned() }
}

/// What rustls says may hold the server's name.
fn tls_failure(error: &io::Error) -> Failure {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else { return unreachable(error) };
    let text = match error {
        TlsError::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => {
                "its certificate comes from an unknown authority; name the authority's file in SSL_CERT_FILE"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "its certificate is not valid yet",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "its certificate is for another name",
            CertificateError::Revoked => "its certificate was revoked",
            _ => "its certificate cannot be trusted",
        },
        TlsError::InvalidMessage(_) => "it does not speak TLS; `redis://` is without",
        TlsError::AlertReceived(_) => "it refused the TLS handshake; it may want a client's certificate",
        _ => "the TLS handshake failed",
    };
    untrusted(text)
}

pub(super) fn unreachable(error: &io::Error) -> Failure {
    use io::ErrorKind;
    let text = match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there",
        ErrorKind::NotFound => "its socket does not exist",
        ErrorKind::PermissionDenied => "its socket may not be opened",
        ErrorKind::TimedOut => return Failure::Timeout("connecting took too long".to_owned()),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => "there is no way to its host",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            "it closed the connection"
        }
        // A name that cannot be resolved has no kind of its own.
        _ => "it cannot be connected to; is its name right?",
    };
    Failure::Unreachable(text.to_owned())
}

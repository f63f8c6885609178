//! Certificates: ours, from files that may change while we run, and those we trust when the application has TLS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::log::Log;
use crate::outcome::{Failure, Result};

/// How often the files are looked at; SIGHUP looks at once.
const LOOK: Duration = Duration::from_secs(5);

/// `--tls-cert` and `--tls-key`.
#[derive(Debug)]
pub(super) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    pub(super) fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>> {
        let current = RwLock::new(Arc::new(read(certificate, key)?));
        Ok(Arc::new(Self { certificate: certificate.to_owned(), key: key.to_owned(), current }))
    }

    /// Reads the files again. What cannot be read changes nothing.
    fn reload(&self) -> Result<()> {
        let fresh = Arc::new(read(&self.certificate, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn stamps(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| path.metadata().and_then(|facts| facts.modified()).ok())
    }

    pub(super) fn acceptor(self: &Arc<Self>) -> Result<tokio_rustls::TlsAcceptor> {
        let resolver = Arc::clone(self) as Arc<dyn ResolvesServerCert>;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::failed(format!("failed to set up TLS: {error}")))?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(tokio_rustls::TlsAcceptor::from(Arc::new(config)))
    }

    /// Follows the files until the process ends.
    pub(super) async fn watch(self: Arc<Self>, log: Log) {
        let mut hang_up = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok();
        let mut seen = self.stamps();
        loop {
            let asked = async {
                match &mut hang_up {
                    Some(signal) => drop(signal.recv().await),
                    None => std::future::pending().await,
                }
            };
            let told = tokio::select! { () = asked => true, () = tokio::time::sleep(LOOK) => false };
            let now = self.stamps();
            if told || now != seen {
                seen = now;
                match self.reload() {
                    Ok(()) => log.info("the certificate was read again"),
                    Err(failure) => log.warn(&format!("{failure}: the certificate before it stays in use")),
                }
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey> {
    let chain = certificates(certificate)?;
    let failed = |error: &dyn std::fmt::Display| Failure::usage(format!("failed to read the key `{}`: {error}", key.display()));
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(&error))?;
    let pair = CertifiedKey::from_der(chain, key_der, &provider());
    pair.map_err(|error| Failure::usage(format!("`{}` and `{}` do not belong together: {error}", certificate.display(), key.display())))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let failed = |error: &dyn std::fmt::Display| Failure::usage(format!("failed to read certificates from `{}`: {error}", path.display()));
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match found {
        Ok(found) if found.is_empty() => Err(failed(&"it holds none")),
        Ok(found) => Ok(found),
        Err(error) => Err(failed(&error)),
    }
}

/// Whom we trust as an application: the authorities of `--upstream-ca`, or those of this machine.
pub(super) fn client(authority: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| Failure::usage(format!("`{}`: {error}", path.display())))?;
            }
        }
        // Single ones that this machine holds and nobody can read change nothing.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::failed(format!("failed to set up TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

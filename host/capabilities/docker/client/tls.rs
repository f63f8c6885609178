//! TLS to an engine: the certificates that an operator put into one folder, as `docker` names them.
//!
//! With a `ca.pem` only servers that it signed are trusted, without one those the system trusts. The engine's name or
//! address must be in its certificate, always: there is no switch that turns this off.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

/// What to trust, and who we are; the error names the file.
pub(super) fn config(folder: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let signing = provider.key_provider;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let authority = folder.map(|folder| folder.join("ca.pem")).filter(|path| path.exists());
    let builder = builder.with_root_certificates(match authority {
        Some(path) => signed_by(&path)?,
        None => trusted_by_the_system(),
    });
    let Some(folder) = folder else { return Ok(builder.with_no_client_auth()) };
    if !folder.is_dir() {
        return Err("the folder of the engine's certificates does not exist".to_owned());
    }
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    match (certificate.exists(), key.exists()) {
        (false, false) => Ok(builder.with_no_client_auth()),
        (true, false) => Err("`key.pem` is missing beside `cert.pem` among the engine's certificates".to_owned()),
        (false, true) => Err("`cert.pem` is missing beside `key.pem` among the engine's certificates".to_owned()),
        (true, true) => {
            let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| unreadable(&key, &error))?;
            let key = signing.load_private_key(key).map_err(|error| format!("`key.pem` of the engine's certificates: {error}"))?;
            // Whether it is a good certificate is for the engine to say: old tools make ones that are not looked into here.
            let ours = SingleCertAndKey::from(CertifiedKey::new(certificates(&certificate)?, key));
            Ok(builder.with_client_cert_resolver(Arc::new(ours)))
        }
    }
}

fn signed_by(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unreadable(path, &error))?;
    }
    Ok(roots)
}

fn trusted_by_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| unreadable(path, &error))?;
    if read.is_empty() { Err(unreadable(path, &"it holds no certificate")) } else { Ok(read) }
}

/// The file's name and not its place: the words reach guests.
fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("`{}` of the engine's certificates: {why}", path.file_name().unwrap_or_default().to_string_lossy())
}

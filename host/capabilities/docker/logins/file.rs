//! Docker's configuration file, as far as it tells of registries. Nothing of its content gets into a message.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Login, LoginFile, WITHOUT};
use crate::capabilities::docker::client::Failure;

/// Who has logged in at a thousand registries has less.
const FILE_BYTES: u64 = 1 << 20;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Stored {
    auths: Option<BTreeMap<String, Entry>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

/// What is not there is an empty text, as docker takes it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// Nothing is stored where there is no file.
pub(super) fn read(file: &LoginFile) -> Result<Stored, Failure> {
    let shown = &file.shown;
    let opened = match File::open(&file.path) {
        Ok(opened) => opened,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) && !file.required => {
            return Ok(Stored::default());
        }
        Err(error) => return Err(unreadable(shown, &format!("cannot be opened: {}", error.kind()))),
    };
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(shown, &format!("cannot be read: {}", error.kind())))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(unreadable(shown, &format!("has more than {FILE_BYTES} bytes")));
    }
    parse(&bytes).map_err(|why| unreadable(shown, &why))
}

pub(super) fn parse(bytes: &[u8]) -> Result<Stored, String> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Stored::default());
    }
    let stored: Stored = serde_json::from_slice(bytes).map_err(|error| {
        // The parser's own words repeat what they stumble over.
        let what = if error.is_data() { "a value is not of the kind that docker writes" } else { "it is no JSON" };
        format!("cannot be understood: line {}, column {}: {what}", error.line(), error.column())
    })?;
    for (server, entry) in stored.auths.iter().flatten() {
        if entry.login().is_none() {
            return Err(format!("cannot be understood: `auth` of `{}` is not NAME:PASSWORD in base64", server.escape_debug()));
        }
    }
    Ok(stored)
}

impl Stored {
    /// What the file itself has for a registry, also under a name of older versions (`https://HOST/v1/`).
    pub(super) fn login(&self, key: &str) -> Login {
        let Some(auths) = &self.auths else { return Login::default() };
        let entry = auths.get(key).or_else(|| auths.iter().find(|(server, _)| host(server) == key).map(|(_, entry)| entry));
        entry.and_then(Entry::login).unwrap_or_default()
    }

    /// The program that knows more.
    pub(super) fn helper(&self, key: &str) -> Option<&str> {
        let named = self.cred_helpers.as_ref().and_then(|helpers| helpers.get(key));
        named.or(self.creds_store.as_ref()).map(String::as_str).filter(|name| !name.is_empty())
    }
}

impl Entry {
    /// None where `auth` cannot be understood.
    fn login(&self) -> Option<Login> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (username, password) = match self.auth.as_deref().filter(|auth| !auth.is_empty()) {
            Some(auth) => decoded(auth)?,
            None => (text(&self.username), text(&self.password)),
        };
        Some(Login { username, password, identity_token: text(&self.identitytoken), registry_token: text(&self.registrytoken) })
    }
}

fn decoded(auth: &str) -> Option<(String, String)> {
    let auth: String = auth.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    let text = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (name, password) = text.split_once(':').filter(|(name, _)| !name.is_empty())?;
    Some((name.to_owned(), password.trim_matches('\0').to_owned()))
}

/// `https://ghcr.io/v1/` is `ghcr.io`.
fn host(server: &str) -> &str {
    let rest = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    rest.split('/').next().unwrap_or(rest)
}

fn unreadable(shown: &str, why: &str) -> Failure {
    Failure::Unusable(format!("{shown} {why}; hint: mend it, or have `docker login` write it anew; {WITHOUT}"))
}

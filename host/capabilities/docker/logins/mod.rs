//! What the operator shows at registries, as `docker login` left it.
//!
//! The host reads it when an image is pulled or built, and hands the engine what belongs to the registry that is asked:
//! nothing of another one, and nothing to a guest. Absent on purpose: writing the file, and `docker` itself.

mod file;
mod helper;
pub(super) mod refused;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use self::file::Stored;
use self::refused::Shown;
use super::client::Failure;
use super::policy::image::{HUB, Reference};

/// By what name docker keeps the login of the registry of references that name none.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// Where that registry is asked.
const HUB_HOSTS: [&str; 3] = ["registry-1.docker.io", "index.docker.io", HUB];
/// What is shorter than this is not looked for in the engine's texts: it would be found everywhere.
const SHORTEST_SECRET: usize = 4;
/// What to do when a login cannot be had.
const WITHOUT: &str = "`credentials = false` under `[docker]` in host.toml asks registries without any";

/// Docker's own configuration file, or the one that host.toml names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFile {
    pub path: PathBuf,
    /// For messages, which guests see too: no path of the machine.
    pub shown: String,
    /// It must be there.
    pub required: bool,
}

/// Who is asked for an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Registry(String);

impl Registry {
    pub(super) fn of(reference: &Reference) -> Self {
        Self(reference.registry().to_owned())
    }

    /// As people write it.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// By what name docker keeps its login.
    pub(super) fn key(&self) -> &str {
        if self.0 == HUB { HUB_KEY } else { &self.0 }
    }

    /// Whether it is the one that is asked at this host.
    pub(super) fn is_at(&self, host: &str) -> bool {
        self.0 == host || (self.0 == HUB && HUB_HOSTS.contains(&host))
    }
}

/// What is shown at one registry. It has no `Debug`, so that it gets into no message.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    username: String,
    password: String,
    /// Instead of a password, to get a token with.
    identity_token: String,
    /// The token itself.
    registry_token: String,
}

impl Login {
    /// The header `X-Registry-Auth` of a pull.
    pub(super) fn header(&self, registry: &Registry) -> String {
        URL_SAFE.encode(self.json(registry).to_string())
    }

    /// A name and a secret, as BuildKit takes them; it takes no ready token.
    pub(super) fn pair(&self) -> Option<(&str, &str)> {
        match (self.identity_token.is_empty(), self.password.is_empty()) {
            (false, _) => Some(("", &self.identity_token)),
            (true, false) => Some((&self.username, &self.password)),
            (true, true) => None,
        }
    }

    fn json(&self, registry: &Registry) -> Value {
        let Self { username, password, identity_token, registry_token } = self;
        let fields = [
            ("username", username.as_str()),
            ("password", password),
            ("identitytoken", identity_token),
            ("registrytoken", registry_token),
            ("serveraddress", registry.key()),
        ];
        let given = fields.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name.to_owned(), value.into())).collect::<Map<_, _>>().into()
    }

    fn secrets(&self) -> impl Iterator<Item = &String> {
        [&self.password, &self.identity_token, &self.registry_token].into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET)
    }
}

/// The header `X-Registry-Config` of a build: what it may show, by registry.
pub(super) fn header_of_build<'l>(logins: impl IntoIterator<Item = &'l (Registry, Login)>) -> String {
    let by_key = logins.into_iter().map(|(registry, login)| (registry.key().to_owned(), login.json(registry)));
    URL_SAFE.encode(Value::from(by_key.collect::<Map<_, _>>()).to_string())
}

/// The logins of one run, each looked up once.
pub(super) struct Logins {
    file: Option<LoginFile>,
    /// One helper runs at a time: some ask people, and some cannot bear another.
    known: Mutex<Known>,
    /// All that were handed out: no text of the engine may hold one.
    secrets: RwLock<Vec<String>>,
}

#[derive(Default)]
struct Known {
    stored: Option<Stored>,
    logins: BTreeMap<Registry, Option<Login>>,
}

impl Logins {
    pub(super) fn new(file: Option<LoginFile>) -> Self {
        Self { file, known: Mutex::default(), secrets: RwLock::default() }
    }

    /// None where there is nothing to show.
    pub(super) async fn at(&self, registry: &Registry) -> Result<Option<Login>, Failure> {
        let Some(file) = &self.file else { return Ok(None) };
        let mut known = self.known.lock().await;
        if let Some(login) = known.logins.get(registry) {
            return Ok(login.clone());
        }
        if known.stored.is_none() {
            known.stored = Some(file::read(file)?);
        }
        let mut login = Login::default();
        if let Some(stored) = &known.stored {
            login = stored.login(registry.key());
            if let Some(name) = stored.helper(registry.key()) {
                // What the helper says of names and passwords counts alone, also when that is nothing.
                let told = helper::ask(name, registry.key(), &file.shown).await?.unwrap_or_default();
                login = Login { registry_token: login.registry_token, ..told };
            }
        }
        let login = Some(login).filter(|login| *login != Login::default());
        self.secrets.write().unwrap_or_else(PoisonError::into_inner).extend(login.iter().flat_map(Login::secrets).cloned());
        known.logins.insert(registry.clone(), login.clone());
        Ok(login)
    }

    /// What a registry was shown, for the words when it refuses.
    pub(super) fn shown(&self, login: Option<&Login>) -> Shown {
        match (&self.file, login) {
            (None, _) => Shown::Off,
            (Some(file), None) => Shown::Nothing { file: file.shown.clone() },
            (Some(file), Some(_)) => Shown::Login { file: file.shown.clone() },
        }
    }

    /// A text without the secrets that it may repeat.
    pub(super) fn conceal(&self, text: String) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().fold(text, |text, secret| if text.contains(secret) { text.replace(secret, "***") } else { text })
    }
}

//! `[docker]`, and what a command is granted on the engine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Placed, Text, text, texts};
use crate::capabilities::docker::{Endpoint, LoginFile};
use crate::grants::{DockerGrant, DockerPower, manifest};
use crate::outcome::Result;
use crate::project::document::{Item, Section};
use crate::project::{Environment, suggest};

/// Where Docker listens unless something else is said.
const DEFAULT_ENDPOINT: &str = "unix:///var/run/docker.sock";
/// What `host-namespaces` may name.
const NAMESPACES: [&str; 6] = ["network", "pid", "ipc", "uts", "user", "cgroup"];

/// `[docker]`: where the engine is.
#[derive(Clone, Debug, Default)]
pub struct DockerSection {
    /// `unix://`, `tcp://`
    pub endpoint: Option<Text>,
    /// A folder with `ca.pem`, `cert.pem` and `key.pem`.
    pub certificates: Option<Text>,
    pub credentials: Option<Credentials>,
}

/// What is shown at registries.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A file as `docker login` writes it.
    File(Text),
    /// `false`, on this line.
    Nothing(usize),
}

/// `docker` of a command.
#[derive(Clone, Debug)]
pub struct DockerGrantSection {
    pub powers: BTreeSet<DockerPower>,
    /// None is this project's name.
    pub project: Option<Text>,
    /// By their keys, in the order of [`DockerGrant::lists`].
    pub lists: Vec<(&'static str, Vec<Text>)>,
    pub privileged: Option<Placed<bool>>,
    pub engine_socket: Option<Placed<bool>>,
}

impl DockerSection {
    pub(super) fn read(root: &Section<'_>) -> Result<Self> {
        let Some(item) = root.get("docker") else { return Ok(Self::default()) };
        let section = item.section()?;
        section.only(&["endpoint", "certificates", "credentials"])?;
        let credentials = section.get("credentials").map(|item| credentials(&item)).transpose()?;
        Ok(Self { endpoint: text(&section, "endpoint")?, certificates: text(&section, "certificates")?, credentials })
    }

    /// Where the engine is; what host.toml does not say is read from DOCKER_HOST, DOCKER_CERT_PATH and DOCKER_TLS_VERIFY,
    /// as `docker` does.
    pub fn endpoint(&self, root: &Path, environment: &Environment) -> Result<Endpoint> {
        let of = |text: &Option<Text>| text.as_ref().map(|text| text.resolve(environment)).transpose();
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let address = of(&self.endpoint)?.or_else(|| variable("DOCKER_HOST")).filter(|address| !address.is_empty());
        let certificates = of(&self.certificates)?.filter(|folder| !folder.is_empty()).map(|folder| root.join(folder));
        // `docker` reads its own folder when it is told to use TLS and not where the certificates are.
        let verified = || variable("DOCKER_TLS_VERIFY").and_then(|_| variable("DOCKER_CERT_PATH").or_else(own_folder));
        Ok(Endpoint {
            address: address.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
            certificates: certificates.or_else(|| verified().map(PathBuf::from)),
            logins: self.logins(root, environment)?,
        })
    }

    /// The file of host.toml, else docker's own. A `.env` that came with a project does not say where that is: the file
    /// names programs.
    pub fn logins(&self, root: &Path, environment: &Environment) -> Result<Option<LoginFile>> {
        let named = match &self.credentials {
            Some(Credentials::Nothing(_)) => return Ok(None),
            Some(Credentials::File(text)) => Some((text.resolve(environment)?, text.line)).filter(|(path, _)| !path.is_empty()),
            None => None,
        };
        if let Some((path, line)) = named {
            let shown = format!("the file that `credentials` names (host.toml:{line})");
            return Ok(Some(LoginFile { path: root.join(path), shown, required: true }));
        }
        let variable = |name: &str| environment.of_process_only(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = variable("DOCKER_CONFIG").map(|folder| (folder, "`$DOCKER_CONFIG/config.json`"));
        let folder = folder.or_else(|| Some((variable("HOME")?.join(".docker"), "`~/.docker/config.json`")));
        Ok(folder.map(|(folder, shown)| LoginFile { path: folder.join("config.json"), shown: shown.to_owned(), required: false }))
    }
}

fn credentials(item: &Item<'_>) -> Result<Credentials> {
    match item.boolean() {
        Ok(false) => Ok(Credentials::Nothing(item.line())),
        Ok(true) => Err(item.error("is a file, or `false` for none")),
        Err(_) => Ok(Credentials::File(Text::read(item)?)),
    }
}

fn own_folder() -> Option<String> {
    std::env::var("HOME").ok().map(|home| format!("{home}/.docker"))
}

impl DockerGrantSection {
    pub(super) fn read(item: &Item<'_>) -> Result<Self> {
        let section = item.section()?;
        let lists: Vec<&'static str> = DockerGrant::default().lists().iter().map(|(key, _)| *key).collect();
        let known: Vec<&str> = ["allow", "project", "privileged", "engine-socket"].into_iter().chain(lists.iter().copied()).collect();
        section.only(&known)?;
        let placed = |item: Item<'_>| -> Result<Placed<bool>> { Ok(Placed { value: item.boolean()?, line: item.line() }) };
        let flag = |key| section.get(key).map(placed).transpose();
        let list = |key| section.get(key).map(|item| list(key, &item)).transpose().map(Option::unwrap_or_default);
        Ok(Self {
            powers: manifest::powers(&section.require("allow")?)?,
            project: text(&section, "project")?,
            lists: lists.into_iter().map(|key| Ok((key, list(key)?))).collect::<Result<_>>()?,
            privileged: flag("privileged")?,
            engine_socket: flag("engine-socket")?,
        })
    }

    /// With variables looked up, and the project's name as Compose takes it.
    pub(super) fn grant(&self, environment: &Environment) -> Result<DockerGrant> {
        let mut grant = self.filled(|text| text.resolve(environment))?;
        let Some(text) = &self.project else {
            grant.project = project_name_of(environment.get("PROJECT_NAME").unwrap_or_default());
            return Ok(grant);
        };
        let name = grant.project.to_lowercase();
        if name.is_empty() || project_name_of(&name) != name {
            let rule = "which is no compose project: letters, digits, `-` and `_`, a letter or digit first";
            return Err(text.error(&format!("is `{}`, {rule}", grant.project)));
        }
        Ok(DockerGrant { project: name, ..grant })
    }

    /// As written: what a line for host.toml is compared with.
    pub(super) fn powers(&self) -> DockerGrant {
        // Nothing is looked up, so that nothing fails.
        self.filled(|text| Ok(text.raw.clone())).unwrap_or_default()
    }

    fn filled(&self, value: impl Fn(&Text) -> Result<String>) -> Result<DockerGrant> {
        let mut grant = DockerGrant {
            powers: self.powers.clone(),
            project: self.project.as_ref().map(&value).transpose()?.unwrap_or_default(),
            privileged: self.privileged.as_ref().is_some_and(|flag| flag.value),
            engine_socket: self.engine_socket.as_ref().is_some_and(|flag| flag.value),
            ..DockerGrant::default()
        };
        for (key, texts) in &self.lists {
            if let Some(list) = grant.list_mut(key) {
                *list = texts.iter().map(&value).collect::<Result<_>>()?;
            }
        }
        Ok(grant)
    }
}

/// What Compose makes of a folder's name: lower case, and only what may stand in a project's name.
fn project_name_of(name: &str) -> String {
    let name: String = name.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

fn list(key: &str, item: &Item<'_>) -> Result<Vec<Text>> {
    for (word, item) in item.strings()? {
        if word.is_empty() {
            return Err(item.error("holds an empty text"));
        }
        if key == "host-namespaces" && !NAMESPACES.contains(&word) {
            return Err(item.error(&format!("names `{word}`, which is no namespace")).hint(suggest::hint(word, &NAMESPACES)));
        }
        if key == "capabilities" && word.starts_with("CAP_") {
            return Err(item.error(&format!("names `{word}`: write it without `CAP_`")));
        }
    }
    texts(item)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Config;
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>())
    }

    const UP: &str = "[commands.up.docker]\nallow = [\"inspect\", \"create\"]\nproject = \"${PROJECT_NAME}\"\n\
                      images = [\"postgres:*\", \"${REGISTRY}/shop\"]\nports = [\"8000-8099\"]\nhost-namespaces = [\"pid\"]\nprivileged = true\n";

    #[test]
    fn a_grant_is_read_with_its_lists_and_flags() {
        let config = Config::parse(UP.as_bytes()).unwrap();
        let granted = config.commands["up"].grants(&environment(&[("PROJECT_NAME", "Shop"), ("REGISTRY", "ghcr.io/a")])).unwrap();
        let docker = granted.docker.unwrap();
        assert_eq!((docker.project.as_str(), docker.privileged, docker.engine_socket), ("shop", true, false));
        assert_eq!((docker.images.as_slice(), docker.mounts.len()), (&["postgres:*".to_owned(), "ghcr.io/a/shop".to_owned()][..], 0));
        assert_eq!(docker.host_namespaces, ["pid"]);
        let written = config.commands["up"].powers().docker.unwrap();
        assert_eq!((written.project.as_str(), written.images[1].as_str()), ("${PROJECT_NAME}", "${REGISTRY}/shop"));
    }

    #[test]
    fn without_a_project_it_is_this_one() {
        let config = Config::parse(b"[commands.up]\ndocker.allow = [\"inspect\"]").unwrap();
        let grant = |name| config.commands["up"].grants(&environment(&[("PROJECT_NAME", name)])).unwrap().docker.unwrap().project;
        assert_eq!((grant("SHOP").as_str(), grant("_My Shop").as_str()), ("shop", "myshop"));
    }

    #[test]
    fn mistakes_are_named_with_place_and_cure() {
        for (text, expected, hint) in [
            ("[docker]\nendpiont = \"x\"", "host.toml:2:1: unknown key `endpiont` in [docker]", "did you mean `endpoint`?"),
            ("[commands.x]\ndocker = { allow = [\"craete\"] }", "host.toml:2:21: `commands.x.docker.allow` names `craete`", "`create`"),
            ("[commands.x]\ndocker.images = [\"a\"]", "host.toml:2:1: `allow` is missing in [commands.x.docker]", ""),
            ("[commands.x.docker]\nallow = [\"inspect\"]\nimage = [\"a\"]", "host.toml:3:1: unknown key `image`", "did you mean `images`?"),
            (
                "[commands.x.docker]\nallow = [\"inspect\"]\nhost-namespaces = [\"net\"]",
                "host.toml:3:20: `commands.x.docker.host-namespaces` names `net`",
                "`network`",
            ),
            (
                "[commands.x.docker]\nallow = [\"inspect\"]\nprivileged = \"yes\"",
                "host.toml:3:1: `commands.x.docker.privileged` must be",
                "",
            ),
            (
                "[commands.x.docker]\nallow = [\"inspect\"]\ncapabilities = [\"CAP_NET_ADMIN\"]",
                "host.toml:3:17: `commands.x.docker.capabilities` names `CAP_NET_ADMIN`: write it without `CAP_`",
                "",
            ),
        ] {
            let failure = Config::parse(text.as_bytes()).map(|_| ()).unwrap_err();
            assert!(failure.message.starts_with(expected), "{failure}\nexpected {expected}");
            assert!(failure.hints.concat().contains(hint), "{:?}", failure.hints);
        }
        let config = Config::parse(b"[commands.x.docker]\nallow = [\"inspect\"]\nproject = \"a b\"").unwrap();
        let failure = config.commands["x"].grants(&environment(&[])).unwrap_err();
        assert!(
            failure.message.starts_with("host.toml:3:1: `commands.x.docker.project` is `a b`, which is no compose project"),
            "{failure}"
        );
    }

    #[test]
    fn the_endpoint_is_that_of_host_toml_else_that_of_the_variables_else_the_usual_one() {
        let endpoint = |text: &str, pairs: &[(&str, &str)]| {
            Config::parse(text.as_bytes()).unwrap().docker.endpoint(Path::new("/shop"), &environment(pairs)).unwrap()
        };
        let tls = [("DOCKER_HOST", "tcp://build:2376"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/certs")];
        let found = endpoint("", &tls);
        assert_eq!((found.address.as_str(), found.certificates.as_deref()), ("tcp://build:2376", Some(Path::new("/certs"))));
        let found = endpoint("[docker]\nendpoint = \"unix:///x.sock\"\ncertificates = \"certs\"", &tls);
        assert_eq!((found.address.as_str(), found.certificates.as_deref()), ("unix:///x.sock", Some(Path::new("/shop/certs"))));
        let found = endpoint("", &[("DOCKER_HOST", ""), ("DOCKER_CERT_PATH", "/certs")]);
        assert_eq!((found.address.as_str(), found.certificates), (DEFAULT_ENDPOINT, None));
    }

    #[test]
    fn logins_are_those_of_host_toml_else_dockers_own() {
        let logins = |text: &str, pairs: &[(&str, &str)]| {
            let config = Config::parse(text.as_bytes()).unwrap();
            let found = config.docker.endpoint(Path::new("/shop"), &environment(pairs)).unwrap().logins;
            found.map(|file| (file.path.display().to_string(), file.required))
        };
        let own = [("HOME", "/me"), ("DOCKER_CONFIG", "/conf")];
        assert_eq!(logins("", &own), Some(("/conf/config.json".to_owned(), false)));
        assert_eq!(logins("", &own[..1]), Some(("/me/.docker/config.json".to_owned(), false)));
        assert_eq!(logins("", &[]), None);
        assert_eq!(logins("[docker]\ncredentials = false", &own), None);
        assert_eq!(logins("[docker]\ncredentials = \"../keys.json\"", &own), Some(("/shop/../keys.json".to_owned(), true)));
        assert_eq!(logins("[docker]\ncredentials = \"${NONE:-}\"", &own), Some(("/conf/config.json".to_owned(), false)));
        let shown = |text: &str| {
            let config = Config::parse(text.as_bytes()).unwrap();
            config.docker.endpoint(Path::new("/shop"), &environment(&own)).unwrap().logins.unwrap().shown
        };
        assert_eq!(shown("[docker]\ncredentials = \"/etc/keys.json\""), "the file that `credentials` names (host.toml:2)");
        for wrong in ["true", "1"] {
            assert!(Config::parse(format!("[docker]\ncredentials = {wrong}").as_bytes()).is_err());
        }
    }
}

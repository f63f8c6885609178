//! What the operator chose: `config` of host.toml, and SSL from `.env`.

use host_sdk::{Error, Host, Result};

use crate::routes::Offer;

/// Pinned: the same routes are read in the same way tomorrow.
pub const IMAGE: &str = "traefik:v3.7.15";
pub const NETWORK: &str = "reverse-proxy";
/// Below the project's folder; an absolute path lets several projects on the machine write the same routes.
const FOLDER: &str = "var/reverse-proxy";
const RESOLVER: &str = "letsencrypt";
const SOCKET: &str = "/var/run/docker.sock";
pub(crate) const ENTRY_POINTS: [&str; 2] = ["web", "websecure"];

/// Who reads the labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// We do, and write a file.
    File,
    /// Traefik does, with the engine's socket.
    Docker,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub image: String,
    pub provider: Provider,
    pub network: String,
    pub folder: String,
    pub http_port: u16,
    pub https_port: u16,
    /// Certificates, and the second entry point.
    pub tls: bool,
    pub resolver: String,
    pub acme_email: Option<String>,
    pub acme_server: Option<String>,
    pub socket: String,
}

impl Settings {
    pub fn read(host: &Host) -> Result<Self> {
        Self::from(|key| host.config(key), std::env::var("SSL").ok().as_deref())
    }

    fn from(config: impl Fn(&str) -> Result<Option<String>>, ssl: Option<&str>) -> Result<Self> {
        let text = |key: &str| Ok::<_, Error>(config(key)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
        let or = |key: &str, default: &str| Ok::<_, Error>(text(key)?.unwrap_or_else(|| default.to_owned()));
        let port = |key: &str, default: u16| match text(key)? {
            None => Ok(default),
            Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong(key, &text, "which is no port")),
        };
        let provider = match or("provider", "file")?.as_str() {
            "file" => Provider::File,
            "docker" => Provider::Docker,
            other => return Err(wrong("provider", other, "and there are `file` and `docker`")),
        };
        Ok(Self {
            image: or("image", IMAGE)?,
            provider,
            network: or("network", NETWORK)?,
            folder: or("folder", FOLDER)?.trim_end_matches('/').to_owned(),
            http_port: port("http-port", 80)?,
            https_port: port("https-port", 443)?,
            tls: said(ssl.unwrap_or_default())?,
            resolver: or("cert-resolver", RESOLVER)?,
            acme_email: text("acme-email")?,
            acme_server: text("acme-server")?,
            socket: or("socket", SOCKET)?,
        })
    }

    /// Ports of this machine.
    pub fn ports(&self) -> Vec<u16> {
        if self.tls { vec![self.http_port, self.https_port] } else { vec![self.http_port] }
    }

    pub fn offer(&self) -> Offer {
        let entry_points = ENTRY_POINTS.iter().take(self.ports().len()).map(|&name| name.to_owned()).collect();
        Offer { network: self.network.clone(), entry_points, resolver: self.tls.then(|| self.resolver.clone()) }
    }
}

/// As people write it in `.env`; whatever else stands there would take certificates off, or put them on, by mistake.
fn said(ssl: &str) -> Result<bool> {
    match ssl.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "" | "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Error::usage(format!("`SSL` is `{ssl}`, and neither `true` nor `false`"))),
    }
}

fn wrong(key: &str, value: &str, why: &str) -> Error {
    Error::usage(format!("`config.{key}` of host.toml is `{value}`, {why}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn settings(config: &[(&str, &str)], ssl: Option<&str>) -> Result<Settings> {
        let find = |key: &str| Ok(config.iter().find(|(known, _)| *known == key).map(|(_, value)| (*value).to_owned()));
        Settings::from(find, ssl)
    }

    #[test]
    fn ssl_of_the_environment_chooses_certificates_and_the_second_port() {
        for (ssl, ports) in [
            (None, vec![80]),
            (Some("false"), vec![80]),
            (Some(""), vec![80]),
            (Some("true"), vec![80, 443]),
            (Some("True"), vec![80, 443]),
            (Some("yes"), vec![80, 443]),
            (Some("0"), vec![80]),
        ] {
            let settings = settings(&[], ssl).unwrap();
            assert_eq!((settings.ports(), settings.offer().resolver.is_some()), (ports, settings.tls), "{ssl:?}");
        }
        assert!(settings(&[], Some("maybe")).is_err());
    }

    #[test]
    fn what_the_configuration_says_wins_and_what_it_cannot_say_is_an_error() {
        let chosen =
            settings(&[("image", "traefik:v3.6.2"), ("http-port", "8080"), ("folder", "/srv/routes/"), ("provider", "docker")], None)
                .unwrap();
        assert_eq!((chosen.image.as_str(), chosen.ports(), chosen.folder.as_str()), ("traefik:v3.6.2", vec![8080], "/srv/routes"));
        assert_eq!(chosen.provider, Provider::Docker);
        for (key, value) in [("http-port", "0"), ("https-port", "many"), ("provider", "consul")] {
            let failure = settings(&[(key, value)], None).unwrap_err().into_failure();
            assert!(failure.ending.code() == 2 && failure.message.contains(key), "{failure:?}");
        }
    }
}

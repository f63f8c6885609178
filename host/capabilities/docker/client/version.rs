//! What the engine is and what it has learnt: asked for once, and only when something depends on it.

use super::{Engine, Failure};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// `20.10.24`
    pub(crate) version: String,
    /// `1.41`
    pub(crate) api_version: String,
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) podman: bool,
    api: (u32, u32),
}

/// A version of the engine's API.
pub(crate) type Api = (u32, u32);

impl Version {
    pub(crate) fn is_at_least(&self, api: Api) -> bool {
        self.api >= api
    }
}

impl Engine {
    /// An engine does not become another one under a run: it is asked once.
    pub(crate) async fn version(&self) -> Result<&Version, Failure> {
        self.version.get_or_try_init(|| self.ask_version()).await
    }

    /// An error where the engine is older than what `field` needs.
    pub(crate) async fn needs(&self, api: Api, field: &str) -> Result<(), Failure> {
        let version = self.version().await?;
        if version.is_at_least(api) {
            return Ok(());
        }
        let (major, minor) = api;
        let Version { version, api_version, .. } = version;
        Err(Failure::TooOld(format!(
            "`{field}` needs an engine with API {major}.{minor} or later; this one is {version} with API {api_version}"
        )))
    }

    async fn ask_version(&self) -> Result<Version, Failure> {
        let answer = self.ask(|docker| async move { docker.version().await }).await?;
        let components = answer.components.unwrap_or_default();
        let podman = components.iter().any(|component| component.name.to_lowercase().contains("podman"));
        let api_version = answer.api_version.unwrap_or_default();
        Ok(Version {
            version: answer.version.unwrap_or_default(),
            api: read(&api_version),
            api_version,
            os: answer.os.unwrap_or_default(),
            architecture: answer.arch.unwrap_or_default(),
            podman,
        })
    }
}

/// What cannot be read is taken for very old: nothing is sent that it may not know.
fn read(api: &str) -> Api {
    let (major, minor) = api.split_once('.').unwrap_or((api, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(read("1.44") > read("1.9") && read("1.44") >= (1, 44) && read("2.0") > (1, 99));
        assert_eq!(read("strange"), (0, 0));
    }
}

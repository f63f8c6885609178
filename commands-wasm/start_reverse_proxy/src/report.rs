//! What is told in the end.

use host_sdk::serde_json::json;
use host_sdk::{Host, Result, out, talk, warning};
use proxy::routes::{Router, Routes};
use proxy::settings::{Provider, Settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// It ran already, as it should.
    Running,
    Started,
    /// In place of one that was made differently.
    Recreated,
    /// It does not run, and was not to be started.
    Stopped,
}

pub(crate) struct Report<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) routes: &'a Routes,
    pub(crate) done: Done,
    pub(crate) host: &'a Host,
}

impl Report<'_> {
    pub(crate) fn tell(&self) -> Result<()> {
        let Self { settings, routes, done, host } = self;
        if host.wants_json() {
            let router =
                |router: &Router| json!({ "name": router.name, "rule": router.rule, "project": router.project, "service": router.service });
            let state = match done {
                Done::Running => "running",
                Done::Started => "started",
                Done::Recreated => "recreated",
                Done::Stopped => "stopped",
            };
            let provider = if settings.provider == Provider::File { "file" } else { "docker" };
            return host.json(&json!({
                "state": state, "image": settings.image, "provider": provider, "ports": settings.ports(), "tls": settings.tls,
                "routes": routes.routers.iter().map(router).collect::<Vec<_>>(), "warnings": routes.warnings,
            }));
        }
        let ports = settings.ports().iter().map(u16::to_string).collect::<Vec<_>>().join(" and ");
        match done {
            Done::Running => talk!("the reverse proxy runs already, on port {ports}; its routes are up to date"),
            Done::Started => talk!("started the reverse proxy ({}) on port {ports}", settings.image),
            Done::Recreated => {
                talk!("started the reverse proxy ({}) anew on port {ports}: what it follows from has changed", settings.image)
            }
            Done::Stopped => talk!("wrote the routes; the reverse proxy does not run: `host run {}`", host.name()),
        }
        table(&routes.routers).iter().for_each(|line| out!("{line}"));
        routes.warnings.iter().for_each(|text| warning!("{text}"));
        if routes.routers.is_empty() {
            talk!("no running stack on the network `{}` asks for a route (`traefik.enable=true`)", settings.network);
        }
        Ok(())
    }
}

fn table(routers: &[Router]) -> Vec<String> {
    let whose = |router: &Router| format!("{}/{}", router.project, router.service);
    let widest = routers.iter().map(|router| whose(router).chars().count()).max().unwrap_or_default();
    routers.iter().map(|router| format!("{:widest$}  {}", whose(router), router.rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_told_with_whose_they_are() {
        let router =
            |project: &str, rule: &str| Router { name: "x".into(), rule: rule.into(), project: project.into(), service: "web".into() };
        let lines = table(&[router("shop", "Host(`a`)"), router("pr-42", "Host(`b`)")]);
        assert_eq!(lines, ["shop/web   Host(`a`)", "pr-42/web  Host(`b`)"]);
    }
}

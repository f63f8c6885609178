//! Images: listed, pulled, removed.

use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use hyper::{Method, Request};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{Engine, Failure, filters, of_project, pairs, raw};
use crate::capabilities::docker::inspect::Image;
use crate::capabilities::docker::logins::{Login, Registry, refused};
use crate::capabilities::docker::policy::image::Reference;
use crate::capabilities::docker::types::Event;

/// The header of the login for a pull.
const AUTH: &str = "x-registry-auth";

impl Engine {
    /// Those that were built for one project, or all of the machine.
    pub(crate) async fn images_of(&self, project: Option<&str>) -> Result<Vec<Image>, Failure> {
        let by = project.and_then(|project| filters(&[("label", &of_project(project))]));
        // Digests are in the answer without being asked for; asking makes old engines look for more.
        let options = ListImagesOptions { filters: by, ..ListImagesOptions::default() };
        let list = self.ask(|docker| async move { docker.list_images(Some(options)).await }).await?;
        Ok(list.into_iter().map(image).collect())
    }

    /// Those that have one name, as people write it.
    pub(crate) async fn images_named(&self, name: &str) -> Result<Vec<Image>, Failure> {
        let options = ListImagesOptions { filters: filters(&[("reference", name)]), ..ListImagesOptions::default() };
        let list = self.ask(|docker| async move { docker.list_images(Some(options)).await }).await?;
        Ok(list.into_iter().map(image).collect())
    }

    /// Pulls one image, with the login for its registry; what that tells on the way goes to `say`. Asked by ourselves:
    /// the crate beneath writes logins in an alphabet that the engine does not read.
    pub(crate) async fn pull(&self, image: &Reference, platform: &str, say: impl Fn(Event)) -> Result<(), Failure> {
        let registry = Registry::of(image);
        let login = self.logins.at(&registry).await?;
        let shown = self.logins.shown(login.as_ref());
        let fetched = self.fetch(image, platform, login.as_ref(), say).await;
        fetched.map_err(|failure| refused::explained(failure, image.written(), &registry, &shown))
    }

    /// The same with a login that was found before, or as a stranger.
    pub(crate) async fn fetch(&self, image: &Reference, platform: &str, login: Option<&Login>, say: impl Fn(Event)) -> Result<(), Failure> {
        let mut request = Request::builder().method(Method::POST).uri(pull_path(image, platform));
        if let Some(login) = login {
            request = request.header(AUTH, login.header(&Registry::of(image)));
        }
        let request = request.body(String::new()).map_err(|_| raw::unaskable())?;
        let pulled = async {
            let mut body = self.raw(request).await?.into_body();
            raw::each_line(&mut body, |line: Told| {
                let detail = line.error_detail.and_then(|detail| detail.message);
                match detail.or(line.error) {
                    Some(message) => Err(Failure::Answered { status: 0, message: self.scrub(message.trim()) }),
                    None => {
                        let progress = line.progress_detail.unwrap_or_default();
                        let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
                        let (id, text) = (line.id.unwrap_or_default(), self.scrub(&line.status.unwrap_or_default()));
                        say(Event { id, text, current: count(progress.current), total: count(progress.total) });
                        Ok(())
                    }
                }
            })
            .await
        };
        self.patiently(pulled).await
    }

    pub(crate) async fn remove_image(&self, reference: &str) -> Result<(), Failure> {
        let options = RemoveImageOptions::default();
        let removed = self.work(|docker| async move { docker.remove_image(reference, Some(options), None).await }).await;
        super::containers::gone_is_fine(removed.map(drop))
    }
}

fn image(summary: ImageSummary) -> Image {
    // An image without a tag is listed as `<none>:<none>` by some engines.
    let is_named = |reference: &String| !reference.contains("<none>");
    let named = |references: Vec<String>| references.into_iter().filter(is_named).map(|name| short(&name).to_owned()).collect();
    Image {
        id: summary.id,
        tags: named(summary.repo_tags),
        digests: named(summary.repo_digests),
        size: u64::try_from(summary.size).unwrap_or(0),
        labels: pairs(Some(summary.labels)),
    }
}

/// Podman lists names in full; Docker, and those who read it, as they are written.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

fn pull_path(image: &Reference, platform: &str) -> String {
    let (name, tag) = image.parts();
    let mut query = Serializer::new(String::new());
    query.append_pair("fromImage", name).append_pair("tag", tag);
    if !platform.is_empty() {
        query.append_pair("platform", platform);
    }
    format!("/images/create?{}", query.finish())
}

/// What the engine says while it pulls, a line each.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Told {
    id: Option<String>,
    status: Option<String>,
    progress_detail: Option<Counted>,
    error_detail: Option<Detail>,
    /// Without a detail in Podman.
    error: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counted {
    current: Option<i64>,
    total: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn names_in_full_are_told_as_they_are_written() {
        for (full, written) in [
            ("docker.io/library/shop-web:latest", "shop-web:latest"),
            ("docker.io/grafana/loki:3", "grafana/loki:3"),
            ("shop-web:latest", "shop-web:latest"),
            ("ghcr.io/library/x:1", "ghcr.io/library/x:1"),
            ("localhost/shop-web:latest", "localhost/shop-web:latest"),
        ] {
            assert_eq!(short(full), written);
        }
    }
}

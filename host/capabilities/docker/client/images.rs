//! Images: listed, pulled, removed.

use bollard::models::{CreateImageInfo, ImageSummary};
use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions};
use futures_util::StreamExt;

use super::{Engine, Failure, filters, of_project, pairs};
use crate::capabilities::docker::inspect::Image;
use crate::capabilities::docker::types::Event;

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

    /// Pulls one image; what the registry tells on the way goes to `say`.
    pub(crate) async fn pull(&self, name: &str, tag: &str, platform: &str, say: impl Fn(Event)) -> Result<(), Failure> {
        let options = CreateImageOptions {
            from_image: Some(name.to_owned()),
            tag: Some(tag.to_owned()),
            platform: platform.to_owned(),
            ..CreateImageOptions::default()
        };
        let docker = self.patient_docker()?;
        let pulled = async {
            let mut answers = docker.create_image(Some(options), None, None);
            while let Some(answer) = answers.next().await {
                let answer = answer.map_err(|error| self.failure(error))?;
                if let Some(error) = answer.error_detail.as_ref().and_then(|detail| detail.message.as_deref()) {
                    return Err(Failure::Answered { status: 0, message: self.scrub(error) });
                }
                say(event(answer));
            }
            Ok(())
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

fn event(info: CreateImageInfo) -> Event {
    let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    let progress = info.progress_detail.unwrap_or_default();
    Event {
        id: info.id.unwrap_or_default(),
        text: info.status.unwrap_or_default(),
        current: count(progress.current),
        total: count(progress.total),
    }
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

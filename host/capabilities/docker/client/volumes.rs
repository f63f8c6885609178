//! Volumes.

use bollard::models::{Volume as Listed, VolumeCreateRequest};
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};

use super::containers::gone_is_fine;
use super::{Engine, Failure, filters, given, map, of_project, pairs};
use crate::capabilities::docker::inspect::Volume;
use crate::capabilities::docker::types::Pair;

impl Engine {
    /// Those of one project, or all of the machine, each with the options of its driver.
    pub(crate) async fn volumes_of(&self, project: Option<&str>) -> Result<Vec<(Volume, Vec<Pair>)>, Failure> {
        let options = project.map(|project| ListVolumesOptions { filters: filters(&[("label", &of_project(project))]) });
        let list = self.ask(|docker| async move { docker.list_volumes(options).await }).await?;
        let with_options = |mut listed: Listed| (pairs(Some(std::mem::take(&mut listed.options))), volume(listed));
        Ok(list.volumes.unwrap_or_default().into_iter().map(with_options).map(|(options, volume)| (volume, options)).collect())
    }

    /// A volume of that name which is there already is what the engine answers with, whatever its labels are.
    pub(crate) async fn create_volume(
        &self,
        name: String,
        driver: String,
        options: Vec<Pair>,
        labels: Vec<Pair>,
    ) -> Result<Volume, Failure> {
        let request = VolumeCreateRequest {
            name: given(name),
            driver: given(driver),
            driver_opts: map(options),
            labels: map(labels),
            ..VolumeCreateRequest::default()
        };
        self.ask(|docker| async move { docker.create_volume(request).await }).await.map(volume)
    }

    pub(crate) async fn remove_volume(&self, name: &str) -> Result<(), Failure> {
        let options = RemoveVolumeOptions { force: false };
        gone_is_fine(self.ask(|docker| async move { docker.remove_volume(name, Some(options)).await }).await)
    }
}

fn volume(listed: Listed) -> Volume {
    Volume {
        name: listed.name,
        labels: pairs(Some(listed.labels)),
        driver: listed.driver,
        created: listed.created_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
    }
}

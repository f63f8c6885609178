//! Power `remove`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::error::{invalid, no_such};
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::making::is_named;
use crate::capabilities::docker::policy::image::Reference;
use crate::capabilities::docker::remove::Host;
use crate::capabilities::docker::scope::Scope;
use crate::capabilities::docker::types::Error;
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::{check_name, operation};

impl Host for DockerView<'_> {
    async fn container(&mut self, container: String, force: bool, volumes: bool) -> Trap<Result<Resource<Job>, Error>> {
        let words = [(force, "force"), (volumes, "volumes")].into_iter().filter(|(said, _)| *said).map(|(_, word)| word);
        let operation = operation("remove.container", &container, Effect::Destroy, words.collect::<Vec<_>>().join(" "));
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Remove));
        self.begin(operation, decision, Dropped::GoesOn, |_| async move {
            check_name(&container)?;
            let id = match scope.container_id(&container).await {
                Ok(id) => id,
                Err(Error::NoSuchObject(_)) => return Ok(String::new()),
                Err(error) => return Err(error),
            };
            scope.engine.remove_container(&id, force, volumes).await?;
            Ok(String::new())
        })
    }

    async fn image(&mut self, reference: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("remove.image", &reference, Effect::Destroy, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Remove));
        self.begin(operation, decision, Dropped::GoesOn, |_| async move {
            check_name(&reference)?;
            let name = own_name(&scope, &reference).await?;
            scope.engine.remove_image(&name).await?;
            Ok(String::new())
        })
    }
}

/// The name or id in the engine's own words, of an image that was built for this project.
async fn own_name(scope: &Scope, written: &str) -> Result<String, Error> {
    let own = scope.engine.images_of(Some(scope.project())).await?;
    if let Some(image) = own.iter().find(|image| scope.is_own(&image.labels) && image.id == written) {
        return Ok(image.id.clone());
    }
    let reference = Reference::new(written).map_err(invalid)?;
    if own.iter().any(|image| scope.is_own(&image.labels) && is_named(image, &reference)) {
        return Ok(reference.for_engine());
    }
    // Older tools than Compose 2 write no labels.
    if reference.is_named_for(scope.project()) {
        let named = scope.engine.images_named(&reference.for_engine()).await?;
        if named.iter().any(|image| is_named(image, &reference) && scope.may_see(&image.labels)) {
            return Ok(reference.for_engine());
        }
    }
    Err(no_such("image", written))
}

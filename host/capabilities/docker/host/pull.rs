//! Power `pull`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::DockerView;
use crate::capabilities::docker::error::{invalid, no_such};
use crate::capabilities::docker::jobs::{Dropped, Job};
use crate::capabilities::docker::making::is_named;
use crate::capabilities::docker::policy::image::Reference;
use crate::capabilities::docker::policy::lack::Lack;
use crate::capabilities::docker::pull::Host;
use crate::capabilities::docker::types::Error;
use crate::gate::{Decision, Effect};
use crate::grants::DockerPower;

use super::operation;

impl Host for DockerView<'_> {
    async fn pull(&mut self, reference: String, platform: String) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("pull.pull", &reference, Effect::Change, platform.clone());
        let scope = self.scope();
        let mut decision = self.decide(DockerPower::Pull);
        let image = match Reference::new(&reference) {
            Ok(image) => image,
            Err(problem) => return Ok(self.ctx.gate.pass_now(operation, decision, || Err(invalid(problem)))),
        };
        // An image that has a name of ours is built, and not fetched from somebody.
        if decision == Decision::Allowed && !scope.permit.has_image(&image) {
            decision = Decision::Denied(scope.permit.denial(&[Lack::item("image", "images", &reference)]));
        }
        self.begin(operation, decision, Dropped::Cancels, |reporter| async move {
            scope.engine.pull(&image, &platform, |event| reporter.say(event)).await?;
            let found = scope.engine.images_named(&image.for_engine()).await?;
            let found = found.into_iter().find(|found| is_named(found, &image));
            found.map(|found| found.id).ok_or_else(|| no_such("image", &reference))
        })
    }
}

//! What a build may show at registries: the operator's login at each whose images, as far as the instructions name them,
//! are all granted. Whoever writes instructions could read with it whatever it opens, and copy that into an image.

use std::collections::BTreeMap;

use super::super::client::Failure;
use super::super::logins::refused::{Shown, of_step, with_cure};
use super::super::logins::{Login, Registry};
use super::super::policy::image::Reference;
use super::super::policy::lack::Lack;
use super::super::scope::Scope;

/// For each registry that instructions name, what it is shown.
pub(super) struct Logins {
    pub(super) given: Vec<(Registry, Login)>,
    asked: Vec<(Reference, Registry, Shown)>,
}

/// `images` are all that the build may fetch; what is not a reference is the engine's to refuse.
pub(super) async fn of(scope: &Scope, images: impl Iterator<Item = &String>) -> Result<Logins, Failure> {
    let mut by_registry: BTreeMap<Registry, Vec<Reference>> = BTreeMap::new();
    let references = images.filter_map(|image| Reference::new(image).ok());
    // What was built for the project is in no registry.
    for reference in references.filter(|reference| !reference.is_named_for(scope.project())) {
        by_registry.entry(Registry::of(&reference)).or_default().push(reference);
    }
    let mut logins = Logins { given: Vec::new(), asked: Vec::new() };
    for (registry, references) in by_registry {
        let shown = match references.iter().find_map(|reference| not_granted(scope, reference)) {
            Some(shown) => shown,
            None => {
                let login = scope.engine.logins.at(&registry).await?;
                let shown = scope.engine.logins.shown(login.as_ref());
                logins.given.extend(login.map(|login| (registry.clone(), login)));
                shown
            }
        };
        logins.asked.extend(references.into_iter().map(|reference| (reference, registry.clone(), shown.clone())));
    }
    Ok(logins)
}

fn not_granted(scope: &Scope, reference: &Reference) -> Option<Shown> {
    let own_reader = reference.parts().0 == super::check::OWN_READER;
    let lack: Lack = scope.permit.image("image", reference).filter(|_| !own_reader)?;
    Some(Shown::NotGranted { image: reference.written().to_owned(), cure: scope.permit.cure_of(&[lack]) })
}

impl Logins {
    /// A failure with what cures it, where it is that of a registry.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        let named = self.asked.iter().find(|(reference, ..)| failure.says(&reference.written().to_lowercase()));
        let only = || self.asked.first().filter(|_| self.asked.len() == 1);
        match named.or_else(only) {
            Some((_, registry, shown)) => of_step(failure, registry, shown),
            None => failure,
        }
    }

    /// The same of one image, whose name the failure may not have.
    pub(super) fn explain_of(&self, reference: &Reference, failure: Failure) -> Failure {
        match self.asked.iter().find(|(asked, ..)| asked == reference) {
            Some((_, registry, shown)) => with_cure(failure, registry, shown),
            None => failure,
        }
    }

    /// What an image is fetched with.
    pub(super) fn at(&self, reference: &Reference) -> Option<&Login> {
        let registry = Registry::of(reference);
        self.given.iter().find(|(given, _)| *given == registry).map(|(_, login)| login)
    }

    /// Registries whose login BuildKit cannot be given.
    pub(super) fn untold(&self) -> impl Iterator<Item = &str> {
        self.given.iter().filter(|(_, login)| login.pair().is_none()).map(|(registry, _)| registry.name())
    }
}

/// What BuildKit is told for the host that it asks; none is no login.
pub(super) fn at_host<'l>(given: &'l [(Registry, Login)], host: &str) -> Option<(&'l str, &'l str)> {
    given.iter().find(|(registry, _)| registry.is_at(host)).and_then(|(_, login)| login.pair())
}

//! What secrets and configs hold, as far as it must be known to see that it changed: a digest, kept in a label.
//!
//! Many read labels, and a short secret can be guessed by its plain digest; so the host makes them, with a key of this
//! user's. What another key made cannot be compared, and is left alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use compose::{Project, Reference, SecretOrConfig, Service};
use host_sdk::docker::inspect::Container;
use host_sdk::docker::{create, label, pair};
use host_sdk::{detail, serde_json};

use crate::labels;
use crate::spec::{Wanted, mounted_path};

/// A file that is longer is not compared; the host takes no longer text either.
const BYTES_BOUND: u64 = 1 << 20;

/// By key of the service, `secrets.token`: what its value is compared by.
pub(crate) type Values = BTreeMap<String, String>;

/// Looks at what all services are given, and puts it into their labels.
pub(crate) fn look(wanted: &mut Wanted, project: &Project) {
    // A secret of several services is looked at once.
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    for wish in wanted.services.values_mut() {
        let Some(service) = project.services.get(&wish.name) else { continue };
        for (key, source) in sources(project, service) {
            let digest = known.entry(key.clone()).or_insert_with(|| content(project, source).and_then(|text| digest(&key, &text)));
            wish.values.extend(digest.clone().map(|digest| (key, digest)));
        }
        if !wish.values.is_empty() {
            wish.spec.labels.push(pair(labels::VALUES, serde_json::json!(wish.values).to_string()));
        }
    }
}

/// Those that are not what the container was given, and those of which nobody can tell.
pub(crate) fn compare(container: &Container, wanted: &Values) -> (Vec<String>, Vec<String>) {
    let said = label(&container.labels, labels::VALUES).and_then(|said| serde_json::from_str::<Values>(said).ok()).unwrap_or_default();
    let (mut changed, mut unknown) = (Vec::new(), Vec::new());
    for (key, value) in wanted {
        match said.get(key) {
            Some(old) if old == value => {}
            Some(old) if key_of(old) == key_of(value) => changed.push(key.clone()),
            Some(_) => unknown.push(key.clone()),
            // It could not be read then, or another program made the container.
            None => {}
        }
    }
    (changed, unknown)
}

fn key_of(digest: &str) -> &str {
    digest.split(':').next().unwrap_or_default()
}

fn sources<'p>(project: &'p Project, service: &'p Service) -> impl Iterator<Item = (String, &'p SecretOrConfig)> {
    let of = |section: &'static str, references: &'p [Reference], all: &'p BTreeMap<String, SecretOrConfig>| {
        references.iter().filter_map(move |reference| Some((format!("{section}.{}", reference.source), all.get(&reference.source)?)))
    };
    of("secrets", &service.secrets, &project.secrets).chain(of("configs", &service.configs, &project.configs))
}

/// None where it cannot be read: a file that was not granted, a folder.
fn content(project: &Project, source: &SecretOrConfig) -> Option<Vec<u8>> {
    if let Some(text) = &source.content {
        return Some(text.clone().into_bytes());
    }
    let path = mounted_path(project, source.file.as_ref()?).ok()?;
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(BYTES_BOUND + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        detail!("`{}` cannot be read, so nobody can tell when it changes: {error}", source.key);
        return None;
    }
    u64::try_from(bytes.len()).is_ok_and(|length| length <= BYTES_BOUND).then_some(bytes)
}

fn digest(key: &str, text: &[u8]) -> Option<String> {
    match create::digest(key, text) {
        Ok(digest) => Some(digest),
        Err(error) => {
            detail!("nobody can tell when {key} changes: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn values_are_compared_by_digests_of_one_key() {
        let mut container = fixture::container("shop-web-1", "shop");
        let said = r#"{"secrets.same":"k1:a","secrets.new":"k1:b","configs.far":"k0:c","secrets.gone":"k1:d"}"#;
        container.labels.push(pair(labels::VALUES, said));
        let values = [("secrets.same", "k1:a"), ("secrets.new", "k1:x"), ("configs.far", "k1:c"), ("secrets.added", "k1:e")];
        let wanted: Values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(compare(&container, &wanted), (vec!["secrets.new".to_owned()], vec!["configs.far".to_owned()]));
        container.labels.clear();
        assert_eq!(compare(&container, &wanted), (vec![], vec![]));
    }
}

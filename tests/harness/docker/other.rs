//! Another engine than the machine's own: HOST_TEST_ENGINE names a folder in which packages of one were unpacked.
//!
//! Its programs come first: engine, containerd, `docker` with its plugins, `docker-compose`. Its `etc/docker/daemon.json`
//! counts too. What it has not (runc) is the machine's. Without the variable nothing here changes anything.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn folder() -> Option<PathBuf> {
    env::var_os("HOST_TEST_ENGINE").map(PathBuf::from)
}

/// Then `docker-compose` is Compose 2, too.
pub(crate) fn is_other_engine() -> bool {
    folder().is_some()
}

/// Folders of programs, the other engine's before those that are given.
pub(super) fn path(rest: &str) -> String {
    let own = folder().map(|folder| format!("{0}/usr/sbin:{0}/usr/bin:", folder.display()));
    format!("{}{rest}", own.unwrap_or_default())
}

/// The engine's configuration.
pub(super) fn configuration(asked: &str) -> String {
    let own = folder().and_then(|folder| fs::read_to_string(folder.join("etc/docker/daemon.json")).ok());
    let Some(own) = own else { return asked.to_owned() };
    let [Value::Object(mut all), Value::Object(asked)] = [&own, asked].map(|text| serde_json::from_str(text).expect("JSON")) else {
        panic!("a configuration is an object");
    };
    all.extend(asked);
    Value::Object(all).to_string()
}

/// Where `docker` looks for its plugins, with this home.
pub(super) fn plugins(home: &Path) {
    if let Some(folder) = folder() {
        fs::create_dir(home.join(".docker")).expect("a folder");
        symlink(folder.join("usr/libexec/docker/cli-plugins"), home.join(".docker/cli-plugins")).expect("a link");
    }
}

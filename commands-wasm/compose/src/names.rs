//! Names: what Compose calls things on the engine, and what a project may be called.

use crate::error::{Error, Place};

/// `<project>-<service>-<number>`, unless `container_name` says otherwise.
pub fn container(project: &str, service: &str, number: u32) -> String {
    format!("{project}-{service}-{number}")
}

/// `<project>-<service>`: an image that is built and has no name of its own.
pub fn image(project: &str, service: &str) -> String {
    format!("{project}-{service}")
}

/// Lower case letters, digits, `-` and `_`, the first a letter or digit.
pub fn is_project(name: &str) -> bool {
    let first = name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    first && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

/// The nearest name that a project may have: lower case, other characters left out. Empty, when nothing is left.
pub fn normalised(name: &str) -> String {
    let allowed: String = name
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_'))
        .collect();
    allowed.trim_start_matches(['-', '_']).to_owned()
}

/// A name that was given on purpose must be right as it is.
pub(crate) fn check_project(name: &str, from: &str) -> Result<(), Error> {
    if is_project(name) {
        return Ok(());
    }
    let error = Error::new(format!(
        "`{name}`, from {from}, is not a project's name: lower case letters, digits, `-` and `_`, first a letter or digit"
    ));
    let close = normalised(name);
    Err(if close.is_empty() { error } else { error.hint(format!("call it `{close}`")) })
}

/// A key that becomes part of a name on the engine.
pub(crate) fn check_key(key: &str, what: &str, place: &Place) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !key.is_empty() && key.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(format!("`{key}` is not a {what}'s name: letters, digits, `.`, `_` and `-`")).at(place))
}

/// What Docker takes for a container's name.
pub(crate) fn is_container(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_names_are_brought_into_form_as_compose_does() {
        for (name, expected) in [("My Shop", "myshop"), ("_x-1", "x-1"), ("Ünï", "n"), ("...", ""), ("a.b", "ab")] {
            assert_eq!(normalised(name), expected, "{name}");
        }
        assert!(is_project("shop-1_a"));
        for name in ["Shop", "-shop", "", "a.b", "a b"] {
            assert!(!is_project(name), "{name}");
        }
        let error = check_project("My Shop", "PROJECT_NAME").unwrap_err();
        assert_eq!(error.hints, ["call it `myshop`"]);
    }

    #[test]
    fn things_are_called_as_compose_calls_them() {
        assert_eq!(container("shop", "web", 2), "shop-web-2");
        assert_eq!(image("shop", "web"), "shop-web");
    }
}

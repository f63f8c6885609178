//! Labels, options and the like: names with values.

use std::collections::BTreeSet;

use super::Invalid;
use crate::capabilities::docker::types::Pair;

/// A name that is given twice would be read with one value here and with the other one by the engine.
pub(super) fn each_once(field: &str, pairs: &[Pair]) -> Result<(), Invalid> {
    let mut names = BTreeSet::new();
    match pairs.iter().find(|pair| !names.insert(pair.name.as_str())) {
        Some(pair) => Err(format!("`{field}`: `{}` is given twice", pair.name.escape_debug())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_value() {
        let pairs = |names: &[&str]| names.iter().map(|name| Pair { name: (*name).to_owned(), value: String::new() }).collect::<Vec<_>>();
        assert!(each_once("options", &pairs(&[])).is_ok());
        assert!(each_once("options", &pairs(&["type", "o", "device"])).is_ok());
        let text = each_once("options", &pairs(&["type", "o", "type"])).unwrap_err();
        assert_eq!(text, "`options`: `type` is given twice");
    }
}

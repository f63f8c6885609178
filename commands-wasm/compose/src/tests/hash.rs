//! Compose's hash, and ours.

use super::load;
use crate::hash;

#[test]
fn the_hash_of_networks_with_priorities_is_compose_s() {
    let project =
        load("services:\n  web:\n    build: .\n    networks:\n      b: {priority: 100}\n      a: {priority: 10}\nnetworks: {a: , b: }\n");
    assert_eq!(hash::service(&project.services["web"], None), "8dbce408396f8986266bc5deba0c09cfebac63c95c2238e405c7bee5f1bd84b8");
}

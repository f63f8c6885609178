//! What the stack commands share: from compose files to containers.
//!
//! - [`project`]: options and files become a compose project; [`spec`]: what the engine would be asked for.
//! - [`observed`]: what is there, in at most four calls. [`plan`]: what is to be done and why; pure.
//! - [`one_off`]: a container for one command. [`execute`]: doing it, as much at once as can be, with the [`hands`] of the command. [`progress`]: telling it.
//!
//! Reconciliation decides by hashes of each key in the label `host.config`, so that it can name the key that changed.
//! Every operation may be done twice: whoever runs a killed command again goes on where it ended.

pub mod blame;
pub mod build;
pub mod check;
pub mod down;
pub mod execute;
#[cfg(test)]
mod fixture;
pub mod hands;
pub mod images;
pub mod labels;
mod late;
pub mod observed;
mod one_network;
pub mod one_off;
pub mod plan;
pub mod progress;
pub mod project;
mod routing;
pub mod sample;
pub mod spec;
pub mod up;
mod values;
pub mod words;

//! Warnings on their way to the user, each once.

use std::cell::RefCell;

use crate::error::{Place, Warning};

#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: RefCell<Vec<Warning>>,
}

/// A file with more to warn about has said enough.
const MOST: usize = 1_000;

impl Notes {
    /// Warns, unless the same was said before, wherever that was.
    pub(crate) fn warn(&self, place: Option<&Place>, message: impl Into<String>) {
        let message = message.into();
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < MOST && !warnings.iter().any(|warning| warning.message == message) {
            warnings.push(Warning { message, place: place.cloned() });
        }
    }

    pub(crate) fn take(&self) -> Vec<Warning> {
        self.warnings.take()
    }
}

//! The labels that say what belongs together, and those that a guest must leave to the host.

pub const PROJECT: &str = "com.docker.compose.project";

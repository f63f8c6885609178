//! What people call things.

use host_sdk::docker::inspect::Status;

pub fn status(status: Status) -> &'static str {
    match status {
        Status::Created => "created",
        Status::Running => "running",
        Status::Paused => "paused",
        Status::Restarting => "restarting",
        Status::Removing => "being removed",
        Status::Exited => "exited",
        Status::Dead => "dead",
    }
}

/// `1 container`, `3 containers`.
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

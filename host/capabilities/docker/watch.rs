//! Waiting for a container: looked at in growing pauses, because an engine's stream of events is lost with its connection
//! and says nothing about what happened meanwhile.

use tokio::time::Instant;

use super::client::{Failure, State};
use super::error::no_such;
use super::inspect::Until;
use super::limits;
use super::scope::Scope;
use super::types::{Error, Health, Status};

/// Until the container is as far, or will not get there. One that is removed meanwhile is not there.
pub(super) async fn watch(scope: &Scope, name: &str, until: Until) -> Result<String, Error> {
    let id = scope.container_id(name).await?;
    let mut pause = limits::LOOK_FIRST;
    let mut lost = None;
    loop {
        match scope.engine.state(&id).await {
            Ok(state) if is_over(&state, until) => return Ok(String::new()),
            Ok(_) => lost = None,
            Err(Failure::Answered { status: 404, .. }) => return Err(no_such("container", name)),
            // An engine that restarts is back soon, and may keep its containers running.
            Err(Failure::Lost(text)) => {
                let since = *lost.get_or_insert_with(Instant::now);
                if since.elapsed() > limits::OUTAGE {
                    return Err(Error::ConnectionFailed(text));
                }
            }
            Err(failure) => return Err(failure.into()),
        }
        tokio::time::sleep(pause).await;
        pause = limits::LOOK_LONGEST.min(pause.mul_f32(1.5));
    }
}

fn is_over(state: &State, until: Until) -> bool {
    // One that is being removed is not there in a moment.
    let ended = matches!(state.status, Status::Exited | Status::Dead);
    let running = state.status == Status::Running;
    match until {
        // What ended by itself will not run any more.
        Until::Running => running || ended,
        Until::Healthy => ended || (running && state.health != Health::Starting),
        Until::Exited => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: Status, health: Health) -> State {
        State {
            status,
            health,
            exit_code: 0,
            error: String::new(),
            out_of_memory: false,
            started_at: String::new(),
            finished_at: String::new(),
            restart_count: 0,
            failing_streak: 0,
            probes: vec![],
            tty: false,
            stop_signal: String::new(),
            stop_timeout_s: None,
        }
    }

    #[test]
    fn a_container_is_waited_for_until_it_is_as_far_or_will_not_get_there() {
        use Health::{Healthy, None as Unchecked, Starting, Unhealthy};
        use Status::{Created, Exited, Restarting, Running};
        let table = [
            (Created, Unchecked, [false, false, false]),
            (Running, Unchecked, [true, true, false]),
            (Running, Starting, [true, false, false]),
            (Running, Healthy, [true, true, false]),
            (Running, Unhealthy, [true, true, false]),
            (Restarting, Starting, [false, false, false]),
            (Exited, Unhealthy, [true, true, true]),
            (Status::Removing, Unchecked, [false, false, false]),
        ];
        for (status, health, expected) in table {
            let over = [Until::Running, Until::Healthy, Until::Exited].map(|until| is_over(&state(status, health), until));
            assert_eq!(over, expected, "{status:?} {health:?}");
        }
    }
}

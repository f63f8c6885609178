//! Signals while a program of the person's is in the foreground: they are for that program.
//!
//! The run itself hears SIGINT and SIGTERM and hands them over. SIGHUP (the terminal was closed) and SIGQUIT usually
//! just end the process, which would leave the program in the container alone and the terminal in raw mode: from the
//! first time a program is attached they are heard here too.

use std::sync::Once;

use tokio::signal::unix::{SignalKind, signal};

use crate::gate::{Gate, Signals};
use crate::terminal;

static HEARD: Once = Once::new();

/// The run's signals, until this is dropped.
pub(in super::super) fn taken(gate: &Gate) -> Signals {
    let signals = gate.take_signals();
    HEARD.call_once(|| {
        for kind in [SignalKind::hangup(), SignalKind::quit()] {
            tokio::spawn(hear(kind, gate.clone()));
        }
    });
    signals
}

/// What is heard once cannot be left to the system again: where nobody takes it, the process ends as it would have.
async fn hear(kind: SignalKind, gate: Gate) {
    let Ok(mut heard) = signal(kind) else { return };
    while heard.recv().await.is_some() {
        if !gate.hand_over(kind.as_raw_value()) {
            terminal::restore();
            std::process::exit(128 + kind.as_raw_value());
        }
    }
}

//! What is counted, as Prometheus reads it. Counting is one atomic addition; names are written when asked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::frames::{Kind, Violation};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the client to the application.
    Up,
    /// From the application to the client.
    Down,
}

/// Why the gateway let go of a connection without a close of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Silent,
    SlowClient,
    SlowUpstream,
    Closing,
}

/// Why a handshake was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed,
    Origin,
    Rate,
    Full,
    Busy,
    Draining,
    Slow,
    Tls,
    Upstream,
    Unreachable,
    UpstreamSlow,
}

impl Refused {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Malformed, "malformed"),
        (Self::Origin, "origin"),
        (Self::Rate, "rate"),
        (Self::Full, "full"),
        (Self::Busy, "busy"),
        (Self::Draining, "draining"),
        (Self::Slow, "slow"),
        (Self::Tls, "tls"),
        (Self::Upstream, "upstream"),
        (Self::Unreachable, "unreachable"),
        (Self::UpstreamSlow, "upstream-slow"),
    ];
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Text, "text"),
    (Kind::Binary, "binary"),
    (Kind::Continuation, "continuation"),
    (Kind::Ping, "ping"),
    (Kind::Pong, "pong"),
    (Kind::Close, "close"),
];
const DIRECTIONS: [(Direction, &str); 2] = [(Direction::Up, "to-application"), (Direction::Down, "to-client")];
const CUTS: [(Cut, &str); 4] = [
    (Cut::Silent, "silent"),
    (Cut::SlowClient, "slow-client"),
    (Cut::SlowUpstream, "slow-application"),
    (Cut::Closing, "unfinished-close"),
];

type One = Family<[(&'static str, &'static str); 1], Counter>;
type Two = Family<[(&'static str, &'static str); 2], Counter>;

pub(super) struct Metrics {
    registry: Registry,
    connections: Family<[(&'static str, String); 1], Gauge>,
    opened: Counter,
    frames: [[Counter; KINDS.len()]; DIRECTIONS.len()],
    bytes: [Counter; DIRECTIONS.len()],
    refused: [Counter; Refused::ALL.len()],
    cuts: [Counter; CUTS.len()],
    violations: [Counter; DIRECTIONS.len()],
    dropped: Counter,
    reloaded: Counter,
    lost_upstream: Counter,
    redis_up: Gauge,
    redis_losses: Counter,
    gateways: Gauge,
    reaped: Counter,
    draining: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("host_gateway");
        let connections = Family::default();
        registry.register("connections", "Open connections by label", connections.clone());
        let frames = Two::default();
        registry.register("frames", "Frames passed on", frames.clone());
        let bytes = One::default();
        registry.register("bytes", "Bytes read, headers of frames included", bytes.clone());
        let refused = One::default();
        registry.register("handshakes_refused", "Handshakes that led to no connection", refused.clone());
        let cuts = One::default();
        registry.register("cuts", "Connections let go without a close", cuts.clone());
        let violations = One::default();
        registry.register("violations", "Frames against the protocol or past the bounds", violations.clone());
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let opened = counter("connections_opened", "Connections since the start");
        let dropped = counter("drops", "Connections told to close by a broadcast");
        let reloaded = counter("reloads", "Frames sent that make a page load anew");
        let lost_upstream = counter("application_losses", "Connections whose application left without a close");
        let redis_losses = counter("redis_losses", "Times the connection to Redis was lost or refused");
        let reaped = counter("reaped_connections", "Connections of dead gateways taken out of Redis");
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let redis_up = gauge("redis_up", "1 while connections are registered in Redis");
        let gateways = gauge("gateways", "Live gateways that share this Redis");
        let draining = gauge("draining", "1 while the gateway ends");
        Self {
            frames: DIRECTIONS
                .map(|(_, direction)| KINDS.map(|(_, kind)| frames.get_or_create_owned(&[("direction", direction), ("kind", kind)]))),
            bytes: DIRECTIONS.map(|(_, direction)| bytes.get_or_create_owned(&[("direction", direction)])),
            refused: Refused::ALL.map(|(_, reason)| refused.get_or_create_owned(&[("reason", reason)])),
            cuts: CUTS.map(|(_, reason)| cuts.get_or_create_owned(&[("reason", reason)])),
            violations: DIRECTIONS.map(|(_, direction)| violations.get_or_create_owned(&[("direction", direction)])),
            registry,
            connections,
            opened,
            dropped,
            reloaded,
            lost_upstream,
            redis_up,
            redis_losses,
            gateways,
            reaped,
            draining,
        }
    }

    pub(super) fn opened(&self) {
        self.opened.inc();
    }

    pub(super) fn frame(&self, direction: Direction, kind: Kind) {
        if let Some(counter) = self.frames.get(direction as usize).and_then(|kinds| kinds.get(kind as usize)) {
            counter.inc();
        }
    }

    pub(super) fn bytes(&self, direction: Direction, bytes: u64) {
        if let Some(counter) = self.bytes.get(direction as usize) {
            counter.inc_by(bytes);
        }
    }

    pub(super) fn refused(&self, why: Refused) {
        if let Some(counter) = self.refused.get(why as usize) {
            counter.inc();
        }
    }

    pub(super) fn cut(&self, why: Cut) {
        if let Some(counter) = self.cuts.get(why as usize) {
            counter.inc();
        }
    }

    pub(super) fn violation(&self, direction: Direction, _violation: Violation) {
        if let Some(counter) = self.violations.get(direction as usize) {
            counter.inc();
        }
    }

    pub(super) fn dropped(&self, connections: u64) {
        self.dropped.inc_by(connections);
    }

    pub(super) fn reloaded(&self) {
        self.reloaded.inc();
    }

    pub(super) fn lost_upstream(&self) {
        self.lost_upstream.inc();
    }

    pub(super) fn redis(&self, up: bool) {
        self.redis_up.set(i64::from(up));
    }

    pub(super) fn redis_is_up(&self) -> bool {
        self.redis_up.get() == 1
    }

    pub(super) fn redis_lost(&self) {
        self.redis_losses.inc();
    }

    pub(super) fn gateways(&self, live: usize) {
        self.gateways.set(i64::try_from(live).unwrap_or(i64::MAX));
    }

    pub(super) fn live_gateways(&self) -> i64 {
        self.gateways.get()
    }

    pub(super) fn reaped(&self, connections: u64) {
        self.reaped.inc_by(connections);
    }

    pub(super) fn draining(&self) {
        self.draining.set(1);
    }

    /// The whole exposition; `labels` are the connections of this moment.
    pub(super) fn text(&self, labels: &BTreeMap<Arc<str>, u64>) -> String {
        self.connections.clear();
        for (label, count) in labels {
            self.connections.get_or_create(&[("label", escape(label))]).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
            // Writing to a string cannot fail; an empty exposition is at least well-formed.
            let _ = text.write_str("# EOF\n");
        }
        text
    }
}

/// The crate writes values as they are.
fn escape(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_names_is_that_of_the_values() {
        assert!(KINDS.iter().enumerate().all(|(place, (kind, _))| *kind as usize == place));
        assert!(DIRECTIONS.iter().enumerate().all(|(place, (direction, _))| *direction as usize == place));
        assert!(CUTS.iter().enumerate().all(|(place, (cut, _))| *cut as usize == place));
        assert!(Refused::ALL.iter().enumerate().all(|(place, (refused, _))| *refused as usize == place));
    }

    #[test]
    fn what_was_counted_is_exposed_and_hostile_labels_cannot_add_lines() {
        let metrics = Metrics::new();
        metrics.frame(Direction::Down, Kind::Binary);
        metrics.bytes(Direction::Up, 7);
        metrics.refused(Refused::Origin);
        metrics.cut(Cut::SlowClient);
        let text = metrics.text(&BTreeMap::from([(Arc::from("a\"} 1\nevil 1"), 3)]));
        for line in [
            r#"host_gateway_frames_total{direction="to-client",kind="binary"} 1"#,
            r#"host_gateway_bytes_total{direction="to-application"} 7"#,
            r#"host_gateway_handshakes_refused_total{reason="origin"} 1"#,
            r#"host_gateway_cuts_total{reason="slow-client"} 1"#,
            r#"host_gateway_connections{label="a\"} 1\nevil 1"} 3"#,
            "host_gateway_redis_up 0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is missing in\n{text}");
        }
        assert!(!metrics.text(&BTreeMap::new()).contains("evil"));
    }
}

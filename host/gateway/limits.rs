//! Bounds of the gateway that no flag moves, each with its reason, and how often one address may knock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// All headers of a handshake together: cookies and tokens of real applications are far below.
pub(super) const HEADER_BYTES: usize = 32 << 10;
/// Headers of a handshake; tungstenite reads as many of the answer.
pub(super) const HEADERS: usize = 100;
/// Handshakes under way at once: each may hold a header's buffer.
pub(super) const HANDSHAKES: usize = 4_096;
/// What is passed on of an application's refusal.
pub(super) const REFUSAL_BYTES: usize = 64 << 10;
/// Descriptors that are not connections: listeners, Redis, files, the runtime.
pub(super) const DESCRIPTORS_KEPT: u64 = 64;
/// How long both sides have to finish a close.
pub const CLOSING: Duration = Duration::from_secs(5);

/// Addresses remembered at once; a full table forgets those that knocked longest ago.
const ADDRESSES: usize = 65_536;
/// Seconds of its rate that an address may use at once.
const BURST_SECONDS: f64 = 2.0;

/// A token bucket for each address. IPv6 clients own a whole /64, so that is what counts.
pub(super) struct Rates {
    /// Handshakes a second; none is no limit.
    rate: Option<f64>,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Rates {
    pub(super) fn new(rate: Option<f64>) -> Self {
        Self { rate, buckets: Mutex::new(HashMap::new()) }
    }

    /// Whether this address may try now.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        self.admits_at(address, Instant::now())
    }

    fn admits_at(&self, address: IpAddr, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let burst = (rate * BURST_SECONDS).max(1.0);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        if buckets.len() >= ADDRESSES && !buckets.contains_key(&network) {
            make_room(&mut buckets, rate, now);
        }
        let bucket = buckets.entry(network).or_insert(Bucket { tokens: burst, at: now });
        bucket.tokens = (bucket.tokens + now.saturating_duration_since(bucket.at).as_secs_f64() * rate).min(burst);
        bucket.at = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }

    /// Forgets addresses whose bucket is full again. Cheap when there is nothing.
    pub(super) fn forget_old(&self) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= 1024 {
            let now = Instant::now();
            buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at).as_secs_f64() < BURST_SECONDS);
        }
    }
}

/// Half of the table goes, those that knocked longest ago.
fn make_room(buckets: &mut HashMap<IpAddr, Bucket>, rate: f64, now: Instant) {
    buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at).as_secs_f64() * rate < rate * BURST_SECONDS);
    if buckets.len() < ADDRESSES {
        return;
    }
    let mut times: Vec<Instant> = buckets.values().map(|bucket| bucket.at).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    buckets.retain(|_, bucket| bucket.at > median);
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Raises the soft limit of descriptors to the hard one; answers how many connections of two descriptors fit.
pub(super) fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Where it is not allowed, the soft limit holds, and the bound below follows it.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    descriptors.saturating_sub(DESCRIPTORS_KEPT) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_may_use_its_rate_and_not_more() {
        let rates = Rates::new(Some(5.0));
        let start = Instant::now();
        let admitted = |at| (0..100).filter(|_| rates.admits_at(address("192.0.2.1"), at)).count();
        assert_eq!(admitted(start), 10);
        assert_eq!(admitted(start + Duration::from_secs(1)), 5);
        assert_eq!(admitted(start + Duration::from_secs(60)), 10);
        assert!(rates.admits_at(address("192.0.2.2"), start));
        assert!((0..1000).all(|_| Rates::new(None).admits(address("192.0.2.1"))));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address_and_mapped_ones_as_ipv4() {
        let rates = Rates::new(Some(1.0));
        let now = Instant::now();
        assert!(rates.admits_at(address("2001:db8::1"), now) && rates.admits_at(address("2001:db8::2"), now));
        assert!(!rates.admits_at(address("2001:db8::3"), now));
        assert!(rates.admits_at(address("2001:db8:0:1::3"), now));
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_table_past_its_bound() {
        let rates = Rates::new(Some(1.0));
        let start = Instant::now();
        for number in 0..200_000_u32 {
            rates.admits_at(IpAddr::from(number.to_be_bytes()), start + Duration::from_micros(u64::from(number)));
        }
        assert!(rates.buckets.lock().unwrap().len() <= ADDRESSES);
    }
}

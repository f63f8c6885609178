//! A cluster: which node has which slot, and a connection to each that was needed.
//!
//! Ours instead of the crate's, which sends a command again after a connection broke or timed out, whatever
//! the command does. Here a command is sent again only when its node says that it did not do it (MOVED, ASK,
//! TRYAGAIN, ...) or when it was never sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;

use super::reply::{Reply, ServerError, extent};
use super::request::Request;
use super::session::{Commands, Trouble, Way, send};
use super::target::{Address, Place};
use super::wire::{Budget, Wire};
use super::{Failure, connect};

const SLOTS: usize = 16_384;
/// How often one command follows its slot before the call fails.
const ATTEMPTS: u32 = 8;
/// Before the next attempt, times the number of those before: a failover takes seconds.
const PAUSE: Duration = Duration::from_millis(100);
const TOPOLOGY_BYTES: usize = 16 << 20;
/// Far more than any cluster has.
const NODES_BOUND: usize = 1_000;
const NOBODY: u16 = u16::MAX;

pub(super) struct Cluster {
    nodes: Vec<Node>,
    /// For each slot the place of its master in `nodes`.
    slots: Vec<u16>,
}

struct Node {
    address: Address,
    wire: Option<Wire>,
}

/// What became of one command on a node.
enum Fate {
    Answered(Vec<Reply>),
    /// To be sent again, to this node after ASKING, or to whoever has the slot by now.
    Again {
        asking: Option<usize>,
    },
}

impl Cluster {
    /// Asks the seeds one after the other for the slots; the version of the one that answered.
    pub(super) async fn discover(way: &Way) -> Result<(Self, String), Failure> {
        let Place::Cluster(seeds) = &way.target.place else { return Err(Failure::Unreachable("it is no cluster".to_owned())) };
        let mut cluster = Self { nodes: Vec::new(), slots: vec![NOBODY; SLOTS] };
        let version = cluster.learn(way, seeds.clone()).await?;
        Ok((cluster, version))
    }

    /// Takes the slots from the first of these servers that tells them.
    async fn learn(&mut self, way: &Way, servers: Vec<Address>) -> Result<String, Failure> {
        let share = way.timeouts.connect / u32::try_from(servers.len()).unwrap_or(u32::MAX).clamp(1, 5);
        let mut last = Failure::Unreachable("no node was named".to_owned());
        for server in servers {
            match connect::within(share, ask_slots(way, &server)).await {
                Ok((wire, replies, version)) => {
                    self.take_slots(&replies, &server)?;
                    if let Some(node) = self.nodes.iter_mut().find(|node| node.address == server) {
                        node.wire = Some(wire);
                    }
                    return Ok(version);
                }
                Err(failure) if matches!(last, Failure::Rejected { .. }) => drop(failure),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// The same from the nodes that are known and the seeds.
    async fn learn_again(&mut self, way: &Way) -> Result<(), Failure> {
        let Place::Cluster(seeds) = &way.target.place else { return Ok(()) };
        let known: BTreeSet<Address> = self.nodes.iter().map(|node| node.address.clone()).chain(seeds.iter().cloned()).collect();
        self.learn(way, known.into_iter().collect()).await.map(|_| ())
    }

    /// CLUSTER SLOTS: ranges, each with its master first.
    fn take_slots(&mut self, replies: &[Reply], told_by: &Address) -> Result<(), Failure> {
        let (head, mut rest) = replies.split_first().ok_or_else(nonsense)?;
        let mut slots = vec![NOBODY; SLOTS];
        for _ in 0..head.holds() {
            let (range, after) = rest.split_at_checked(extent(rest)).ok_or_else(nonsense)?;
            let [Reply::List(_), Reply::Integer(from), Reply::Integer(to), Reply::List(_), host, Reply::Integer(port), ..] = range else {
                return Err(nonsense());
            };
            let node = self.node(address_of(host, *port, told_by)?)?;
            let (from, to) = (usize::try_from(*from).unwrap_or(SLOTS), usize::try_from(*to).unwrap_or(SLOTS));
            slots.get_mut(from..=to.min(SLOTS - 1)).unwrap_or_default().fill(node);
            rest = after;
        }
        self.slots = slots;
        Ok(())
    }

    /// The place of a node, which is new or known.
    fn node(&mut self, address: Address) -> Result<u16, Failure> {
        let place = match self.nodes.iter().position(|node| node.address == address) {
            Some(place) => place,
            None if self.nodes.len() >= NODES_BOUND => return Err(nonsense()),
            None => {
                self.nodes.push(Node { address, wire: None });
                self.nodes.len() - 1
            }
        };
        u16::try_from(place).map_err(|_| nonsense())
    }

    /// The nodes that have slots.
    pub(super) fn masters(&self) -> impl Iterator<Item = &Address> {
        let places: BTreeSet<u16> = self.slots.iter().copied().filter(|place| *place != NOBODY).collect();
        places.into_iter().filter_map(|place| self.nodes.get(usize::from(place))).map(|node| &node.address)
    }

    pub(super) async fn ask(&mut self, way: &Way, request: &Request, budget: &Budget) -> Result<Vec<Reply>, Failure> {
        let mut answers: Vec<Option<Vec<Reply>>> = vec![None; request.len()];
        let mut waiting: Vec<(usize, Option<usize>)> = (0..request.len()).map(|index| (index, None)).collect();
        let mut unreachable = None;
        for attempt in 0..ATTEMPTS {
            let fates = self.round(way, request, &waiting, budget, &mut unreachable).await?;
            waiting.clear();
            for (index, fate) in fates {
                match fate {
                    Fate::Answered(replies) => {
                        if let Some(place) = answers.get_mut(index) {
                            *place = Some(replies);
                        }
                    }
                    Fate::Again { asking } => waiting.push((index, asking)),
                }
            }
            if waiting.is_empty() {
                return Ok(answers.into_iter().flatten().flatten().collect());
            }
            waiting.sort_unstable();
            if attempt > 0 {
                tokio::time::sleep(PAUSE * attempt).await;
            }
            // After ASK the slot stays where it is.
            if waiting.iter().any(|(_, asking)| asking.is_none()) {
                // A node that cannot tell now may tell at the next attempt.
                let _ = self.learn_again(way).await;
            }
        }
        Err(unreachable.unwrap_or_else(|| {
            Failure::Unreachable("its nodes do not agree on who has the keys; is a failover or resharding under way?".to_owned())
        }))
    }

    /// Sends each waiting command once, to all nodes at the same time.
    async fn round(
        &mut self,
        way: &Way,
        request: &Request,
        waiting: &[(usize, Option<usize>)],
        budget: &Budget,
        unreachable: &mut Option<Failure>,
    ) -> Result<Vec<(usize, Fate)>, Failure> {
        let mut by_node: BTreeMap<usize, Vec<(usize, bool)>> = BTreeMap::new();
        for (index, asking) in waiting {
            let node = asking.or_else(|| self.node_of(request.key(*index))).ok_or_else(uncovered)?;
            by_node.entry(node).or_default().push((*index, asking.is_some()));
        }
        let mut parts = Vec::with_capacity(by_node.len());
        for (node, commands) in by_node {
            let Some(Node { address, wire }) = self.nodes.get_mut(node) else { return Err(nonsense()) };
            parts.push((node, commands, address.clone(), wire.take()));
        }
        let sent = parts.into_iter().map(|(node, commands, address, wire)| async move {
            let mut bytes = Vec::new();
            for (index, asking) in &commands {
                if *asking {
                    bytes.extend_from_slice(ASKING);
                }
                bytes.extend_from_slice(request.command(*index));
            }
            let count = commands.len() + commands.iter().filter(|(_, asking)| *asking).count();
            let encoded = Commands { bytes: &bytes, count, changes: request.changes() };
            let result = send(wire, way, Some(&address), encoded, budget).await;
            (node, address, commands, result)
        });
        let mut fates = Vec::with_capacity(waiting.len());
        let mut failure = None;
        for (node, address, commands, result) in join_all(sent).await {
            match result {
                Ok((wire, replies)) => {
                    if let Some(node) = self.nodes.get_mut(node) {
                        node.wire = Some(wire);
                    }
                    self.part(&replies, &commands, &address, &mut fates)?;
                }
                // Nothing listens where the slot was: it may have moved.
                Err(Trouble::NotSent(failure @ Failure::Unreachable(_))) => {
                    *unreachable = Some(failure);
                    fates.extend(commands.into_iter().map(|(index, _)| (index, Fate::Again { asking: None })));
                }
                Err(trouble) => failure = Some(trouble.into_failure()),
            }
        }
        failure.map_or(Ok(fates), Err)
    }

    /// Gives each command of one node its replies.
    fn part(
        &mut self,
        replies: &[Reply],
        commands: &[(usize, bool)],
        told_by: &Address,
        fates: &mut Vec<(usize, Fate)>,
    ) -> Result<(), Failure> {
        let mut rest = replies;
        for (index, asking) in commands {
            if *asking {
                // The answer to ASKING itself.
                rest = rest.get(1..).unwrap_or_default();
            }
            let (own, after) = rest.split_at_checked(extent(rest)).ok_or_else(nonsense)?;
            rest = after;
            let fate = match own {
                [Reply::Failed(error)] => self.fate_of(error, told_by)?,
                _ => None,
            };
            fates.push((*index, fate.unwrap_or_else(|| Fate::Answered(own.to_owned()))));
        }
        Ok(())
    }

    /// Errors that say: not done, try elsewhere or later.
    fn fate_of(&mut self, error: &ServerError, told_by: &Address) -> Result<Option<Fate>, Failure> {
        let redirect = || -> Option<(usize, Reply, i64)> {
            let (slot, address) = error.message.split_once(' ')?;
            let (host, port) = address.rsplit_once(':')?;
            Some((slot.parse().ok()?, Reply::Bytes(host.as_bytes().to_owned()), port.parse().ok()?))
        };
        Ok(match error.code.as_str() {
            "MOVED" => {
                let (slot, host, port) = redirect().ok_or_else(nonsense)?;
                let node = self.node(address_of(&host, port, told_by)?)?;
                if let Some(place) = self.slots.get_mut(slot) {
                    *place = node;
                }
                Some(Fate::Again { asking: None })
            }
            "ASK" => {
                let (_, host, port) = redirect().ok_or_else(nonsense)?;
                Some(Fate::Again { asking: Some(usize::from(self.node(address_of(&host, port, told_by)?)?)) })
            }
            "TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" => Some(Fate::Again { asking: None }),
            _ => None,
        })
    }

    /// The node of a key's slot; any node for a command without one.
    fn node_of(&self, key: Option<&[u8]>) -> Option<usize> {
        let place = match key {
            Some(key) => self.slots.get(usize::from(slot_of(key))).copied(),
            None => self.slots.iter().copied().find(|place| *place != NOBODY),
        };
        place.filter(|place| *place != NOBODY).map(usize::from)
    }

    /// What each master answers to one command.
    pub(super) async fn ask_masters(&mut self, way: &Way, request: &Request, budget: &Budget) -> Result<Vec<Reply>, Failure> {
        let masters: Vec<Address> = self.masters().cloned().collect();
        let mut all = Vec::new();
        for address in masters {
            let Some(node) = self.nodes.iter_mut().find(|node| node.address == address) else { continue };
            let commands = Commands { bytes: request.bytes(), count: request.len(), changes: request.changes() };
            let (wire, replies) = send(node.wire.take(), way, Some(&address), commands, budget).await.map_err(Trouble::into_failure)?;
            node.wire = Some(wire);
            all.extend(replies);
        }
        Ok(all)
    }
}

const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

async fn ask_slots(way: &Way, server: &Address) -> Result<(Wire, Vec<Reply>, String), Failure> {
    let mut connected = connect::node(way, server).await?;
    let mut request = Request::reading();
    request.add(&[b"CLUSTER", b"SLOTS"], None);
    let mut replies = Vec::new();
    connected.wire.exchange(request.bytes(), 1, &Budget::new(TOPOLOGY_BYTES), &mut replies).await?;
    match replies.first() {
        Some(Reply::Failed(error)) => {
            let message = super::without_user(&error.message, &way.target.login);
            Err(Failure::Rejected { code: error.code.clone(), message })
        }
        Some(Reply::List(count)) if *count > 0 => Ok((connected.wire, replies, connected.version)),
        _ => Err(uncovered()),
    }
}

/// Nodes tell no host when it is the one that was asked.
fn address_of(host: &Reply, port: i64, told_by: &Address) -> Result<Address, Failure> {
    let own = match told_by {
        Address::Tcp(host, _) => host.as_str(),
        Address::Unix(_) => "",
    };
    let host = match host {
        Reply::Bytes(host) => String::from_utf8_lossy(host).into_owned(),
        Reply::Status(host) => host.clone(),
        _ => String::new(),
    };
    let port = u16::try_from(port).map_err(|_| nonsense())?;
    Ok(Address::Tcp(if host.is_empty() || host == "?" { own.to_owned() } else { host }, port))
}

fn nonsense() -> Failure {
    Failure::Unreachable("its nodes answer nonsense".to_owned())
}

fn uncovered() -> Failure {
    Failure::Unreachable("no node of the cluster has the key's slot".to_owned())
}

/// CRC-16 (XMODEM) of the key, or of what stands in its first braces.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
        rest.get(..close)
    });
    let mut sum = 0_u16;
    for byte in tag.unwrap_or(key) {
        sum ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            sum = if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
        }
    }
    sum & 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        let table: [(&str, u16); 6] =
            [("123456789", 12739), ("foo", 12182), ("{user1000}.following", 3443), ("user1000", 3443), ("foo{}{bar}", 8363), ("", 0)];
        for (key, slot) in table {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn slots_are_read_with_hosts_that_are_left_out() {
        let mut cluster = Cluster { nodes: Vec::new(), slots: vec![NOBODY; SLOTS] };
        let bytes = |text: &str| Reply::Bytes(text.as_bytes().to_owned());
        let replies = [
            Reply::List(2),
            Reply::List(3),
            Reply::Integer(0),
            Reply::Integer(8000),
            Reply::List(3),
            bytes(""),
            Reply::Integer(7000),
            bytes("id"),
            Reply::List(3),
            Reply::Integer(8001),
            Reply::Integer(16383),
            Reply::List(2),
            bytes("10.0.0.2"),
            Reply::Integer(7001),
        ];
        let told_by = Address::Tcp("seed".to_owned(), 1);
        cluster.take_slots(&replies, &told_by).unwrap();
        let masters: Vec<Address> = cluster.masters().cloned().collect();
        assert_eq!(masters, [Address::Tcp("seed".to_owned(), 7000), Address::Tcp("10.0.0.2".to_owned(), 7001)]);
        assert_eq!(cluster.node_of(Some(b"foo")), Some(1));
        let moved = ServerError { code: "MOVED".to_owned(), message: "12182 10.0.0.3:7002".to_owned() };
        assert!(matches!(cluster.fate_of(&moved, &told_by), Ok(Some(Fate::Again { asking: None }))));
        assert_eq!(cluster.node_of(Some(b"foo")), Some(2));
        let ask = ServerError { code: "ASK".to_owned(), message: "12182 :7003".to_owned() };
        assert!(matches!(cluster.fate_of(&ask, &told_by), Ok(Some(Fate::Again { asking: Some(3) }))));
        assert!(cluster.take_slots(&[Reply::List(1), Reply::Nil], &told_by).is_err());
    }
}

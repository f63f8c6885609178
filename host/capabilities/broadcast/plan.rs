//! Whom a broadcast is for, in which order, in which messages. Pure.
//!
//! With a pace each connection gets a message of its own, in the order of labels, of joining, and of names. Without one,
//! the core layer's messages carry all channels of a worker's queue at once.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::channels::{keys, ring};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Core,
    Pubsub,
}

/// One connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// Index among the broadcast's labels, which are sorted.
    pub(super) label: usize,
    pub(super) layer: Layer,
    /// Seconds since 1970.
    pub(super) joined: f64,
    /// The channel's whole name.
    pub(super) name: Box<str>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Planned,
    /// Sent, and nothing was answered.
    Sent,
    /// The server has it; whether a worker takes it is not known yet.
    Queued,
    Taken,
    Dead,
}

/// One message, for the members from `start` up to `end`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) layer: Layer,
    pub(super) shard: usize,
    pub(super) state: State,
}

impl Message {
    /// How many connections it is for.
    pub(super) fn count(&self) -> usize {
        self.end - self.start
    }
}

/// Members and messages of one broadcast.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) members: Vec<Member>,
    pub(super) messages: Vec<Message>,
    /// Messages that the budget allows.
    pub(super) allowed: usize,
    /// Whether a message of the core layer is for all of a queue's channels.
    pub(super) grouped: bool,
}

impl Plan {
    /// `budget` is how many connections may be reached at all; what is beyond stays planned and is not sent.
    pub(super) fn new(mut members: Vec<Member>, grouped: bool, shards: usize, budget: Option<u64>) -> Self {
        members.sort_by(order);
        let cut = budget.and_then(|budget| usize::try_from(budget).ok()).unwrap_or(usize::MAX).min(members.len());
        let mut plan = Self { members, messages: Vec::new(), allowed: 0, grouped };
        plan.add(0, cut, shards);
        plan.allowed = plan.messages.len();
        plan.add(cut, plan.members.len(), shards);
        plan
    }

    /// Messages for the members from `from` up to `to`, which are put in the order of their queues where that matters.
    fn add(&mut self, from: usize, to: usize, shards: usize) {
        let Some(members) = self.members.get_mut(from..to) else { return };
        let grouped = self.grouped;
        if grouped {
            let queue = |member: &Member| if member.layer == Layer::Core { keys::queue_of(&member.name).to_owned() } else { String::new() };
            members.sort_by_cached_key(|member| (member.label, member.layer, queue(member)));
        }
        let mut start = 0;
        while let Some(first) = members.get(start) {
            let queue = keys::queue_of(&first.name);
            let same = |member: &&Member| {
                grouped
                    && first.layer == Layer::Core
                    && member.layer == Layer::Core
                    && member.label == first.label
                    && keys::queue_of(&member.name) == queue
            };
            let more = members.iter().skip(start + 1).take_while(same).count();
            let hashed = if first.layer == Layer::Core { queue } else { &first.name };
            self.messages.push(Message {
                start: from + start,
                end: from + start + 1 + more,
                layer: first.layer,
                shard: ring::shard(hashed, shards),
                state: State::Planned,
            });
            start += 1 + more;
        }
    }

    /// A message's members.
    pub(super) fn members_of(&self, message: &Message) -> &[Member] {
        self.members.get(message.start..message.end).unwrap_or_default()
    }
}

/// By label, joining and name.
pub(super) fn order(one: &Member, other: &Member) -> std::cmp::Ordering {
    one.label.cmp(&other.label).then(one.joined.total_cmp(&other.joined)).then_with(|| one.name.cmp(&other.name))
}

/// A member's place in the order of all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    label: String,
    /// The bits of the seconds since 1970: they have the numbers' order, and no digit is lost in writing.
    joined: u64,
    name: String,
}

impl Place {
    pub(super) fn new(label: &str, member: &Member) -> Self {
        Self { label: label.to_owned(), joined: member.joined.max(0.0).to_bits(), name: member.name.to_string() }
    }
}

/// Who was reached by a broadcast, as far as another one needs to know to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// In each layer, all up to this place.
    pub(super) core: Option<Place>,
    pub(super) pubsub: Option<Place>,
    /// Queues of the core layer, of a label each, whose channels all were.
    pub(super) queues: HashSet<(String, String)>,
    /// Further channels.
    pub(super) names: HashSet<String>,
}

impl Reached {
    pub(super) fn holds(&self, label: &str, member: &Member) -> bool {
        let upto = match member.layer {
            Layer::Core => &self.core,
            Layer::Pubsub => &self.pubsub,
        };
        upto.as_ref().is_some_and(|upto| Place::new(label, member) <= *upto)
            || self.names.contains(&*member.name)
            || (!self.queues.is_empty()
                && member.layer == Layer::Core
                && self.queues.contains(&(label.to_owned(), keys::queue_of(&member.name).to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(label: usize, joined: f64, name: &str) -> Member {
        let layer = if name.contains('!') { Layer::Core } else { Layer::Pubsub };
        Member { label, layer, joined, name: name.into() }
    }

    fn names(plan: &Plan) -> Vec<Vec<&str>> {
        plan.messages.iter().map(|message| plan.members_of(message).iter().map(|member| &*member.name).collect()).collect()
    }

    #[test]
    fn with_a_pace_each_connection_has_a_message_by_label_joining_and_name() {
        let members = vec![member(1, 1.0, "a!1"), member(0, 9.0, "a!2"), member(0, 3.0, "b!4"), member(0, 3.0, "b!3")];
        let plan = Plan::new(members, false, 1, None);
        assert_eq!(names(&plan), [["b!3"], ["b!4"], ["a!2"], ["a!1"]]);
        assert_eq!(plan.allowed, 4);
    }

    #[test]
    fn without_a_pace_a_queue_has_one_message_and_a_published_channel_its_own() {
        let members = vec![
            member(0, 1.0, "b!1"),
            member(0, 2.0, "a!2"),
            member(0, 3.0, "b!3"),
            member(1, 0.0, "b!9"),
            member(0, 0.0, "x"),
            member(0, 1.5, "w"),
        ];
        let plan = Plan::new(members, true, 1, None);
        assert_eq!(names(&plan), [vec!["a!2"], vec!["b!1", "b!3"], vec!["x"], vec!["w"], vec!["b!9"]]);
    }

    #[test]
    fn what_the_budget_does_not_allow_is_planned_and_not_allowed() {
        let members = || (0..5).map(|number| member(0, f64::from(number), &format!("a!{number}"))).collect();
        for grouped in [false, true] {
            let plan = Plan::new(members(), grouped, 1, Some(3));
            let allowed: usize = plan.messages.iter().take(plan.allowed).map(Message::count).sum();
            assert_eq!((allowed, plan.members.len()), (3, 5), "{grouped}");
            assert_eq!(Plan::new(members(), grouped, 1, Some(5)).allowed, Plan::new(members(), grouped, 1, None).messages.len());
            assert_eq!(Plan::new(members(), grouped, 1, Some(0)).allowed, 0);
        }
    }

    #[test]
    fn a_ring_hashes_queues_and_whole_published_channels() {
        let members: Vec<Member> = (0..64)
            .flat_map(|number| [member(0, 0.0, &format!("specific.{number}!x")), member(0, 0.0, &format!("asgispecific.{number}"))])
            .collect();
        let plan = Plan::new(members, true, 2, None);
        for message in &plan.messages {
            let name = &plan.members_of(message)[0].name;
            assert_eq!(message.shard, ring::shard(keys::queue_of(name), 2), "{name}");
        }
        assert!([0, 1].iter().all(|shard| plan.messages.iter().any(|message| message.shard == *shard)));
    }

    #[test]
    fn those_reached_are_known_by_place_by_queue_and_by_name() {
        let reached = Reached {
            core: Some(Place::new("b", &member(0, 5.0, "q!m"))),
            pubsub: None,
            queues: HashSet::from([("c".to_owned(), "q!".to_owned())]),
            names: HashSet::from(["z".to_owned()]),
        };
        let table = [
            ("a", member(0, 9.0, "q!z"), true),
            ("b", member(0, 4.9, "q!z"), true),
            ("b", member(0, 5.0, "q!m"), true),
            ("b", member(0, 5.0, "q!n"), false),
            ("b", member(0, 5.1, "q!a"), false),
            ("c", member(0, 9.0, "q!z"), true),
            ("c", member(0, 9.0, "r!z"), false),
            ("a", member(0, 1.0, "y"), false),
            ("a", member(0, 1.0, "z"), true),
        ];
        for (label, member, held) in table {
            assert_eq!(reached.holds(label, &member), held, "{label} {member:?}");
        }
    }

    #[test]
    fn places_keep_their_order_when_they_are_written_and_read() {
        let place = Place::new("b", &member(0, 1_763_705_809.123_456, "q!m"));
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
        assert!(Place::new("b", &member(0, 1_763_705_809.123_457, "a")) > place);
    }
}

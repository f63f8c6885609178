//! What a key is: cache, or something that an application loses work, users or connections with.
//!
//! Names are matched as bytes, in three places: where a key begins, behind its first segment and behind a prefix
//! that is known ([`Heads`]) there are the names of [`HEADS`]; at the begin of any word there are those of [`MARKS`],
//! which nobody gives to anything else; and some forms are known by what stands at their end. A name that a cache might
//! use too counts only when the key is of the type that its owner uses.

use std::fmt;

use host_sdk::clap::{self, ValueEnum};

/// What is spared unless it is named with `--include`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Class {
    /// Celery: tasks, results, schedules
    Celery,
    /// kombu: queues of messages, bindings, unacknowledged messages
    Kombu,
    /// Django Channels: groups and messages of channel layers
    #[value(alias = "asgi")]
    Channels,
    /// Labels of websocket connections
    Connections,
    /// Bull and BullMQ
    Bull,
    /// Sidekiq
    Sidekiq,
    /// RQ
    Rq,
    /// Other queues of jobs: Dramatiq, arq, Huey, Resque, Bee-Queue, Laravel
    Queues,
    /// Sessions of users: Django, Spring, Express, Flask, Rails, PHP, Symfony
    Sessions,
}

impl Class {
    pub(crate) const ALL: [Self; 9] =
        [Self::Celery, Self::Kombu, Self::Channels, Self::Connections, Self::Bull, Self::Sidekiq, Self::Rq, Self::Queues, Self::Sessions];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Celery => "celery",
            Self::Kombu => "kombu",
            Self::Channels => "channels",
            Self::Connections => "connections",
            Self::Bull => "bull",
            Self::Sidekiq => "sidekiq",
            Self::Rq => "rq",
            Self::Queues => "queues",
            Self::Sessions => "sessions",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// Of this class; where types are named, only when the key is of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) class: Class,
    pub(crate) kinds: &'static [&'static str],
}

/// How a name is meant.
#[derive(Clone, Copy)]
enum Name {
    /// The rest of the key is exactly this.
    Is(&'static str),
    /// The rest of the key begins with this, and goes on.
    Begins(&'static str),
    /// The same, and what follows is the id of a session: 22 letters, digits, `,`, `-` or more, and nothing else.
    BeforeId(&'static str),
}
use Name::{BeforeId, Begins, Is};

const ANY: &[&str] = &[];
const LIST: &[&str] = &["list"];
const SET: &[&str] = &["set"];
const ZSET: &[&str] = &["zset"];

/// What stands between a queue's name and its priority in kombu, and between the parts of a binding.
pub(crate) const KOMBU_SEPARATOR: &[u8] = b"\x06\x16";
/// Its sets tell the names of queues.
pub(crate) const KOMBU_BINDING: &[u8] = b"_kombu.binding.";

/// Where a key begins. Those with the same first byte stand together: only they are compared.
const HEADS: [(Name, Class, &[&str]); 47] = [
    (Begins("PHPREDIS_SESSION:"), Class::Sessions, ANY),
    (Begins("PHPREDIS_CLUSTER_SESSION:"), Class::Sessions, ANY),
    (Begins("_session_id:"), Class::Sessions, ANY),
    (Begins("asgi:"), Class::Channels, ANY),
    // A named channel's messages: prefix and name without anything between.
    (Begins("asgi"), Class::Channels, ZSET),
    (Begins("arq:"), Class::Queues, ANY),
    (Begins("bull:"), Class::Bull, ANY),
    (Begins("bq:"), Class::Queues, ANY),
    (Is("celery"), Class::Celery, LIST),
    (Begins("celeryev."), Class::Celery, LIST),
    (Is("connections"), Class::Connections, ANY),
    (Begins("connections:"), Class::Connections, ANY),
    (Is("cron_jobs"), Class::Sidekiq, SET),
    (Begins("cron_job:"), Class::Sidekiq, ANY),
    (Is("dead"), Class::Sidekiq, ZSET),
    (Begins("dramatiq:"), Class::Queues, ANY),
    // What gateways of ours know of each other.
    (Begins("host:gateway"), Class::Connections, ANY),
    (Begins("huey."), Class::Queues, ANY),
    (Begins("horizon:"), Class::Queues, ANY),
    (Begins("laravel_database_queues:"), Class::Queues, ANY),
    (Begins("laravel_horizon:"), Class::Queues, ANY),
    (Is("processes"), Class::Sidekiq, SET),
    (Is("queues"), Class::Sidekiq, SET),
    (Begins("queue:"), Class::Sidekiq, LIST),
    (Begins("queues:"), Class::Queues, &["list", "zset"]),
    (Begins("redbeat:"), Class::Celery, ANY),
    (Begins("rq:"), Class::Rq, ANY),
    (Is("retry"), Class::Sidekiq, ZSET),
    (Begins("resque:"), Class::Queues, ANY),
    (Is("schedule"), Class::Sidekiq, ZSET),
    (Is("stat:processed"), Class::Sidekiq, ANY),
    (Is("stat:failed"), Class::Sidekiq, ANY),
    (Begins("stat:processed:"), Class::Sidekiq, ANY),
    (Begins("stat:failed:"), Class::Sidekiq, ANY),
    (Begins("sidekiq:"), Class::Sidekiq, ANY),
    (Begins("session:"), Class::Sessions, ANY),
    (Begins("sessions:"), Class::Sessions, ANY),
    (Begins("sess:"), Class::Sessions, ANY),
    (Begins("spring:session:"), Class::Sessions, ANY),
    (BeforeId("sf_s"), Class::Sessions, ANY),
    (Is("unacked"), Class::Kombu, ANY),
    (Is("unacked_index"), Class::Kombu, ANY),
    (Is("unacked_mutex"), Class::Kombu, ANY),
    (Begins("uniquejobs:"), Class::Sidekiq, ANY),
    (Begins("version."), Class::Connections, ZSET),
    (Begins("{bull}:"), Class::Bull, ANY),
    (Begins("{bull:"), Class::Bull, ANY),
];

/// At the begin of any word: behind everything but a letter or a digit. Programs put prefixes of all kinds before them.
const MARKS: [(&str, Class, &[&str]); 9] = [
    ("_kombu.", Class::Kombu, ANY),
    ("celery-task-meta-", Class::Celery, ANY),
    ("celery-taskset-meta-", Class::Celery, ANY),
    ("chord-unlock-", Class::Celery, ANY),
    ("django.contrib.sessions.", Class::Sessions, ANY),
    ("spring:session:", Class::Sessions, ANY),
    ("asgi::group:", Class::Channels, ANY),
    ("asgi:specific.", Class::Channels, ANY),
    // Groups of a layer whose prefix is not `asgi`.
    (":group:", Class::Channels, ZSET),
];

/// Begins that are known besides that of the key itself: `--prefix`, and what every granted pattern begins with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    heads: Vec<Vec<u8>>,
}

impl Heads {
    /// The longest first. Empty ones say nothing.
    pub(crate) fn new(heads: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut heads: Vec<Vec<u8>> = heads.into_iter().filter(|head| !head.is_empty()).collect();
        heads.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        heads.dedup();
        Self { heads }
    }

    /// What stands behind the longest that the key begins with; the key itself when there is none.
    #[inline]
    pub(crate) fn behind<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        self.heads.iter().find(|head| begins(key, head)).and_then(|head| key.get(head.len()..)).unwrap_or(key)
    }
}

/// What the key is by its name; none is cache.
pub(crate) fn classify(key: &[u8], heads: &Heads) -> Option<Match> {
    let after_first = memchr(b':', key).and_then(|at| key.get(at + 1..));
    let behind = heads.behind(key);
    at_head(key)
        .or_else(|| after_first.and_then(at_head))
        .or_else(|| if behind.len() == key.len() { None } else { at_head(behind) })
        .or_else(|| by_marks(key))
        .or_else(|| by_end(key))
}

/// Where in `HEADS` the names with each first byte begin and end.
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "done while compiling")]
const HEADS_OF: [(u8, u8); 256] = {
    let mut places = [(0, 0); 256];
    let mut index = 0;
    while index < HEADS.len() {
        let (Is(name) | Begins(name) | BeforeId(name)) = HEADS[index].0;
        let place = &mut places[name.as_bytes()[0] as usize];
        if place.1 == 0 {
            place.0 = index as u8;
        }
        assert!(place.1 == 0 || place.1 as usize == index, "names with the same first byte stand together");
        place.1 = index as u8 + 1;
        index += 1;
    }
    places
};

/// A letter or a digit.
const OF_WORD: u8 = 1;
/// The first byte of a mark.
const OF_MARK: u8 = 2;

#[expect(clippy::indexing_slicing, reason = "done while compiling")]
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            kinds[byte] |= OF_WORD;
        }
        byte += 1;
    }
    let mut index = 0;
    while index < MARKS.len() {
        kinds[MARKS[index].0.as_bytes()[0] as usize] |= OF_MARK;
        index += 1;
    }
    kinds
};

/// As `starts_with`, which calls a function of the C library's for each comparison: here most end at the second byte.
#[inline]
pub(crate) fn begins(text: &[u8], with: &[u8]) -> bool {
    text.len() >= with.len() && text.iter().zip(with).all(|(one, other)| one == other)
}

#[inline]
fn at_head(rest: &[u8]) -> Option<Match> {
    let (from, to) = *HEADS_OF.get(usize::from(*rest.first()?))?;
    let found = HEADS.get(usize::from(from)..usize::from(to))?.iter().find(|(name, ..)| match name {
        Is(name) => rest.len() == name.len() && begins(rest, name.as_bytes()),
        Begins(name) => rest.len() > name.len() && begins(rest, name.as_bytes()),
        BeforeId(name) => begins(rest, name.as_bytes()) && rest.get(name.len()..).is_some_and(is_session_id),
    });
    found.map(|(_, class, kinds)| Match { class: *class, kinds })
}

fn is_session_id(text: &[u8]) -> bool {
    text.len() >= 22 && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'-'))
}

fn by_marks(key: &[u8]) -> Option<Match> {
    let mut before = 0;
    for (at, &byte) in key.iter().enumerate() {
        let kind = KINDS.get(usize::from(byte)).copied().unwrap_or_default();
        if kind & OF_MARK != 0
            && before & kind & OF_WORD == 0
            && let Some(found) = key.get(at..).and_then(at_mark)
        {
            return Some(found);
        }
        if byte == b'!' && key.get(..at).is_some_and(ends_with_specific_channel) {
            return Some(Match { class: Class::Channels, kinds: ANY });
        }
        before = kind;
    }
    None
}

fn at_mark(rest: &[u8]) -> Option<Match> {
    let found = MARKS.iter().find(|(mark, ..)| rest.len() > mark.len() && begins(rest, mark.as_bytes()));
    found.map(|(_, class, kinds)| Match { class: *class, kinds })
}

/// `specific.{32 hexadecimal digits}`, which a channel layer's prefix stands before.
fn ends_with_specific_channel(text: &[u8]) -> bool {
    let Some((name, digits)) = text.len().checked_sub(32).and_then(|at| text.split_at_checked(at)) else { return false };
    name.ends_with(b"specific.") && digits.iter().all(u8::is_ascii_hexdigit)
}

fn by_end(key: &[u8]) -> Option<Match> {
    // A worker's box for commands, and the box of who gave one.
    if key.ends_with(b".celery.pidbox") {
        return Some(Match { class: Class::Celery, kinds: ANY });
    }
    // A queue's messages of one priority.
    let name = key.trim_ascii_end();
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = name.len().checked_sub(digits).and_then(|at| name.get(..at))?;
    (digits > 0 && before.ends_with(KOMBU_SEPARATOR)).then_some(Match { class: Class::Kombu, kinds: ANY })
}

#[inline]
fn memchr(byte: u8, text: &[u8]) -> Option<usize> {
    text.iter().position(|found| *found == byte)
}

#[cfg(test)]
#[path = "class_tests.rs"]
mod tests;

//! Replies as trees, made of the flat list in which they cross, and the types they become.

use std::collections::BTreeMap;

use crate::bindings::host::redis::pipeline::Reply as Flat;
use crate::error::{Error, Result};
use crate::redis::{CommandError, RedisError};

/// Lists in lists: more than any command answers.
const DEPTH_BOUND: usize = 32;

/// What a command answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Nil,
    Okay,
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Status(String),
    Bytes(Vec<u8>),
    Failed(CommandError),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// What a reply can become.
pub trait FromReply: Sized {
    /// For messages: `an integer`.
    const WANTS: &'static str;

    /// None when the reply is of another type, or does not fit.
    fn from_reply(reply: Reply) -> Option<Self>;
}

impl Reply {
    /// As this type; a failed command is an error.
    pub fn into_value<T: FromReply>(self) -> Result<T> {
        if let Self::Failed(error) = self {
            return Err(RedisError::CommandFailed(error).into());
        }
        let found = self.in_words();
        T::from_reply(self).ok_or_else(|| Error::failed(format!("the server answered {found}, not {}", T::WANTS)))
    }

    fn in_words(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Okay | Self::Status(_) => "a status",
            Self::Integer(_) => "an integer",
            Self::Double(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::Bytes(_) => "bytes",
            Self::Failed(_) => "an error",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// The trees of a flat list, which holds nothing behind the last.
pub(super) fn trees(flat: Vec<Flat>) -> Result<Vec<Reply>> {
    let mut parts = flat.into_iter();
    let mut trees = Vec::new();
    while let Some(head) = parts.next() {
        trees.push(tree(head, &mut parts, DEPTH_BOUND)?);
    }
    Ok(trees)
}

fn tree(head: Flat, rest: &mut std::vec::IntoIter<Flat>, depth: usize) -> Result<Reply> {
    let deeper = depth.checked_sub(1).ok_or_else(|| Error::failed(format!("a reply is nested deeper than {DEPTH_BOUND}")))?;
    let mut next = || {
        let head = rest.next().ok_or_else(|| Error::failed("the host's answer ends inside of a reply"))?;
        tree(head, rest, deeper)
    };
    Ok(match head {
        Flat::Nil => Reply::Nil,
        Flat::Okay => Reply::Okay,
        Flat::Integer(number) => Reply::Integer(number),
        Flat::Double(number) => Reply::Double(number),
        Flat::Boolean(value) => Reply::Boolean(value),
        Flat::Status(text) => Reply::Status(text),
        Flat::Bytes(bytes) => Reply::Bytes(bytes),
        Flat::Failed(error) => Reply::Failed(error),
        Flat::ListOf(count) => Reply::List((0..count).map(|_| next()).collect::<Result<_>>()?),
        Flat::MapOf(count) => Reply::Map((0..count).map(|_| Ok((next()?, next()?))).collect::<Result<_>>()?),
    })
}

impl FromReply for Reply {
    const WANTS: &'static str = "a reply";

    fn from_reply(reply: Reply) -> Option<Self> {
        Some(reply)
    }
}

/// `OK`, and nothing else.
impl FromReply for () {
    const WANTS: &'static str = "`OK`";

    fn from_reply(reply: Reply) -> Option<Self> {
        matches!(reply, Reply::Okay).then_some(())
    }
}

impl FromReply for i64 {
    const WANTS: &'static str = "an integer";

    /// Commands such as GET answer numbers as text.
    fn from_reply(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Integer(number) => Some(number),
            Reply::Bytes(_) | Reply::Status(_) => String::from_reply(reply)?.parse().ok(),
            _ => None,
        }
    }
}

impl FromReply for u64 {
    const WANTS: &'static str = "an integer of 0 or more";

    fn from_reply(reply: Reply) -> Option<Self> {
        i64::from_reply(reply)?.try_into().ok()
    }
}

impl FromReply for f64 {
    const WANTS: &'static str = "a number";

    fn from_reply(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Double(number) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "whoever asks for a float takes its precision")]
            Reply::Integer(number) => Some(number as Self),
            Reply::Bytes(_) | Reply::Status(_) => String::from_reply(reply)?.parse().ok(),
            _ => None,
        }
    }
}

impl FromReply for bool {
    const WANTS: &'static str = "a boolean";

    /// Older commands answer 0 and 1.
    fn from_reply(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Boolean(value) => Some(value),
            Reply::Integer(number @ (0 | 1)) => Some(number == 1),
            _ => None,
        }
    }
}

impl FromReply for String {
    const WANTS: &'static str = "text";

    fn from_reply(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Bytes(bytes) => Self::from_utf8(bytes).ok(),
            Reply::Status(text) => Some(text),
            Reply::Okay => Some("OK".to_owned()),
            _ => None,
        }
    }
}

impl FromReply for Vec<u8> {
    const WANTS: &'static str = "bytes";

    fn from_reply(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Bytes(bytes) => Some(bytes),
            Reply::Status(text) => Some(text.into_bytes()),
            _ => None,
        }
    }
}

impl<T: FromReply> FromReply for Option<T> {
    const WANTS: &'static str = T::WANTS;

    fn from_reply(reply: Reply) -> Option<Self> {
        if reply == Reply::Nil { Some(None) } else { T::from_reply(reply).map(Some) }
    }
}

macro_rules! lists_of {
    ($($item:ty),*) => {$(
        impl FromReply for Vec<$item> {
            const WANTS: &'static str = "a list";

            fn from_reply(reply: Reply) -> Option<Self> {
                match reply {
                    Reply::List(items) => items.into_iter().map(<$item>::from_reply).collect(),
                    _ => None,
                }
            }
        }
    )*};
}
// Not of every type: a list of `u8` is bytes.
lists_of!(Reply, i64, u64, f64, bool, String, Vec<u8>, Option<i64>, Option<String>, Option<Vec<u8>>);

impl<V: FromReply> FromReply for BTreeMap<String, V> {
    const WANTS: &'static str = "a map";

    /// RESP2 answers a map as a list of names and values by turns.
    fn from_reply(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Map(pairs) => pairs.into_iter().map(|(name, value)| Some((String::from_reply(name)?, V::from_reply(value)?))).collect(),
            Reply::List(items) if items.len().is_multiple_of(2) => {
                let mut items = items.into_iter();
                std::iter::from_fn(|| Some((items.next()?, items.next()?)))
                    .map(|(name, value)| Some((String::from_reply(name)?, V::from_reply(value)?)))
                    .collect()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Flat {
        Flat::Bytes(text.as_bytes().to_vec())
    }

    fn one(flat: Vec<Flat>) -> Reply {
        let mut trees = trees(flat).unwrap();
        assert_eq!(trees.len(), 1);
        trees.remove(0)
    }

    #[test]
    fn a_flat_list_becomes_the_trees_it_was() {
        let flat = vec![Flat::ListOf(2), Flat::ListOf(1), Flat::Integer(1), bytes("b"), Flat::Okay, Flat::MapOf(1), bytes("k"), Flat::Nil];
        let expected = [
            Reply::List(vec![Reply::List(vec![Reply::Integer(1)]), Reply::Bytes(b"b".to_vec())]),
            Reply::Okay,
            Reply::Map(vec![(Reply::Bytes(b"k".to_vec()), Reply::Nil)]),
        ];
        assert_eq!(trees(flat).unwrap(), expected);
    }

    #[test]
    fn an_answer_that_ends_inside_of_a_reply_is_an_error() {
        assert!(trees(vec![Flat::ListOf(2), Flat::Okay]).is_err());
        assert!(trees(vec![Flat::MapOf(1), Flat::Okay]).is_err());
    }

    #[test]
    fn replies_are_nested_up_to_the_bound_and_no_deeper() {
        let nested = |lists: usize| [vec![Flat::ListOf(1); lists], vec![Flat::Nil]].concat();
        assert!(trees(nested(DEPTH_BOUND - 1)).is_ok());
        assert!(trees(nested(DEPTH_BOUND)).is_err());
    }

    #[test]
    fn replies_become_the_types_that_are_asked_for() {
        assert_eq!(one(vec![bytes("17")]).into_value::<i64>(), Ok(17));
        assert_eq!(one(vec![Flat::Integer(1)]).into_value::<bool>(), Ok(true));
        assert_eq!(one(vec![Flat::Nil]).into_value::<Option<String>>(), Ok(None));
        assert_eq!(one(vec![Flat::ListOf(2), bytes("a"), bytes("b")]).into_value(), Ok(vec!["a".to_owned(), "b".to_owned()]));
        let map = BTreeMap::from([("a".to_owned(), 1_i64)]);
        assert_eq!(one(vec![Flat::MapOf(1), bytes("a"), bytes("1")]).into_value(), Ok(map.clone()));
        assert_eq!(one(vec![Flat::ListOf(2), bytes("a"), bytes("1")]).into_value(), Ok(map));
        let wrong = one(vec![Flat::ListOf(0)]).into_value::<i64>().unwrap_err();
        assert_eq!(wrong.to_string(), "the server answered a list, not an integer");
    }

    #[test]
    fn a_failed_command_is_the_servers_error() {
        let failed = CommandError { code: "WRONGTYPE".to_owned(), message: "not a list".to_owned() };
        let error = Reply::Failed(failed.clone()).into_value::<()>().unwrap_err();
        assert_eq!(error.redis(), Some(&RedisError::CommandFailed(failed)));
    }
}

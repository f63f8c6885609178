//! Replies read in their order, each as what it must be.

use crate::capabilities::redis::client::{Reply, extent};
use crate::capabilities::redis::error::refused;
use crate::capabilities::redis::types::{Error, Field, Scored};

/// The replies to one request, none of which is an error.
pub(super) struct Answers(std::vec::IntoIter<Reply>);

impl Answers {
    /// The first error that the server answered fails the whole.
    pub(super) fn new(replies: Vec<Reply>, prefix: &[u8]) -> Result<Self, Error> {
        if let Some(at) = replies.iter().position(|reply| matches!(reply, Reply::Failed(_))) {
            return match replies.into_iter().nth(at) {
                Some(Reply::Failed(error)) => Err(Error::CommandFailed(refused(error, prefix))),
                _ => Err(odd()),
            };
        }
        Ok(Self(replies.into_iter()))
    }

    fn next(&mut self) -> Result<Reply, Error> {
        self.0.next().ok_or_else(odd)
    }

    /// Elements of the list that comes next; a missing one is empty.
    fn list(&mut self) -> Result<usize, Error> {
        match self.next()? {
            Reply::List(count) => Ok(count as usize),
            Reply::Nil => Ok(0),
            _ => Err(odd()),
        }
    }

    /// Pairs of the map that comes next: as a map, as a list of pairs, or as one run of names and values.
    fn pairs(&mut self) -> Result<usize, Error> {
        match self.next()? {
            Reply::Map(pairs) => Ok(pairs as usize),
            Reply::List(count) => match self.0.as_slice().first() {
                Some(Reply::List(2)) => Ok(count as usize),
                _ => Ok(count as usize / 2),
            },
            Reply::Nil => Ok(0),
            _ => Err(odd()),
        }
    }

    /// Skips the head of one pair where pairs are lists of their own.
    fn enter_pair(&mut self) {
        if matches!(self.0.as_slice().first(), Some(Reply::List(2))) {
            self.0.next();
        }
    }

    pub(super) fn optional(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.next()? {
            Reply::Nil => Ok(None),
            Reply::Bytes(bytes) => Ok(Some(bytes)),
            Reply::Status(text) => Ok(Some(text.into_bytes())),
            Reply::Okay => Ok(Some(b"OK".to_vec())),
            _ => Err(odd()),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.optional()?.unwrap_or_default())
    }

    pub(super) fn text(&mut self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    pub(super) fn integer(&mut self) -> Result<i64, Error> {
        match self.next()? {
            Reply::Integer(number) => Ok(number),
            Reply::Nil => Ok(0),
            _ => Err(odd()),
        }
    }

    pub(super) fn count(&mut self) -> Result<u64, Error> {
        Ok(u64::try_from(self.integer()?).unwrap_or_default())
    }

    pub(super) fn truth(&mut self) -> Result<bool, Error> {
        match self.next()? {
            Reply::Integer(number) => Ok(number != 0),
            Reply::Boolean(truth) => Ok(truth),
            Reply::Okay => Ok(true),
            Reply::Nil => Ok(false),
            _ => Err(odd()),
        }
    }

    pub(super) fn score(&mut self) -> Result<Option<f64>, Error> {
        match self.next()? {
            Reply::Nil => Ok(None),
            Reply::Double(score) => Ok(Some(score)),
            Reply::Bytes(text) => Ok(Some(std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).ok_or_else(odd)?)),
            _ => Err(odd()),
        }
    }

    pub(super) fn many(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        (0..self.list()?).map(|_| self.bytes()).collect()
    }

    pub(super) fn many_optional(&mut self) -> Result<Vec<Option<Vec<u8>>>, Error> {
        (0..self.list()?).map(|_| self.optional()).collect()
    }

    pub(super) fn fields(&mut self) -> Result<Vec<Field>, Error> {
        let pairs = self.pairs()?;
        (0..pairs)
            .map(|_| {
                self.enter_pair();
                Ok(Field { name: self.bytes()?, value: self.bytes()? })
            })
            .collect()
    }

    pub(super) fn scored(&mut self) -> Result<Vec<Scored>, Error> {
        let pairs = self.pairs()?;
        (0..pairs)
            .map(|_| {
                self.enter_pair();
                Ok(Scored { member: self.bytes()?, score: self.score()?.ok_or_else(odd)? })
            })
            .collect()
    }

    /// Entries of a stream: an id and its fields each. Entries that were deleted meanwhile are left out.
    pub(super) fn entries(&mut self) -> Result<Vec<(String, Vec<Field>)>, Error> {
        let mut entries = Vec::new();
        for _ in 0..self.list()? {
            if self.list()? == 2 {
                entries.push((self.text()?, self.fields()?));
            }
        }
        Ok(entries)
    }
}

/// A reply that no version of the server gives to this command.
pub(super) fn odd() -> Error {
    Error::Other("the server answered something that does not fit the command".to_owned())
}

/// Parts the replies of a pipeline: one run for each command.
pub(super) fn each_command(replies: &[Reply]) -> impl Iterator<Item = &[Reply]> {
    let mut rest = replies;
    std::iter::from_fn(move || {
        let (first, after) = rest.split_at_checked(extent(rest))?;
        rest = after;
        (!first.is_empty()).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::redis::client::ServerError;

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_owned())
    }

    fn answers(replies: Vec<Reply>) -> Answers {
        Answers::new(replies, b"").ok().unwrap()
    }

    #[test]
    fn pairs_are_read_as_maps_as_runs_and_as_lists_of_pairs() {
        let shapes = [
            vec![Reply::Map(2), bytes("a"), bytes("1"), bytes("b"), bytes("2")],
            vec![Reply::List(4), bytes("a"), bytes("1"), bytes("b"), bytes("2")],
            vec![Reply::List(2), Reply::List(2), bytes("a"), bytes("1"), Reply::List(2), bytes("b"), bytes("2")],
        ];
        for shape in shapes {
            let fields = answers(shape).fields().unwrap();
            assert_eq!(fields.iter().map(|field| field.name.as_slice()).collect::<Vec<_>>(), [b"a", b"b"]);
        }
        assert_eq!(answers(vec![Reply::List(0)]).fields().unwrap().len(), 0);
        let scored = answers(vec![Reply::List(1), Reply::List(2), bytes("m"), Reply::Double(1.5)]).scored().unwrap();
        assert_eq!(scored.first().map(|scored| scored.score), Some(1.5));
        let scored = answers(vec![Reply::List(2), bytes("m"), bytes("-inf")]).scored().unwrap();
        assert_eq!(scored.first().map(|scored| scored.score), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn one_error_fails_the_whole_and_nonsense_is_told() {
        let error = ServerError { code: "WRONGTYPE".to_owned(), message: "no".to_owned() };
        assert!(matches!(Answers::new(vec![Reply::Okay, Reply::Failed(error)], b""), Err(Error::CommandFailed(_))));
        assert!(matches!(answers(vec![Reply::Okay]).integer(), Err(Error::Other(_))));
        assert!(matches!(answers(vec![]).bytes(), Err(Error::Other(_))));
    }

    #[test]
    fn a_pipelines_replies_are_parted_by_command() {
        let replies = [Reply::Okay, Reply::List(2), Reply::Nil, Reply::Integer(1), Reply::Nil];
        let lengths: Vec<usize> = each_command(&replies).map(<[Reply]>::len).collect();
        assert_eq!(lengths, [1, 3, 1]);
    }
}

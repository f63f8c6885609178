//! Commands on their way: encoded once, into one run of bytes.

use std::io::Write as _;
use std::ops::Range;

/// One or many commands. The key of each tells a cluster's node.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Request {
    bytes: Vec<u8>,
    commands: Vec<Command>,
    /// A command among them changes something: it is never sent a second time.
    changes: bool,
}

#[derive(Clone, Debug)]
struct Command {
    /// Where it ends in `bytes`.
    end: usize,
    /// Where its first key lies in `bytes`; empty when it has none.
    key: Range<usize>,
}

impl Request {
    /// Commands that only read: they may be sent again when the connection broke before the first answer.
    pub(in super::super) fn reading() -> Self {
        Self::default()
    }

    pub(in super::super) fn changing() -> Self {
        Self { changes: true, ..Self::default() }
    }

    /// One command; `key` is the word that tells the node.
    pub(in super::super) fn add(&mut self, words: &[&[u8]], key: Option<usize>) -> &mut Self {
        self.add_all(words.len(), words.iter().copied(), key)
    }

    /// The same from an iterator of exactly `count` words.
    pub(in super::super) fn add_all<'w>(&mut self, count: usize, words: impl Iterator<Item = &'w [u8]>, key: Option<usize>) -> &mut Self {
        head(&mut self.bytes, b'*', count);
        let mut range = 0..0;
        for (index, word) in words.enumerate() {
            head(&mut self.bytes, b'$', word.len());
            if key == Some(index) {
                range = self.bytes.len()..self.bytes.len() + word.len();
            }
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.commands.push(Command { end: self.bytes.len(), key: range });
        self
    }

    pub(in super::super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in super::super) fn len(&self) -> usize {
        self.commands.len()
    }

    pub(in super::super) fn changes(&self) -> bool {
        self.changes
    }

    /// The encoded form of one command.
    pub(super) fn command(&self, index: usize) -> &[u8] {
        let start = match index {
            0 => 0,
            _ => self.commands.get(index - 1).map_or(0, |command| command.end),
        };
        let end = self.commands.get(index).map_or(start, |command| command.end);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The key that tells the node of one command.
    pub(super) fn key(&self, index: usize) -> Option<&[u8]> {
        let range = self.commands.get(index)?.key.clone();
        // Where a command begins there is no key, so that 0 stands for none.
        (range.start > 0).then(|| self.bytes.get(range)).flatten()
    }
}

fn head(bytes: &mut Vec<u8>, kind: u8, number: usize) {
    bytes.push(kind);
    // Writing to a Vec cannot fail.
    let _ = write!(bytes, "{number}\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_encoded_one_after_another_and_know_their_keys() {
        let mut request = Request::changing();
        request.add(&[b"SET", b"k", b"a b"], Some(1)).add(&[b"PING"], None).add(&[b"GET", b""], Some(1));
        assert_eq!(request.command(0), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na b\r\n");
        assert_eq!(request.command(1), b"*1\r\n$4\r\nPING\r\n");
        assert_eq!([request.key(0), request.key(1), request.key(2)], [Some(b"k".as_slice()), None, Some(b"")]);
        assert_eq!(request.len(), 3);
        assert_eq!(request.bytes().len(), (0..3).map(|index| request.command(index).len()).sum::<usize>());
    }
}

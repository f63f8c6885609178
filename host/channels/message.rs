//! Messages to workers, byte for byte as the layers of `channels_redis` write and read them: msgpack.
//!
//! The pubsub layer publishes `{"type": T}`. The core layer queues 12 random bytes, which make each message a member
//! of its own in the queue's sorted set, and then `{"type": T, "__asgi_channel__": [channels...]}`.

use rmp::Marker;
use rmp::encode::{write_array_len, write_map_len, write_str};

/// Bytes before a message of the core layer.
pub const RANDOM_BYTES: usize = 12;

const TYPE: &str = "type";
const CHANNELS: &str = "__asgi_channel__";

/// What a worker is told to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Close it.
    Drop,
    /// Tell the browser to load the application anew.
    Reload,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Drop, Self::Reload];

    /// The message's `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "connection.drop",
            Self::Reload => "connection.reload",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A message as a worker reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// None for messages of other kinds: an application's own.
    pub kind: Option<Kind>,
    /// Channels of this worker that it is for; empty in the pubsub layer, where the channel itself names one.
    pub channels: Vec<String>,
}

/// What the pubsub layer publishes.
pub fn pubsub(kind: Kind) -> Vec<u8> {
    encode(Vec::new(), kind, None)
}

/// What the core layer queues. The random bytes must differ for each message.
pub fn core(kind: Kind, random: [u8; RANDOM_BYTES], channels: &[&str]) -> Vec<u8> {
    encode(random.to_vec(), kind, Some(channels))
}

/// Reads what was published; none when it is not msgpack's map with text for keys.
pub fn read_pubsub(bytes: &[u8]) -> Option<Incoming> {
    Reader { rest: bytes }.message()
}

/// Reads a member of a queue.
pub fn read_core(bytes: &[u8]) -> Option<Incoming> {
    read_pubsub(bytes.get(RANDOM_BYTES..)?)
}

fn encode(start: Vec<u8>, kind: Kind, channels: Option<&[&str]>) -> Vec<u8> {
    let mut bytes = start;
    // Writing to memory does not fail; lengths beyond 32 bits do not occur.
    let written = (|| {
        write_map_len(&mut bytes, if channels.is_some() { 2 } else { 1 })?;
        write_str(&mut bytes, TYPE)?;
        write_str(&mut bytes, kind.name())?;
        if let Some(channels) = channels {
            write_str(&mut bytes, CHANNELS)?;
            write_array_len(&mut bytes, u32::try_from(channels.len()).unwrap_or(u32::MAX))?;
            channels.iter().try_for_each(|channel| write_str(&mut bytes, channel))?;
        }
        Ok::<(), rmp::encode::ValueWriteError<std::io::Error>>(())
    })();
    debug_assert!(written.is_ok(), "memory takes what is written");
    bytes
}

/// Walks over msgpack without recursion, and without believing a length that is not there.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn message(mut self) -> Option<Incoming> {
        let Head::Map(fields) = self.head()? else { return None };
        let mut incoming = Incoming { kind: None, channels: Vec::new() };
        for _ in 0..fields {
            let Head::Text(key) = self.head()? else { return None };
            let value = self.head()?;
            match (key, value) {
                (b"type", Head::Text(name)) => incoming.kind = std::str::from_utf8(name).ok().and_then(Kind::from_name),
                // A message to one channel carries its name alone, one to a group a list.
                (b"__asgi_channel__", Head::Text(channel)) => incoming.channels.push(text(channel)?),
                (b"__asgi_channel__", Head::List(count)) => {
                    for _ in 0..count {
                        let Head::Text(channel) = self.head()? else { return None };
                        incoming.channels.push(text(channel)?);
                    }
                }
                (_, value) => self.skip(value)?,
            }
        }
        Some(incoming)
    }

    /// Leaves out the rest of a value.
    fn skip(&mut self, head: Head<'a>) -> Option<()> {
        let mut waiting = head.parts();
        while waiting > 0 {
            waiting = (waiting - 1).checked_add(self.head()?.parts())?;
        }
        Some(())
    }

    fn head(&mut self) -> Option<Head<'a>> {
        let marker = Marker::from_u8(*self.take(1)?.first()?);
        Some(match marker {
            Marker::FixStr(length) => Head::Text(self.take(length.into())?),
            Marker::Str8 => Head::Text(self.sized(1)?),
            Marker::Str16 => Head::Text(self.sized(2)?),
            Marker::Str32 => Head::Text(self.sized(4)?),
            Marker::Bin8 => self.other(1)?,
            Marker::Bin16 => self.other(2)?,
            Marker::Bin32 => self.other(4)?,
            Marker::FixArray(count) => Head::List(count.into()),
            Marker::Array16 => Head::List(self.number(2)?),
            Marker::Array32 => Head::List(self.number(4)?),
            Marker::FixMap(count) => Head::Map(count.into()),
            Marker::Map16 => Head::Map(self.number(2)?),
            Marker::Map32 => Head::Map(self.number(4)?),
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => Head::Other,
            Marker::U8 | Marker::I8 => self.plain(1)?,
            Marker::U16 | Marker::I16 | Marker::FixExt1 => self.plain(2)?,
            Marker::FixExt2 => self.plain(3)?,
            Marker::U32 | Marker::I32 | Marker::F32 => self.plain(4)?,
            Marker::FixExt4 => self.plain(5)?,
            Marker::U64 | Marker::I64 | Marker::F64 => self.plain(8)?,
            Marker::FixExt8 => self.plain(9)?,
            Marker::FixExt16 => self.plain(17)?,
            Marker::Ext8 => self.extension(1)?,
            Marker::Ext16 => self.extension(2)?,
            Marker::Ext32 => self.extension(4)?,
            Marker::Reserved => return None,
        })
    }

    fn plain(&mut self, length: usize) -> Option<Head<'a>> {
        self.take(length).map(|_| Head::Other)
    }

    fn other(&mut self, width: usize) -> Option<Head<'a>> {
        self.sized(width).map(|_| Head::Other)
    }

    /// A length, a byte for the type, and that many bytes.
    fn extension(&mut self, width: usize) -> Option<Head<'a>> {
        let length = usize::try_from(self.number(width)?).ok()?;
        self.plain(length.checked_add(1)?)
    }

    fn sized(&mut self, width: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number(width)?).ok()?;
        self.take(length)
    }

    fn number(&mut self, width: usize) -> Option<u64> {
        Some(self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

/// The beginning of a value: all of a plain one, the number of parts of a composed one.
#[derive(Clone, Copy)]
enum Head<'a> {
    Text(&'a [u8]),
    List(u64),
    Map(u64),
    Other,
}

impl Head<'_> {
    fn parts(self) -> u64 {
        match self {
            Head::Text(_) | Head::Other => 0,
            Head::List(count) => count,
            Head::Map(count) => count * 2,
        }
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex.replace(' ', "")).unwrap()
    }

    #[test]
    fn published_messages_are_byte_for_byte_those_of_the_servers() {
        assert_eq!(pubsub(Kind::Drop), bytes("81 a474797065 af636f6e6e656374696f6e2e64726f70"));
        assert_eq!(pubsub(Kind::Reload), bytes("81 a474797065 b1636f6e6e656374696f6e2e72656c6f6164"));
    }

    #[test]
    fn queued_messages_are_twelve_bytes_and_what_python_packs() {
        // Made with msgpack of Python: packb({"type": "connection.drop", "__asgi_channel__": ["specific.a!b", "specific.a!c"]}).
        let packed = bytes(
            "82 a474797065 af636f6e6e656374696f6e2e64726f70 b05f5f617367695f6368616e6e656c5f5f \
             92 ac73706563696669632e612162 ac73706563696669632e612163",
        );
        let queued = core(Kind::Drop, *b"0123456789ab", &["specific.a!b", "specific.a!c"]);
        assert_eq!(queued, [b"0123456789ab".as_slice(), &packed].concat());
    }

    #[test]
    fn longer_texts_and_lists_take_the_shortest_form() {
        let name = "n".repeat(32);
        let names = vec![name.as_str(); 20_000];
        let queued = core(Kind::Drop, [0; RANDOM_BYTES], &names);
        let list = RANDOM_BYTES + 1 + 5 + 16 + 17;
        assert_eq!(queued[list..list + 5], [0xdc, 0x4e, 0x20, 0xd9, 32]);
        let read = read_core(&queued).unwrap();
        assert_eq!((read.kind, read.channels.len()), (Some(Kind::Drop), 20_000));
    }

    #[test]
    fn both_forms_are_read_back() {
        for kind in Kind::ALL {
            assert_eq!(read_pubsub(&pubsub(kind)), Some(Incoming { kind: Some(kind), channels: vec![] }));
            let queued = core(kind, [7; RANDOM_BYTES], &["specific.a!b"]);
            assert_eq!(read_core(&queued), Some(Incoming { kind: Some(kind), channels: vec!["specific.a!b".to_owned()] }));
        }
    }

    #[test]
    fn messages_of_an_application_are_read_as_nothing_of_ours() {
        // {"type": "chat.message", "body": {"a": [1, null, 2.5, b"x"], "e": ext}, "__asgi_channel__": "specific.a!b"}
        let other = bytes(
            "83 a474797065 ac636861742e6d657373616765 a4626f6479 82 a161 94 01 c0 cb4004000000000000 c40178 a165 c7010578 \
             b05f5f617367695f6368616e6e656c5f5f ac73706563696669632e612162",
        );
        assert_eq!(read_pubsub(&other), Some(Incoming { kind: None, channels: vec!["specific.a!b".to_owned()] }));
    }

    #[test]
    fn broken_and_hostile_bytes_are_refused_without_believing_their_lengths() {
        let whole = core(Kind::Drop, [0; RANDOM_BYTES], &["specific.a!b"]);
        for end in 0..whole.len() {
            assert_eq!(read_core(&whole[..end]), None, "{end}");
        }
        let nested = [vec![0x81, 0xa1, b'x'], vec![0x91; 100_000], vec![0xc0]].concat();
        assert_eq!(read_pubsub(&nested), Some(Incoming { kind: None, channels: vec![] }));
        for hex in ["", "c1", "90", "81 01 01", "df ffffffff", "81 a178 dd ffffffff", "81 a178 c6 ffffffff 00", "81 a178 c9 ffffffff 00"] {
            assert_eq!(read_pubsub(&bytes(hex)), None, "{hex}");
        }
    }
}

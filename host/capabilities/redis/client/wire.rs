//! One connection to one server: sends encoded commands, reads replies as they come.
//!
//! Ours instead of the crate's, because a guest chooses what is asked: replies are bounded *while* they are
//! read, keys of a scan are never values of their own, and nothing is ever sent twice behind our back.
//! Whoever drops a call half way has to drop the connection with it: answers would be out of step.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::Failure;
use super::reply::{Reply, ServerError};
use super::stream::{Stream, unreachable};

/// Bytes written in one piece: progress of a long upload is seen after each.
const PIECE: usize = 256 << 10;
/// Read at once at least.
const READ_BYTES: usize = 64 << 10;
/// A line: a status, an error, a number. Servers cut theirs far below.
const LINE_BYTES: usize = 64 << 10;
/// What a value costs beyond its own bytes, so that many empty ones are bounded as well.
const VALUE_COST: usize = 32;

/// What the answers to one call may cost, in bytes.
#[derive(Debug)]
pub(in super::super) struct Budget {
    left: AtomicUsize,
    bound: usize,
}

impl Budget {
    pub(in super::super) fn new(bound: usize) -> Self {
        Self { left: AtomicUsize::new(bound), bound }
    }

    fn spend(&self, bytes: usize) -> Result<(), Failure> {
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        let too_much = |_| Failure::TooMuch(format!("the answer is larger than {} MiB; ask for less at once", self.bound >> 20));
        spent.map(|_| ()).map_err(too_much)
    }
}

pub(super) struct Wire {
    reader: Reader,
    writer: WriteHalf<Box<dyn Stream>>,
}

struct Reader {
    stream: ReadHalf<Box<dyn Stream>>,
    buffer: Vec<u8>,
    /// What lies before was handed out already.
    start: usize,
    /// Longest silence.
    patience: Duration,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, patience: Duration) -> Self {
        let (stream, writer) = tokio::io::split(stream);
        Self { reader: Reader { stream, buffer: Vec::new(), start: 0, patience }, writer }
    }

    /// Whether the server closed it, or said something without being asked, while nobody listened.
    pub(super) fn is_stale(&mut self) -> bool {
        let reader = &mut self.reader;
        reader.buffer.len() > reader.start || reader.stream.read_buf(&mut reader.buffer).now_or_never().is_some()
    }

    /// Sends encoded commands and reads their replies, both at once: a server that waits until its answers
    /// are taken does not stop a long pipeline.
    pub(super) async fn exchange(&mut self, bytes: &[u8], count: usize, budget: &Budget, replies: &mut Vec<Reply>) -> Result<(), Failure> {
        let sent = AtomicUsize::new(0);
        let write = write(&mut self.writer, bytes, &sent);
        let read = async {
            for _ in 0..count {
                self.reader.reply(budget, &sent, replies).await?;
            }
            Ok(())
        };
        tokio::try_join!(write, read).map(|_| ())
    }

    /// Sends one SCAN and hands each key over as it lies in the buffer; answers the next cursor.
    pub(super) async fn scan(
        &mut self,
        bytes: &[u8],
        budget: &Budget,
        mut each: impl FnMut(&[u8]),
    ) -> Result<Result<Vec<u8>, ServerError>, Failure> {
        let sent = AtomicUsize::new(0);
        let write = write(&mut self.writer, bytes, &sent);
        let reader = &mut self.reader;
        let read = async {
            if let Some(error) = reader.head(b'*', &sent).await?.1 {
                return Ok(Err(error));
            }
            let cursor = reader.bulk(budget, &sent).await?;
            let cursor = reader.taken(cursor).to_owned();
            let (count, error) = reader.head(b'*', &sent).await?;
            if let Some(error) = error {
                return Ok(Err(error));
            }
            for _ in 0..count {
                let key = reader.bulk(budget, &sent).await?;
                each(reader.taken(key));
            }
            Ok(Ok(cursor))
        };
        tokio::try_join!(write, read).map(|((), answer)| answer)
    }
}

async fn write(writer: &mut WriteHalf<Box<dyn Stream>>, bytes: &[u8], sent: &AtomicUsize) -> Result<(), Failure> {
    for piece in bytes.chunks(PIECE) {
        writer.write_all(piece).await.map_err(|error| unreachable(&error))?;
        sent.fetch_add(piece.len(), Ordering::Relaxed);
    }
    writer.flush().await.map_err(|error| unreachable(&error))
}

impl Reader {
    /// One whole reply, flattened.
    async fn reply(&mut self, budget: &Budget, sent: &AtomicUsize, replies: &mut Vec<Reply>) -> Result<(), Failure> {
        let mut open = 1_usize;
        while open > 0 {
            let reply = self.value(budget, sent).await?;
            open = open - 1 + reply.holds();
            replies.push(reply);
        }
        Ok(())
    }

    async fn value(&mut self, budget: &Budget, sent: &AtomicUsize) -> Result<Reply, Failure> {
        budget.spend(VALUE_COST)?;
        let line = self.line(sent).await?;
        let line = self.taken(line);
        let (kind, rest) = line.split_first().ok_or_else(nonsense)?;
        Ok(match kind {
            b'+' if rest == b"OK" => Reply::Okay,
            b'+' | b'(' => Reply::Status(text(rest)),
            b'-' => Reply::Failed(ServerError::of_line(rest)),
            b':' => Reply::Integer(number(rest)?),
            b',' => Reply::Double(double(rest)?),
            b'#' => Reply::Boolean(rest == b"t"),
            b'_' => Reply::Nil,
            b'*' | b'~' | b'>' => match length(rest)? {
                Some(count) => Reply::List(bounded(count)?),
                None => Reply::Nil,
            },
            b'%' => Reply::Map(bounded(length(rest)?.unwrap_or_default())?),
            b'$' | b'=' | b'!' => {
                let kind = *kind;
                let Some(length) = length(rest)? else { return Ok(Reply::Nil) };
                let bytes = self.payload(length, budget, sent).await?;
                let bytes = self.taken(bytes);
                match kind {
                    b'!' => Reply::Failed(ServerError::of_line(bytes)),
                    // `txt:` stands before a verbatim string.
                    b'=' => Reply::Bytes(bytes.get(4..).unwrap_or_default().to_owned()),
                    _ => Reply::Bytes(bytes.to_owned()),
                }
            }
            _ => return Err(nonsense()),
        })
    }

    /// The count behind a `*`, or the error that came instead.
    async fn head(&mut self, expected: u8, sent: &AtomicUsize) -> Result<(usize, Option<ServerError>), Failure> {
        let line = self.line(sent).await?;
        let line = self.taken(line);
        match line.split_first() {
            Some((kind, rest)) if *kind == expected => Ok((length(rest)?.unwrap_or_default(), None)),
            Some((b'-', rest)) => Ok((0, Some(ServerError::of_line(rest)))),
            _ => Err(nonsense()),
        }
    }

    /// A string, whole in the buffer.
    async fn bulk(&mut self, budget: &Budget, sent: &AtomicUsize) -> Result<Range<usize>, Failure> {
        budget.spend(VALUE_COST)?;
        let line = self.line(sent).await?;
        let length = match self.taken(line).split_first() {
            Some((b'$', rest)) => length(rest)?.ok_or_else(nonsense)?,
            _ => return Err(nonsense()),
        };
        self.payload(length, budget, sent).await
    }

    /// `length` bytes and the end of their line.
    async fn payload(&mut self, length: usize, budget: &Budget, sent: &AtomicUsize) -> Result<Range<usize>, Failure> {
        budget.spend(length)?;
        while self.buffer.len() - self.start < length + 2 {
            self.fill(length + 2, sent).await?;
        }
        let range = self.start..self.start + length;
        self.start += length + 2;
        Ok(range)
    }

    /// A line without its end.
    async fn line(&mut self, sent: &AtomicUsize) -> Result<Range<usize>, Failure> {
        let mut looked_at = 0;
        loop {
            let rest = self.buffer.get(self.start + looked_at..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let end = looked_at + at;
                let range = self.start..self.start + end.saturating_sub(1);
                self.start += end + 1;
                return Ok(range);
            }
            looked_at = self.buffer.len() - self.start;
            if looked_at > LINE_BYTES {
                return Err(nonsense());
            }
            self.fill(READ_BYTES, sent).await?;
        }
    }

    /// Bytes that were just read; valid until the next read.
    fn taken(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    /// Reads more. What was handed out already is forgotten.
    async fn fill(&mut self, wanted: usize, sent: &AtomicUsize) -> Result<(), Failure> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.reserve(wanted.max(READ_BYTES).saturating_sub(self.buffer.len()).max(READ_BYTES));
        loop {
            let before = sent.load(Ordering::Relaxed);
            match tokio::time::timeout(self.patience, self.stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(0)) => return Err(Failure::Unreachable("it closed the connection".to_owned())),
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => return Err(unreachable(&error)),
                // A long upload that moves on is no silence.
                Err(_) if sent.load(Ordering::Relaxed) > before => {}
                Err(_) => return Err(Failure::Timeout(format!("no answer within {:?}", self.patience))),
            }
        }
    }
}

fn nonsense() -> Failure {
    Failure::Unreachable("it does not speak Redis' protocol".to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(bytes: &[u8]) -> Result<i64, Failure> {
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or_else(nonsense)
}

fn double(bytes: &[u8]) -> Result<f64, Failure> {
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or_else(nonsense)
}

/// None stands for a length of -1: nothing, not even an empty string.
fn length(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    match number(bytes)? {
        -1 => Ok(None),
        length => Ok(Some(usize::try_from(length).map_err(|_| nonsense())?)),
    }
}

fn bounded(count: usize) -> Result<u32, Failure> {
    u32::try_from(count).map_err(|_| nonsense())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// What is read from a server that says this, in pieces of that many bytes.
    async fn read(says: &[u8], piece: usize, count: usize, bound: usize) -> Result<Vec<Reply>, Failure> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let says = says.to_owned();
        let server = tokio::spawn(async move {
            for part in says.chunks(piece) {
                if theirs.write_all(part).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
        let mut replies = Vec::new();
        let result = Wire::new(Box::new(ours), Duration::from_secs(2)).exchange(b"", count, &Budget::new(bound), &mut replies).await;
        server.await.unwrap();
        result.map(|()| replies)
    }

    #[tokio::test]
    async fn every_kind_of_reply_is_read_however_it_is_cut() {
        let says = b"+OK\r\n+QUEUED\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n$0\r\n\r\n*-1\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n%1\r\n+k\r\n,1.5\r\n~1\r\n#t\r\n_\r\n=7\r\ntxt:abc\r\n!8\r\nERR gone\r\n,inf\r\n(123\r\n";
        let failed = |message: &str| Reply::Failed(ServerError { code: "ERR".to_owned(), message: message.to_owned() });
        let status = |text: &str| Reply::Status(text.to_owned());
        let bytes = |text: &str| Reply::Bytes(text.as_bytes().to_owned());
        let expected = vec![
            Reply::Okay,
            status("QUEUED"),
            failed("no"),
            Reply::Integer(-7),
            bytes("a\r\n"),
            Reply::Nil,
            bytes(""),
            Reply::Nil,
            Reply::List(2),
            Reply::Integer(1),
            Reply::List(1),
            bytes("x"),
            Reply::Map(1),
            status("k"),
            Reply::Double(1.5),
            Reply::List(1),
            Reply::Boolean(true),
            Reply::Nil,
            bytes("abc"),
            failed("gone"),
            Reply::Double(f64::INFINITY),
            status("123"),
        ];
        for piece in [1, 2, 7, 1000] {
            assert_eq!(read(says, piece, 16, MIB).await.as_ref(), Ok(&expected), "in pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn what_is_no_protocol_is_an_error() {
        for says in ["HTTP/1.1 400 Bad Request\r\n", "$x\r\n", "*-2\r\n", ":\r\n", "\r\n", "+half", "$5\r\nab"] {
            assert!(matches!(read(says.as_bytes(), 100, 1, MIB).await, Err(Failure::Unreachable(_))), "{says}");
        }
        let endless = vec![b'+'; LINE_BYTES + 2];
        assert!(matches!(read(&endless, 4096, 1, MIB).await, Err(Failure::Unreachable(_))));
    }

    #[tokio::test]
    async fn an_answer_is_taken_at_its_bound_and_refused_past_it_before_it_is_held() {
        let says = format!("$1000\r\n{}\r\n", "x".repeat(1000));
        assert!(read(says.as_bytes(), 100, 1, 1000 + VALUE_COST).await.is_ok());
        assert!(matches!(read(says.as_bytes(), 100, 1, 999 + VALUE_COST).await, Err(Failure::TooMuch(_))));
        // The length alone is enough: nothing is reserved for it.
        assert!(matches!(read(b"$9000000000\r\n", 100, 1, MIB).await, Err(Failure::TooMuch(_))));
        assert!(matches!(read(b"*4000000000\r\n_\r\n", 100, 1, 64).await, Err(Failure::TooMuch(_))));
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut wire = Wire::new(Box::new(ours), Duration::from_millis(30));
        let result = wire.exchange(b"*1\r\n$4\r\nPING\r\n", 1, &Budget::new(MIB), &mut Vec::new()).await;
        assert!(matches!(result, Err(Failure::Timeout(_))), "{result:?}");
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_while_idle_is_noticed() {
        let (ours, theirs) = tokio::io::duplex(64);
        let mut wire = Wire::new(Box::new(ours), Duration::from_secs(1));
        assert!(!wire.is_stale());
        drop(theirs);
        assert!(wire.is_stale());
    }

    #[tokio::test]
    async fn keys_of_a_scan_are_handed_over_one_by_one() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(b"*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$2\r\nbc\r\n-NOPERM no\r\n").await.unwrap();
        let mut wire = Wire::new(Box::new(ours), Duration::from_secs(1));
        let mut keys = Vec::new();
        let cursor = wire.scan(b"", &Budget::new(MIB), |key| keys.push(key.to_owned())).await.unwrap();
        assert_eq!((cursor, keys), (Ok(b"17".to_vec()), vec![b"a".to_vec(), b"bc".to_vec()]));
        assert!(matches!(wire.scan(b"", &Budget::new(MIB), |_| {}).await, Ok(Err(_))));
    }
}

//! One connection: frames from the client to the application and back, and the few that are ours.
//!
//! One task a connection, and one state machine in it. Bytes are read into a buffer that all connections of a
//! thread share, looked through by [`super::frames`], and written at once; only what the other side does not
//! take is kept, never more than one such buffer, and until it is gone nothing more is read. So back-pressure
//! reaches whoever sends, an idle connection holds no buffer, and no queue can grow.
//!
//! Ends: whoever closes is passed on with code and reason; when we close (a broadcast, the end of the gateway, a
//! violation), the client gets our close and the application 1001 (going away), as from a browser that
//! leaves. [`super::clock`] lets go of whoever does not finish.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::Gateway;
use super::frames::{self, ControlFrame, Kind, Scanner, Step, Violation};
use super::metrics::Direction;
use super::registry::{Membership, Signal};
use super::stream::Stream;

/// Bytes read at once, and the most that is kept for a side that is slow.
const BUFFER_BYTES: usize = 64 << 10;
/// Reads of one connection before others get their turn.
const TURNS: usize = 16;
/// What a page is told to load anew.
pub(super) const RELOAD: &str = r#"["connection.reload",{}]"#;
/// The payload of our own pings; the answers to them are kept from the application.
const QUESTION: &[u8] = b"host gateway?";

/// Close codes of our own (RFC 6455 and IANA's registry).
const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
const TOO_LARGE: u16 = 1009;
/// The application's fault. IANA's 1014 (bad gateway) says it better, and many clients take it for a violation.
const SERVER_ERROR: u16 = 1011;

thread_local! {
    /// What was just read, and what of it is to be written.
    static SCRATCH: RefCell<(Vec<u8>, Vec<u8>)> = RefCell::new((vec![0; BUFFER_BYTES], Vec::with_capacity(BUFFER_BYTES + 1024)));
}

/// One direction.
struct Flow {
    scanner: Scanner,
    /// Read, passed and not yet taken by the other side.
    pending: Vec<u8>,
    written: usize,
    /// TLS holds bytes that are not sent yet.
    unflushed: bool,
    /// The source sent its last byte.
    ended: bool,
    /// A close frame came from the source.
    close_seen: bool,
    /// A close frame went to the destination, after which nothing may follow.
    close_sent: bool,
    /// The source no longer speaks the protocol.
    deaf: bool,
}

/// What is still to be put between the frames of one direction.
#[derive(Default)]
struct Wishes {
    close: Option<(u16, Arc<str>)>,
    reload: bool,
    ping: bool,
}

pub(super) struct Pipe {
    client: Stream,
    upstream: Stream,
    up: Flow,
    down: Flow,
    to_client: Wishes,
    to_upstream: Wishes,
    membership: Membership,
    /// Given back when the connection ends.
    _place: OwnedSemaphorePermit,
    gateway: Arc<Gateway>,
}

impl Pipe {
    /// `early` is what the two sides sent right behind their handshakes: the client's, then the application's.
    pub(super) fn new(
        gateway: Arc<Gateway>,
        membership: Membership,
        client: Stream,
        upstream: Stream,
        early: [Vec<u8>; 2],
        place: OwnedSemaphorePermit,
    ) -> Self {
        let bounds = gateway.settings.bounds;
        let mut pipe = Self {
            client,
            upstream,
            up: Flow::new(Scanner::of_client(bounds)),
            down: Flow::new(Scanner::of_server(bounds)),
            to_client: Wishes::default(),
            to_upstream: Wishes::default(),
            membership,
            _place: place,
            gateway,
        };
        for (direction, bytes) in [Direction::Up, Direction::Down].into_iter().zip(early) {
            let mut out = Vec::new();
            pipe.take(direction, &bytes, &mut out);
            pipe.flow(direction).pending = out;
        }
        pipe
    }

    fn flow(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    fn hear_signals(&mut self) -> Poll<()> {
        let signals = self.membership.handle.take_signals();
        let told = |signal: Signal| signals & signal as u8 != 0;
        if told(Signal::Cut) {
            return Poll::Ready(());
        }
        self.to_client.reload |= told(Signal::Reload);
        self.to_client.ping |= told(Signal::Ping);
        if told(Signal::Drop) || told(Signal::Drain) {
            let settings = &self.gateway.settings;
            let reason = if told(Signal::Drop) { &settings.drop_reason } else { &settings.drain_reason };
            let (code, reason) = (settings.close_code, Arc::clone(reason));
            self.close(code, reason);
        }
        Poll::Pending
    }

    /// Begins to close both sides, unless that is already so.
    fn close(&mut self, code: u16, reason: Arc<str>) {
        if !self.down.close_sent && self.to_client.close.is_none() {
            self.to_client.close = Some((code, reason));
        }
        if !self.up.close_sent && self.to_upstream.close.is_none() {
            self.to_upstream.close = Some((GOING_AWAY, Arc::from("")));
        }
        self.closing();
    }

    fn closing(&self) {
        let now = self.gateway.clock.now();
        // Only the first counts: a close that is repeated wins no time.
        let _ = self.membership.handle.closing.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// One turn of one direction; answers whether there may be more at once.
    fn turn(&mut self, direction: Direction, context: &mut Context<'_>) -> io::Result<bool> {
        if self.drain(direction, context)?.is_pending() {
            return Ok(false);
        }
        SCRATCH.with_borrow_mut(|(buffer, out)| {
            out.clear();
            self.wishes(direction, out);
            let mut more = !out.is_empty();
            if out.is_empty() && !self.flow(direction).ended {
                let mut space = ReadBuf::new(buffer);
                let source = match direction {
                    Direction::Up => &mut self.client,
                    Direction::Down => &mut self.upstream,
                };
                match Pin::new(source).poll_read(context, &mut space) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) if !space.filled().is_empty() => {
                        more = true;
                        self.take(direction, space.filled(), out);
                    }
                    Poll::Ready(_) => {
                        more = true;
                        self.ended(direction);
                    }
                }
            }
            self.write(direction, out, context)?;
            Ok(more)
        })
    }

    /// The source is gone.
    fn ended(&mut self, direction: Direction) {
        self.flow(direction).ended = true;
        if direction == Direction::Up || self.down.close_sent || self.to_client.close.is_some() {
            return;
        }
        if self.up.close_seen {
            // It took the client's close for an end and answered nothing: the client gets its answer.
            self.close(NORMAL, Arc::from(""));
        } else {
            self.gateway.metrics.lost_upstream();
            self.close(SERVER_ERROR, Arc::from("the application went away"));
        }
    }

    /// Looks through what came and appends what passes to `out`.
    fn take(&mut self, direction: Direction, bytes: &[u8], out: &mut Vec<u8>) {
        if direction == Direction::Up {
            let handle = &self.membership.handle;
            handle.heard.store(self.gateway.clock.now(), Ordering::Relaxed);
            handle.asked.store(0, Ordering::Relaxed);
        }
        self.gateway.metrics.bytes(direction, bytes.len() as u64);
        let mut input = bytes;
        loop {
            self.wishes(direction, out);
            let kept = out.len();
            let flow = self.flow(direction);
            if flow.deaf {
                return;
            }
            let step = flow.scanner.step(&mut input, out);
            if flow.close_sent {
                // Nothing may follow a close; what still comes is only looked through for the other side's close.
                out.truncate(kept);
            }
            match step {
                Ok(Step::More) => return,
                Ok(Step::Payload) => {}
                Ok(Step::Began(kind)) => self.gateway.metrics.frame(direction, kind),
                Ok(Step::Control(frame)) => self.control(direction, &frame, out),
                Err(violation) => self.violation(direction, violation),
            }
        }
    }

    fn control(&mut self, direction: Direction, frame: &ControlFrame, out: &mut Vec<u8>) {
        self.gateway.metrics.frame(direction, frame.kind);
        if direction == Direction::Up && frame.kind == Kind::Pong && frame.payload == QUESTION {
            return;
        }
        let flow = self.flow(direction);
        if !flow.close_sent {
            out.extend_from_slice(&frame.raw);
        }
        if frame.kind == Kind::Close {
            flow.close_seen = true;
            flow.close_sent = true;
            self.closing();
        }
    }

    fn violation(&mut self, direction: Direction, violation: Violation) {
        self.gateway.metrics.violation(direction, violation);
        if let Violation::Protocol(_) = violation {
            self.flow(direction).deaf = true;
        }
        let (code, reason) = match (direction, violation) {
            (Direction::Up, Violation::TooLarge) => (TOO_LARGE, "larger than this gateway passes on"),
            (Direction::Up, Violation::Protocol(what)) => (PROTOCOL_ERROR, what),
            (Direction::Down, Violation::TooLarge) => (SERVER_ERROR, "the application sent more than this gateway passes on"),
            (Direction::Down, Violation::Protocol(_)) => (SERVER_ERROR, "the application does not speak websocket"),
        };
        self.close(code, Arc::from(reason));
    }

    /// Puts what is ours between two frames, where it may stand.
    fn wishes(&mut self, direction: Direction, out: &mut Vec<u8>) {
        let (flow, wishes) = match direction {
            Direction::Up => (&mut self.up, &mut self.to_upstream),
            Direction::Down => (&mut self.down, &mut self.to_client),
        };
        if wishes.close.is_none() && !wishes.reload && !wishes.ping {
            return;
        }
        let mask = (direction == Direction::Up).then(rand::random);
        if flow.close_sent {
            *wishes = Wishes::default();
            return;
        }
        // A source that is gone leaves its last frame unfinished, and what may follow is silence.
        if !flow.scanner.between_frames() {
            return;
        }
        if wishes.reload && flow.scanner.between_messages() {
            wishes.reload = false;
            frames::put(out, OpCode::Data(Data::Text), RELOAD.as_bytes(), mask);
            self.gateway.metrics.reloaded();
        }
        if std::mem::take(&mut wishes.ping) {
            frames::put(out, OpCode::Control(Control::Ping), QUESTION, mask);
            self.membership.handle.asked.store(self.gateway.clock.now(), Ordering::Relaxed);
        }
        if let Some((code, reason)) = wishes.close.take() {
            frames::put_close(out, code, &reason, mask);
            flow.close_sent = true;
        }
    }

    /// Writes what was just made; the rest is kept.
    fn write(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.destination(direction).poll_write(context, rest) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => rest = rest.get(written..).unwrap_or_default(),
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        let flow = self.flow(direction);
        flow.unflushed |= !bytes.is_empty();
        if !rest.is_empty() {
            flow.pending = rest.to_vec();
            self.stalled(direction, true);
        }
        self.drain(direction, context).map(|_| ())
    }

    /// Writes what was kept, until nothing is left.
    fn drain(&mut self, direction: Direction, context: &mut Context<'_>) -> io::Result<Poll<()>> {
        loop {
            let (flow, destination) = match direction {
                Direction::Up => (&mut self.up, &mut self.upstream),
                Direction::Down => (&mut self.down, &mut self.client),
            };
            let rest = flow.pending.get(flow.written..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match Pin::new(destination).poll_write(context, rest) {
                Poll::Pending => {
                    self.stalled(direction, true);
                    return Ok(Poll::Pending);
                }
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => flow.written += written,
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        let flow = self.flow(direction);
        if flow.written > 0 || flow.pending.capacity() > 0 {
            flow.written = 0;
            // Given back at once: the next idle hour may begin now.
            flow.pending = Vec::new();
        }
        if self.flow(direction).unflushed {
            match self.destination(direction).poll_flush(context)? {
                // TLS keeps some for itself: a side that never reads is noticed here.
                Poll::Pending => {
                    self.stalled(direction, true);
                    return Ok(Poll::Pending);
                }
                Poll::Ready(()) => self.flow(direction).unflushed = false,
            }
        }
        self.stalled(direction, false);
        Ok(Poll::Ready(()))
    }

    /// The application takes nothing any more; what it said before may still be on its way to the client.
    fn upstream_is_deaf(&mut self) -> bool {
        self.up.close_sent = true;
        self.up.pending = Vec::new();
        (self.up.written, self.up.unflushed) = (0, false);
        self.stalled(Direction::Up, false);
        true
    }

    fn destination(&mut self, direction: Direction) -> Pin<&mut Stream> {
        Pin::new(match direction {
            Direction::Up => &mut self.upstream,
            Direction::Down => &mut self.client,
        })
    }

    /// From when on the destination takes nothing. What waits must be gone in time as a whole, so that one who
    /// takes a byte now and then is slow too.
    fn stalled(&self, direction: Direction, stalled: bool) {
        let handle = &self.membership.handle;
        let since = match direction {
            Direction::Up => &handle.upstream_stalled,
            Direction::Down => &handle.client_stalled,
        };
        if !stalled {
            since.store(0, Ordering::Relaxed);
        } else if since.load(Ordering::Relaxed) == 0 {
            since.store(self.gateway.clock.now(), Ordering::Relaxed);
        }
    }

    /// Nothing is left to be said.
    fn finished(&self) -> bool {
        let idle = |flow: &Flow| flow.pending.len() == flow.written && !flow.unflushed;
        if self.up.ended {
            return idle(&self.up);
        }
        // The close went out, or cannot: the application left in the middle of a frame.
        let last_word = self.down.close_sent || (self.down.ended && !self.down.scanner.between_frames());
        last_word && idle(&self.down) && idle(&self.up) && (self.up.close_seen || !self.down.close_sent)
    }
}

impl Future for Pipe {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let pipe = self.get_mut();
        pipe.membership.handle.waker.register(context.waker());
        if pipe.hear_signals().is_ready() {
            return Poll::Ready(());
        }
        for _ in 0..TURNS {
            let down = pipe.turn(Direction::Down, context);
            let up = pipe.turn(Direction::Up, context);
            let Ok(down) = down else { return Poll::Ready(()) };
            let up = up.unwrap_or_else(|_| pipe.upstream_is_deaf());
            if pipe.finished() {
                pipe.closing();
                // TLS says goodbye; a plain stream says it when it is dropped.
                let _ = ready!(Pin::new(&mut pipe.client).poll_shutdown(context));
                let _ = ready!(Pin::new(&mut pipe.upstream).poll_shutdown(context));
                return Poll::Ready(());
            }
            if !down && !up {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Flow {
    fn new(scanner: Scanner) -> Self {
        Self { scanner, pending: Vec::new(), written: 0, unflushed: false, ended: false, close_seen: false, close_sent: false, deaf: false }
    }
}

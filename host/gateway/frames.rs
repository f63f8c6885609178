//! Where frames begin and end: what a gateway must know of a stream of websocket frames, and nothing more.
//!
//! Payloads pass through untouched, masks and extension bits included, so that a message of any size needs no
//! memory here and compression is between the two ends. Only control frames (at most 125 bytes) are collected
//! whole. What is checked is what could desynchronise the stream or take too much: lengths, masks, the order of
//! fragments. Whether text is UTF-8 is left to the ends, who check it anyway.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest header: two bytes, eight of length, four of mask.
const HEADER_BYTES: usize = 14;
/// RFC 6455: no control frame carries more.
pub(super) const CONTROL_BYTES: usize = 125;

/// What one direction may carry.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Payload of one frame.
    pub frame: u64,
    /// Payloads of all fragments of one message together.
    pub message: u64,
}

/// Why a stream of frames cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// Past the bounds; the sender can still be followed.
    TooLarge,
    /// Not the websocket protocol: what comes next means nothing.
    Protocol(&'static str),
}

/// Kinds of frames that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
    Continuation,
    Ping,
    Pong,
    Close,
}

/// What one step found in the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The input is used up.
    More,
    /// A data frame begins; its header is in the output.
    Began(Kind),
    /// A piece of payload is in the output; the frame may have ended with it.
    Payload,
    /// A whole control frame, which is not in the output.
    Control(ControlFrame),
}

/// A control frame, as it came and in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ControlFrame {
    pub(super) kind: Kind,
    pub(super) raw: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Follows one direction of a connection. An idle one holds no memory but itself.
#[derive(Debug)]
pub(super) struct Scanner {
    bounds: Bounds,
    /// Frames of clients are masked, those of servers are not.
    masked: bool,
    header: [u8; HEADER_BYTES],
    have: u8,
    /// A message that is not at its last fragment yet.
    open: bool,
    /// The current frame is skipped instead of passed on.
    skipping: bool,
    /// Payload of the current data frame still to come.
    left: u64,
    /// Payloads of the current message so far.
    message: u64,
    /// The control frame being collected, with the bytes still to come.
    control: Option<Box<(ControlFrame, usize, [u8; 4])>>,
}

impl Scanner {
    pub(super) fn of_client(bounds: Bounds) -> Self {
        Self::new(bounds, true)
    }

    pub(super) fn of_server(bounds: Bounds) -> Self {
        Self::new(bounds, false)
    }

    fn new(bounds: Bounds, masked: bool) -> Self {
        Self { bounds, masked, header: [0; HEADER_BYTES], have: 0, open: false, skipping: false, left: 0, message: 0, control: None }
    }

    /// Whether a control frame may be put into the output now. Of a frame that is skipped nothing was passed on.
    pub(super) fn between_frames(&self) -> bool {
        self.left == 0 || self.skipping
    }

    /// Whether a message may be put into the output now.
    pub(super) fn between_messages(&self) -> bool {
        self.left == 0 && !self.open
    }

    /// Takes from `input` up to the next thing that matters; payloads and headers that pass go to `out`.
    pub(super) fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<Step, Violation> {
        if self.left > 0 {
            return Ok(self.payload(input, out));
        }
        if self.control.is_some() {
            return Ok(self.collect(input));
        }
        let Some((header, length)) = self.header(input)? else { return Ok(Step::More) };
        match header.opcode {
            OpCode::Control(control) => self.begin_control(&header, control, length).map(|()| self.collect(input)),
            OpCode::Data(data) => self.begin_data(&header, data, length, out),
        }
    }

    fn payload(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Step {
        let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at(take);
        if take == 0 {
            return Step::More;
        }
        if !self.skipping {
            out.extend_from_slice(piece);
        }
        *input = rest;
        self.left -= take as u64;
        if self.left == 0 {
            self.skipping = false;
        }
        Step::Payload
    }

    /// A whole header, with the length of the payload; what came of it so far is kept.
    fn header(&mut self, input: &mut &[u8]) -> Result<Option<(FrameHeader, u64)>, Violation> {
        let had = usize::from(self.have);
        let mut bytes = self.header;
        let space = bytes.get_mut(had..).unwrap_or_default();
        let more = space.len().min(input.len());
        for (to, from) in space.iter_mut().zip(input.iter()) {
            *to = *from;
        }
        let known = bytes.get(..had + more).unwrap_or_default();
        let mut cursor = Cursor::new(known);
        match FrameHeader::parse(&mut cursor) {
            Err(_) => Err(Violation::Protocol("unknown kind of frame")),
            Ok(None) => {
                *input = input.get(more..).unwrap_or_default();
                self.header = bytes;
                self.have = u8::try_from(had + more).unwrap_or(0);
                Ok(None)
            }
            Ok(Some((header, length))) => {
                let used = usize::try_from(cursor.position()).unwrap_or(0);
                *input = input.get(used.saturating_sub(had)..).unwrap_or_default();
                self.header = bytes;
                self.have = u8::try_from(used).unwrap_or(0);
                if header.mask.is_some() != self.masked {
                    return Err(Violation::Protocol(if self.masked { "a frame without a mask" } else { "a frame with a mask" }));
                }
                Ok(Some((header, length)))
            }
        }
    }

    /// The bytes of the header that was just read; from here on the next one is awaited.
    fn take_header(&mut self) -> &[u8] {
        let length = usize::from(std::mem::take(&mut self.have));
        self.header.get(..length).unwrap_or_default()
    }

    fn begin_data(&mut self, header: &FrameHeader, data: Data, length: u64, out: &mut Vec<u8>) -> Result<Step, Violation> {
        let kind = match (data, self.open) {
            (Data::Text, false) => Kind::Text,
            (Data::Binary, false) => Kind::Binary,
            (Data::Continue, true) => Kind::Continuation,
            (Data::Continue, false) => return Err(Violation::Protocol("a continuation of nothing")),
            _ => return Err(Violation::Protocol("a message within a message")),
        };
        let before = if kind == Kind::Continuation { self.message } else { 0 };
        self.message = before.saturating_add(length);
        self.open = !header.is_final;
        self.left = length;
        if length > self.bounds.frame || self.message > self.bounds.message {
            self.skipping = length > 0;
            self.have = 0;
            return Err(Violation::TooLarge);
        }
        out.extend_from_slice(self.take_header());
        Ok(Step::Began(kind))
    }

    fn begin_control(&mut self, header: &FrameHeader, control: Control, length: u64) -> Result<(), Violation> {
        let kind = match control {
            Control::Ping => Kind::Ping,
            Control::Pong => Kind::Pong,
            _ => Kind::Close,
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= CONTROL_BYTES && header.is_final);
        let Some(length) = length else { return Err(Violation::Protocol("a control frame that is too long or in pieces")) };
        let raw = self.take_header().to_vec();
        let frame = ControlFrame { kind, raw, payload: Vec::with_capacity(length) };
        self.control = Some(Box::new((frame, length, header.mask.unwrap_or_default())));
        Ok(())
    }

    fn collect(&mut self, input: &mut &[u8]) -> Step {
        let Some(mut collecting) = self.control.take() else { return Step::More };
        let (frame, left, mask) = &mut *collecting;
        let (piece, rest) = input.split_at((*left).min(input.len()));
        frame.raw.extend_from_slice(piece);
        let position = frame.payload.len();
        frame.payload.extend(piece.iter().zip(mask.iter().cycle().skip(position % 4)).map(|(byte, key)| byte ^ key));
        *input = rest;
        *left -= piece.len();
        if *left > 0 {
            self.control = Some(collecting);
            return Step::More;
        }
        Step::Control(collecting.0)
    }
}

/// Appends a whole frame; `mask` is needed towards a server.
pub(super) fn put(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8], mask: Option<[u8; 4]>) {
    let header = FrameHeader { opcode, mask, ..FrameHeader::default() };
    // Writing to a vector cannot fail.
    let _ = header.format(payload.len() as u64, out);
    match mask {
        None => out.extend_from_slice(payload),
        Some(mask) => out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key)),
    }
}

/// Appends a close frame; a reason that is too long is cut at a character.
pub(super) fn put_close(out: &mut Vec<u8>, code: u16, reason: &str, mask: Option<[u8; 4]>) {
    let mut end = reason.len().min(CONTROL_BYTES - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.get(..end).unwrap_or_default().as_bytes());
    put(out, OpCode::Control(Control::Close), &payload, mask);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { frame: 1000, message: 1500 };
    const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

    fn text(length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, OpCode::Data(Data::Text), &vec![b'x'; length], MASK);
        out
    }

    /// Runs pieces through, answers what passed, the control frames and the violation that ended it.
    fn through(scanner: &mut Scanner, pieces: &[&[u8]]) -> (Vec<u8>, Vec<ControlFrame>, Option<Violation>) {
        let (mut out, mut controls) = (Vec::new(), Vec::new());
        for piece in pieces {
            let mut input = *piece;
            loop {
                match scanner.step(&mut input, &mut out) {
                    Ok(Step::More) => break,
                    Ok(Step::Control(frame)) => controls.push(frame),
                    Ok(_) => {}
                    Err(violation) => return (out, controls, Some(violation)),
                }
            }
        }
        (out, controls, None)
    }

    #[test]
    fn frames_pass_unchanged_wherever_they_are_cut() {
        let mut stream = text(5);
        put(&mut stream, OpCode::Control(Control::Ping), b"are you there", MASK);
        stream.extend(text(300));
        put(&mut stream, OpCode::Data(Data::Binary), b"", MASK);
        let expected: Vec<u8> = {
            let mut all = text(5);
            all.extend(text(300));
            put(&mut all, OpCode::Data(Data::Binary), b"", MASK);
            all
        };
        for cut in 0..=stream.len() {
            let (out, controls, violation) = through(&mut Scanner::of_client(BOUNDS), &[&stream[..cut], &stream[cut..]]);
            assert_eq!((out == expected, violation), (true, None), "cut at {cut}");
            assert_eq!(controls.len(), 1);
            assert_eq!(controls[0].payload, b"are you there");
            assert_eq!(controls[0].kind, Kind::Ping);
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        let (out, controls, _) = through(&mut Scanner::of_client(BOUNDS), &bytes);
        assert_eq!((out == expected, controls[0].raw.len()), (true, 6 + 13));
    }

    #[test]
    fn a_frame_may_reach_the_bound_and_not_pass_it() {
        let (out, _, violation) = through(&mut Scanner::of_client(BOUNDS), &[&text(1000)]);
        assert_eq!((out.len(), violation), (1008, None));
        let (out, _, violation) = through(&mut Scanner::of_client(BOUNDS), &[&text(1001)]);
        assert_eq!((out.len(), violation), (0, Some(Violation::TooLarge)));
    }

    #[test]
    fn fragments_together_may_reach_the_bound_and_not_pass_it() {
        let fragment = |opcode, length: usize, is_final| {
            let mut out = Vec::new();
            let header = FrameHeader { opcode, is_final, mask: MASK, ..FrameHeader::default() };
            header.format(length as u64, &mut out).unwrap();
            out.extend(vec![0; length]);
            out
        };
        let first = fragment(OpCode::Data(Data::Text), 1000, false);
        for (last, expected) in [(500, None), (501, Some(Violation::TooLarge))] {
            let rest = fragment(OpCode::Data(Data::Continue), last, true);
            assert_eq!(through(&mut Scanner::of_client(BOUNDS), &[&first, &rest]).2, expected);
        }
    }

    #[test]
    fn after_a_frame_that_is_too_large_its_payload_is_skipped_and_a_close_is_seen() {
        let mut stream = text(5000);
        put_close(&mut stream, 1000, "bye", MASK);
        let mut scanner = Scanner::of_client(BOUNDS);
        let mut input = stream.as_slice();
        let mut out = Vec::new();
        assert_eq!(scanner.step(&mut input, &mut out), Err(Violation::TooLarge));
        assert!(scanner.between_frames() && !scanner.between_messages());
        assert_eq!(scanner.step(&mut input, &mut out), Ok(Step::Payload));
        let Ok(Step::Control(frame)) = scanner.step(&mut input, &mut out) else { panic!("no close") };
        assert_eq!((frame.kind, frame.payload.as_slice(), out.len()), (Kind::Close, b"\x03\xe8bye".as_slice(), 0));
    }

    #[test]
    fn what_is_no_websocket_is_a_violation() {
        let cases: [(&[u8], &str); 7] = [
            (b"\x81\x05hello", "no mask"),
            (b"\x80\x80....", "a continuation of nothing"),
            (b"\x83\x80....", "a reserved kind"),
            (b"\x8b\x80....", "a reserved control"),
            (b"\x09\x80....", "a ping in pieces"),
            (b"\x89\xfe\x00\x7e....", "a ping of 126 bytes"),
            (b"\x01\x80....\x81\x80....", "a message within a message"),
        ];
        for (bytes, what) in cases {
            assert!(matches!(through(&mut Scanner::of_client(BOUNDS), &[bytes]).2, Some(Violation::Protocol(_))), "{what}");
        }
        assert!(matches!(through(&mut Scanner::of_server(BOUNDS), &[&text(1)]).2, Some(Violation::Protocol(_))));
    }

    #[test]
    fn reasons_are_cut_at_a_character() {
        let mut out = Vec::new();
        put_close(&mut out, 1012, &"ü".repeat(100), None);
        assert_eq!(out.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&out[4..]).is_ok());
    }
}

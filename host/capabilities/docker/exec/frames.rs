//! The engine's way to send two streams over one connection: eight bytes of head (which stream, four bytes of length),
//! then as many bytes. With a terminal there is one stream, and no heads.
//!
//! Bytes are handed on as they come: no frame is waited for as a whole, whatever its head promises.

/// Where bytes belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Out,
    Err,
}

/// Takes a stream apart, wherever its pieces begin and end.
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
}

#[derive(Debug)]
enum State {
    /// One stream without heads.
    Plain,
    Head {
        bytes: [u8; 8],
        have: usize,
    },
    Body {
        channel: Channel,
        left: usize,
    },
}

/// The stream says something that no engine says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

const EMPTY_HEAD: State = State::Head { bytes: [0; 8], have: 0 };

impl Frames {
    pub(super) fn new(tty: bool) -> Self {
        Self { state: if tty { State::Plain } else { EMPTY_HEAD } }
    }

    /// The first run of bytes of one channel, which is taken off the front of `bytes`; none when more must be read.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<(Channel, &'a [u8])>, Broken> {
        loop {
            if bytes.is_empty() {
                return Ok(None);
            }
            match &mut self.state {
                State::Plain => return Ok(Some((Channel::Out, std::mem::take(bytes)))),
                State::Head { bytes: head, have } => {
                    for (slot, byte) in head.iter_mut().skip(*have).zip(take(bytes, 8 - *have)) {
                        *slot = *byte;
                        *have += 1;
                    }
                    if *have == head.len() {
                        self.state = body(*head)?;
                    }
                }
                State::Body { left: 0, .. } => self.state = EMPTY_HEAD,
                State::Body { channel, left } => {
                    let run = take(bytes, *left);
                    *left -= run.len();
                    return Ok(Some((*channel, run)));
                }
            }
        }
    }

    /// Whether the stream may end here.
    #[cfg(test)]
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.state, State::Plain | State::Head { have: 0, .. } | State::Body { left: 0, .. })
    }
}

fn body([stream, zero1, zero2, zero3, length @ ..]: [u8; 8]) -> Result<State, Broken> {
    let left = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Broken)?;
    let channel = match (stream, [zero1, zero2, zero3]) {
        (0 | 1, [0, 0, 0]) => Channel::Out,
        // 3 is what the engine itself has to say.
        (2 | 3, [0, 0, 0]) => Channel::Err,
        _ => return Err(Broken),
    };
    Ok(State::Body { channel, left })
}

fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, content: &[u8]) -> Vec<u8> {
        let mut frame = vec![stream, 0, 0, 0];
        frame.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        frame.extend(content);
        frame
    }

    /// What arrives on both channels when the bytes come in pieces of this size.
    fn apart(tty: bool, bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<u8>, bool) {
        let (mut frames, mut out, mut err) = (Frames::new(tty), Vec::new(), Vec::new());
        for mut piece in bytes.chunks(piece) {
            while let Some((channel, run)) = frames.next(&mut piece).unwrap() {
                match channel {
                    Channel::Out => out.extend(run),
                    Channel::Err => err.extend(run),
                }
            }
        }
        (out, err, frames.is_whole())
    }

    #[test]
    fn two_streams_stay_apart_wherever_the_pieces_end() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        let stream = [frame(1, b"one "), frame(2, b"error"), frame(1, b""), frame(1, &all_bytes), frame(2, b"!"), frame(2, b"")].concat();
        for piece in 1..stream.len() + 1 {
            let (out, err, whole) = apart(false, &stream, piece);
            assert_eq!(out, [b"one ".as_slice(), &all_bytes].concat(), "{piece}");
            assert_eq!((err.as_slice(), whole), (b"error!".as_slice(), true), "{piece}");
        }
    }

    #[test]
    fn a_terminals_stream_is_handed_on_as_it_is() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 9, 2, 0xff, 0x1b];
        assert_eq!(apart(true, &bytes, 3), (bytes.to_vec(), Vec::new(), true));
    }

    #[test]
    fn a_stream_that_breaks_off_is_noticed() {
        let stream = frame(1, b"hello");
        assert!(!apart(false, &stream[..3], 8).2);
        assert!(!apart(false, &stream[..10], 8).2);
        assert_eq!(apart(false, &stream[..10], 8).0, b"he");
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for mut bytes in [b"HTTP/1.1".as_slice(), &[1, 0, 0, 1, 0, 0, 0, 1], &[4, 0, 0, 0, 0, 0, 0, 1]] {
            assert_eq!(Frames::new(false).next(&mut bytes), Err(Broken));
        }
    }

    #[test]
    fn a_head_that_promises_much_costs_nothing() {
        let mut frames = Frames::new(false);
        let mut bytes: &[u8] = &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, b'x'];
        assert_eq!(frames.next(&mut bytes), Ok(Some((Channel::Out, b"x".as_slice()))));
    }
}

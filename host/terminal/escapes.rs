//! Text of strangers on a terminal: what could steer the terminal is taken out, what can be read stays.
//!
//! Taken out: escape sequences (CSI, OSC, DCS, SOS, PM, APC, single shifts, character sets), in their
//! 7-bit and 8-bit forms, all control characters but newline, carriage return and tab, and the characters
//! that reorder text (U+202A to U+202E, U+2066 to U+2069). Bytes that are no UTF-8 become U+FFFD, because
//! some terminals read them as controls. Plain colours (`ESC [ 31 m`) may pass.
//!
//! The filter is a state machine over single bytes, so it does not matter where a text is cut into chunks.

/// Parameter bytes of a colour that are kept; a longer one is no colour.
const COLOR_BOUND: usize = 32;

/// What was seen so far of a sequence.
#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Text,
    /// After ESC, and after intermediate bytes that may follow it.
    Escape,
    /// In `ESC [ ...`. The parameters are kept as long as they can still be a colour's.
    Control { parameters: Option<Vec<u8>> },
    /// In the text of an OSC, DCS, SOS, PM or APC: swallowed up to its end. `c2` is the first half of U+009C.
    Swallow { c2: bool },
}

/// One stream's filter.
#[derive(Clone, Debug)]
pub struct Filter {
    state: State,
    /// The bytes of a character that is not complete yet: never more than three.
    partial: Vec<u8>,
    keep_color: bool,
    colored: bool,
}

/// `text` without anything that steers a terminal.
pub fn strip(text: &str) -> String {
    strip_keeping_color(text, false)
}

pub fn strip_keeping_color(text: &str, keep_color: bool) -> String {
    let mut filter = Filter::new(keep_color);
    let mut out = Vec::with_capacity(text.len());
    filter.push(text.as_bytes(), &mut out);
    filter.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

impl Filter {
    pub fn new(keep_color: bool) -> Self {
        Self { state: State::Text, partial: Vec::with_capacity(4), keep_color, colored: false }
    }

    /// Appends to `out` what may be shown of `bytes`.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.in_text() {
                let plain = bytes.iter().take_while(|byte| is_plain(**byte)).count();
                if plain > 0 {
                    let (run, rest) = bytes.split_at(plain);
                    out.extend_from_slice(run);
                    bytes = rest;
                    continue;
                }
            }
            self.byte(byte, out);
            bytes = rest;
        }
    }

    /// The end of the stream: an unfinished character is shown as one that is broken, a colour is ended.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.broken(out);
        self.state = State::Text;
        if std::mem::take(&mut self.colored) {
            out.extend_from_slice(b"\x1b[0m");
        }
    }

    fn in_text(&self) -> bool {
        matches!(self.state, State::Text) && self.partial.is_empty()
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        match std::mem::take(&mut self.state) {
            State::Text => self.text(byte, out),
            State::Escape => self.escape(byte, out),
            State::Control { parameters } => self.control(byte, parameters, out),
            State::Swallow { c2 } => self.swallow(byte, c2),
        }
    }

    fn text(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte & 0xC0 == 0x80 && !self.partial.is_empty() {
            self.partial.push(byte);
            return self.character(out);
        }
        self.broken(out);
        match byte {
            0x1B => self.state = State::Escape,
            0xC2..=0xF4 => self.partial.push(byte),
            0x80.. => out.extend_from_slice("\u{FFFD}".as_bytes()),
            _ if is_plain(byte) => out.push(byte),
            _ => {}
        }
    }

    /// Decides on the bytes in `partial`, if they are a whole character or cannot become one.
    fn character(&mut self, out: &mut Vec<u8>) {
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let character = text.chars().next();
                match character {
                    Some('\u{9B}') => self.state = State::Control { parameters: None },
                    Some('\u{90}' | '\u{98}' | '\u{9D}' | '\u{9E}' | '\u{9F}') => self.state = State::Swallow { c2: false },
                    Some(character) if is_steering(character) => {}
                    _ => out.extend_from_slice(&self.partial),
                }
                self.partial.clear();
            }
            Err(error) if error.error_len().is_some() => self.broken(out),
            Err(_) => {}
        }
    }

    fn broken(&mut self, out: &mut Vec<u8>) {
        if !self.partial.is_empty() {
            self.partial.clear();
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'[' => self.state = State::Control { parameters: self.keep_color.then(Vec::new) },
            b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::Swallow { c2: false },
            0x20..=0x2F | 0x1B => self.state = State::Escape,
            // The final byte of a two-byte sequence, a shift or a character set.
            0x30..=0x7E => {}
            _ => self.inside(byte, State::Escape, out),
        }
    }

    fn control(&mut self, byte: u8, parameters: Option<Vec<u8>>, out: &mut Vec<u8>) {
        match byte {
            b'm' => {
                if let Some(parameters) = parameters {
                    self.colored = parameters.iter().any(|byte| !matches!(byte, b'0' | b';'));
                    out.extend_from_slice(b"\x1b[");
                    out.extend_from_slice(&parameters);
                    out.push(b'm');
                }
            }
            b'0'..=b';' => {
                let parameters = parameters.filter(|seen| seen.len() < COLOR_BOUND).map(|mut seen| {
                    seen.push(byte);
                    seen
                });
                self.state = State::Control { parameters };
            }
            0x20..=0x3F => self.state = State::Control { parameters: None },
            0x40..=0x7E => {}
            0x1B => self.state = State::Escape,
            _ => self.inside(byte, State::Control { parameters }, out),
        }
    }

    /// A byte that belongs to no sequence, in the middle of one: terminals obey controls there, and CAN,
    /// SUB or the start of a character end the sequence.
    fn inside(&mut self, byte: u8, state: State, out: &mut Vec<u8>) {
        match byte {
            0x80.. => self.text(byte, out),
            0x18 | 0x1A => {}
            _ => {
                if is_plain(byte) {
                    out.push(byte);
                }
                self.state = state;
            }
        }
    }

    fn swallow(&mut self, byte: u8, c2: bool) {
        match byte {
            // BEL ends an OSC, CAN and SUB end anything, and `ESC \` is left by way of the escape's final byte.
            0x07 | 0x18 | 0x1A => {}
            0x9C if c2 => {}
            0x1B => self.state = State::Escape,
            _ => self.state = State::Swallow { c2: byte == 0xC2 },
        }
    }
}

/// Bytes that are whole characters and safe: printable ASCII, newline, carriage return, tab.
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7E | b'\n' | b'\r' | b'\t')
}

fn is_steering(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input, what is shown without colour, what is shown with colour.
    const CASES: &[(&[u8], &str, &str)] = &[
        (b"plain\ttext\r\n", "plain\ttext\r\n", "plain\ttext\r\n"),
        ("Grüße, 日本 🎉".as_bytes(), "Grüße, 日本 🎉", "Grüße, 日本 🎉"),
        (b"a\x1b[2Jb", "ab", "ab"),
        (b"a\x1b[31mred\x1b[0mb", "aredb", "a\x1b[31mred\x1b[0mb"),
        (b"a\x1b[38;2;1;2;3mb\x1b[m", "ab", "a\x1b[38;2;1;2;3mb\x1b[m"),
        (b"a\x1b[38:5:8mb", "ab", "a\x1b[38:5:8mb\x1b[0m"),
        (b"a\x1b[>4;1mb", "ab", "ab"),
        (b"a\x1b[?25lb", "ab", "ab"),
        (b"a\x1b[1 mb", "ab", "ab"),
        (b"a\x1b[111111111122222222223333333333444mb", "ab", "ab"),
        (b"title\x1b]0;evil\x07!", "title!", "title!"),
        (b"link\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\!", "linktext!", "linktext!"),
        (b"clip\x1b]52;c;aGk=\xc2\x9cend", "clipend", "clipend"),
        (b"osc \x1b]0;\xc3\x9cber\x07end", "osc end", "osc end"),
        (b"dcs\x1bPq#0;2;0;0;0\x1b\\end", "dcsend", "dcsend"),
        (b"apc\x1b_Gf=100;AAAA\x1b\\pm\x1b^x\x1b\\sos\x1bXx\x1b\\end", "apcpmsosend", "apcpmsosend"),
        (b"unfinished \x1b]0;for ever\nand ever", "unfinished ", "unfinished "),
        (b"c1 csi\xc2\x9b2Jend", "c1 csiend", "c1 csiend"),
        (b"c1 sgr\xc2\x9b31mend", "c1 sgrend", "c1 sgrend"),
        (b"c1 osc\xc2\x9d0;x\x07end", "c1 oscend", "c1 oscend"),
        (b"nel\xc2\x85end", "nelend", "nelend"),
        (b"shift\x1bNx \x1bOy \x0e\x0f", "shiftx y ", "shiftx y "),
        (b"charset\x1b(0x\x1b%Gend", "charsetxend", "charsetxend"),
        (b"reset\x1bcend\x1b7\x1b8\x1b#8", "resetend", "resetend"),
        (b"bell\x07back\x08\x7fnul\x00vt\x0bff\x0c", "bellbacknulvtff", "bellbacknulvtff"),
        ("bidi\u{202E}dlrow\u{2066}x\u{2069}".as_bytes(), "bididlrowx", "bididlrowx"),
        (b"newline in \x1b[\n31mx", "newline in \nx", "newline in \n\x1b[31mx\x1b[0m"),
        (b"cancel\x1b[3\x181mx", "cancel1mx", "cancel1mx"),
        (b"restart\x1b[3\x1b[2Jx", "restartx", "restartx"),
        ("cut\u{1b}[3ü".as_bytes(), "cutü", "cutü"),
        (b"latin1 \xe9t\xe9", "latin1 \u{FFFD}t\u{FFFD}", "latin1 \u{FFFD}t\u{FFFD}"),
        (b"raw c1 \x9b2J", "raw c1 \u{FFFD}2J", "raw c1 \u{FFFD}2J"),
        (b"overlong \xc0\x9b2J", "overlong \u{FFFD}\u{FFFD}2J", "overlong \u{FFFD}\u{FFFD}2J"),
        (b"half \xe6\x97", "half \u{FFFD}", "half \u{FFFD}"),
        (b"surrogate \xed\xa0\x80", "surrogate \u{FFFD}\u{FFFD}", "surrogate \u{FFFD}\u{FFFD}"),
        (b"left red \x1b[31m", "left red ", "left red \x1b[31m\x1b[0m"),
        (b"dangling \x1b", "dangling ", "dangling "),
    ];

    fn through(chunks: &[&[u8]], color: bool) -> String {
        let mut filter = Filter::new(color);
        let mut out = Vec::new();
        for chunk in chunks {
            filter.push(chunk, &mut out);
        }
        filter.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_steers_a_terminal_is_taken_out_and_text_stays() {
        for (input, plain, color) in CASES {
            assert_eq!(&through(&[input], false), plain, "{}", input.escape_ascii());
            assert_eq!(&through(&[input], true), color, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn it_does_not_matter_where_a_text_is_cut() {
        for (input, plain, color) in CASES {
            for first in 0..=input.len() {
                for second in first..=input.len() {
                    let chunks = [&input[..first], &input[first..second], &input[second..]];
                    assert_eq!(&through(&chunks, false), plain, "{} at {first}, {second}", input.escape_ascii());
                    assert_eq!(&through(&chunks, true), color, "{} at {first}, {second}", input.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn no_byte_sequence_of_length_three_leaves_a_control_character() {
        let risky = [0x00, 0x07, 0x1B, b'[', b']', b'm', b'3', 0x7F, 0x80, 0x9B, 0x9C, 0xC2, 0xE2, 0xFF, b'a'];
        for first in risky {
            for second in risky {
                for third in risky {
                    let shown = through(&[&[first, second, third, b'z']], false);
                    assert!(!shown.chars().any(|character| character.is_control() || is_steering(character)), "{shown:?}");
                }
            }
        }
    }
}

//! What a server answers, flattened: the head of a list or map is followed by what it holds. Deep nesting
//! costs no stack, and a pipeline's replies are one run of values.

/// An error that the server answered: `WRONGTYPE Operation against ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct ServerError {
    pub(in super::super) code: String,
    pub(in super::super) message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Reply {
    Nil,
    Okay,
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Status(String),
    Bytes(Vec<u8>),
    Failed(ServerError),
    /// This many values follow.
    List(u32),
    /// This many pairs follow.
    Map(u32),
}

impl Reply {
    /// Values that follow and belong to this one.
    pub(in super::super) fn holds(&self) -> usize {
        match self {
            Self::List(count) => *count as usize,
            Self::Map(pairs) => 2 * *pairs as usize,
            _ => 0,
        }
    }
}

impl ServerError {
    /// Splits the server's line into its first word and the rest.
    pub(super) fn of_line(line: &[u8]) -> Self {
        let text = String::from_utf8_lossy(line);
        let (code, message) = text.split_once(' ').unwrap_or((&text, ""));
        // Old servers answer without a code: `Operation not permitted`.
        match !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
            true => Self { code: code.to_owned(), message: message.to_owned() },
            false => Self { code: "ERR".to_owned(), message: text.into_owned() },
        }
    }
}

/// How many values the first one of `replies` takes, with all that it holds.
pub(in super::super) fn extent(replies: &[Reply]) -> usize {
    let (mut open, mut taken) = (1_usize, 0);
    for reply in replies {
        if open == 0 {
            break;
        }
        open = open - 1 + reply.holds();
        taken += 1;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_first_word_is_its_code() {
        let split = |line: &str| {
            let error = ServerError::of_line(line.as_bytes());
            (error.code, error.message)
        };
        assert_eq!(split("WRONGTYPE Operation against"), ("WRONGTYPE".to_owned(), "Operation against".to_owned()));
        assert_eq!(split("ERR"), ("ERR".to_owned(), String::new()));
        assert_eq!(split("something odd"), ("ERR".to_owned(), "something odd".to_owned()));
        assert_eq!(split(""), ("ERR".to_owned(), String::new()));
    }

    #[test]
    fn the_extent_of_a_reply_covers_what_it_holds() {
        use Reply::{Integer, List, Map, Nil};
        assert_eq!(extent(&[Nil, Nil]), 1);
        assert_eq!(extent(&[List(2), Integer(1), List(1), Nil, Nil]), 4);
        assert_eq!(extent(&[Map(1), Nil, List(0), Nil]), 3);
        assert_eq!(extent(&[]), 0);
    }
}

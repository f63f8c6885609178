//! What the bytes of a file are, for an error that says more than "invalid".

/// The first eight bytes of WebAssembly: magic and version.
const MAGIC: &[u8] = b"\0asm";

/// What a file that was asked for turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Component,
    CoreModule,
    /// The text format of WebAssembly.
    Text,
    /// A compiled component or another ELF file: never accepted from outside.
    Elf,
    Empty,
    /// A component of another binary version than this host reads.
    OtherVersion,
    Unknown,
}

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::Empty,
            [0x7f, b'E', b'L', b'F', ..] => Self::Elf,
            _ if bytes.starts_with(MAGIC) => match bytes.get(4..8) {
                Some([0x0d, 0, 1, 0]) => Self::Component,
                Some([1, 0, 0, 0]) => Self::CoreModule,
                _ => Self::OtherVersion,
            },
            _ if bytes.trim_ascii_start().starts_with(b"(") => Self::Text,
            _ => Self::Unknown,
        }
    }

    /// What is wrong with it and what to do; none for a component.
    pub(crate) fn complaint(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Component => None,
            Self::CoreModule => Some((
                "is a core WebAssembly module, not a component",
                "build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`",
            )),
            Self::Text => Some(("is WebAssembly text, not a binary component", "convert it with `wasm-tools parse`")),
            Self::Elf => Some(("is native code, not a component", "give the `.wasm` file; compiled forms are never taken from outside")),
            Self::Empty => Some(("is empty", "build or copy it again")),
            Self::OtherVersion => Some(("has a WebAssembly version that this host does not read", "build it as a component of WASI 0.2")),
            Self::Unknown => Some(("is not WebAssembly", "build or copy it again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_first_bytes() {
        let table: [(&[u8], Kind); 8] = [
            (b"\0asm\x0d\0\x01\0", Kind::Component),
            (b"\0asm\x01\0\0\0", Kind::CoreModule),
            (b"\0asm\x0c\0\x01\0", Kind::OtherVersion),
            (b"\0asm", Kind::OtherVersion),
            (b"  (component)", Kind::Text),
            (b"\x7fELF\x02", Kind::Elf),
            (b"", Kind::Empty),
            (b"hello", Kind::Unknown),
        ];
        for (bytes, kind) in table {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }
}

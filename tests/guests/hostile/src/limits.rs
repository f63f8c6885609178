//! Behaviours that end only when the host ends them.

use std::hint::black_box;
use std::io::Write;

use crate::Outcome;

pub(crate) fn spin() -> Outcome {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

/// Takes and touches memory up to `mebibytes`, then says so.
pub(crate) fn memory(mebibytes: u64) -> Outcome {
    let mut held: Vec<Vec<u8>> = Vec::new();
    for _ in 0..mebibytes {
        let mut piece: Vec<u8> = Vec::new();
        piece.try_reserve_exact(1 << 20).map_err(|_| format!("no memory after {} MiB", held.len()))?;
        piece.resize(1 << 20, 1);
        held.push(piece);
    }
    crate::lines(std::iter::once(format!("{} MiB", black_box(held).len())))
}

pub(crate) fn recurse() -> Outcome {
    #[expect(unconditional_recursion, reason = "the behaviour that is asked for")]
    fn deeper(depth: u64) -> u64 {
        let here = black_box([depth; 32]);
        deeper(black_box(depth + 1)).wrapping_add(black_box(here).len() as u64)
    }
    crate::lines(std::iter::once(deeper(0)))
}

/// Writes lines until this many bytes are out.
pub(crate) fn flood(mut to: impl Write, bytes: u64) -> Outcome {
    let piece = "all work and no play makes the terminal scroll away for ever.\n".repeat(1_024);
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let part = piece.as_bytes().get(..length).unwrap_or_default();
        to.write_all(part).map_err(|error| error.to_string())?;
        left -= length as u64;
    }
    to.flush().map_err(|error| error.to_string())
}

/// Opens one after another and closes none.
pub(crate) fn leak<T>(open: impl Fn() -> Result<T, String>) -> Outcome {
    let mut held = Vec::new();
    loop {
        match open() {
            Ok(one) => held.push(one),
            Err(error) => return Err(format!("refused after {}: {error}", held.len())),
        }
        if held.len() >= 1_000_000 {
            return crate::lines(std::iter::once(format!("{} are open", held.len())));
        }
    }
}

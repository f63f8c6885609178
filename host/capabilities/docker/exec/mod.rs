//! Programs in containers: joined to our streams ([`attach`]), or their output kept ([`capture`]).
//!
//! The engine hands over a connection that carries a program's input and output ([`frames`]); the crate beneath can take
//! that apart only when no program prints the bytes that frames begin with, so this is done here. Signals for a program
//! that `exec` started go past the engine ([`local`]), which has no call for them.

mod attach;
mod capture;
mod frames;
mod local;
mod program;
mod signals;

pub(super) use self::attach::attach;
pub(super) use self::capture::capture;
pub(super) use self::program::Program;
pub(super) use self::signals::taken;

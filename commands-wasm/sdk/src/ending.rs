//! How a command ends: the exit codes that `host` and its commands share.

/// The reason in one word, and its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    Ok = 0,
    /// The command failed.
    Failed = 1,
    /// Wrong arguments.
    Usage = 2,
    /// A check is not met: pending migrations, drift.
    NotMet = 3,
    /// A power was not granted.
    Denied = 4,
    /// A confirmation is needed or was declined.
    Unconfirmed = 5,
    /// Somebody else holds a lock.
    Locked = 6,
    /// A digest or a checksum does not match.
    Integrity = 7,
    /// A limit or budget is used up.
    Limit = 8,
    /// A service cannot be reached.
    Unreachable = 9,
    Timeout = 124,
    /// SIGINT.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Ending {
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The word in `--json`, the same as the host's own.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotMet => "not-met",
            Self::Denied => "denied",
            Self::Unconfirmed => "unconfirmed",
            Self::Locked => "locked",
            Self::Integrity => "integrity",
            Self::Limit => "trapped",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

/// What a command may answer with `Ok`: nothing, an [`Ending`], or an exit code of its own.
pub trait Report {
    fn exit_code(self) -> u8;
}

impl Report for () {
    fn exit_code(self) -> u8 {
        Ending::Ok.code()
    }
}

impl Report for Ending {
    fn exit_code(self) -> u8 {
        self.code()
    }
}

impl Report for u8 {
    fn exit_code(self) -> u8 {
        self
    }
}

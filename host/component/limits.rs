//! Every limit of a guest, in one place, with its reason. Tests at and past each are in `tests/limits.rs`.

use std::time::Duration;

/// Largest `.wasm` file: the largest seen in practice (JavaScript and Python) are below 20 MB.
pub const FILE_BYTES: u64 = 128 << 20;
/// Linear memory of all of a command's memories together, unless `limits.memory` says otherwise.
pub const MEMORY_BYTES: u64 = 512 << 20;
/// Elements of one table: Python's interpreter needs about 12,000.
pub const TABLE_ELEMENTS: usize = 200_000;
/// Core instances, memories and tables: a component of Python has about 40 instances.
pub const INSTANCES: usize = 256;
pub const MEMORIES: usize = 32;
pub const TABLES: usize = 256;
/// Host resources that a guest holds at once: connections, descriptors, streams, bars.
pub const HANDLES: usize = 4_096;
/// Bytes that one host call may carry from the guest: a large SQL script, not a file system.
pub const CALL_BYTES: usize = 64 << 20;
/// Bytes on stdout and stderr together, unless `limits.output` says otherwise.
pub const OUTPUT_BYTES: u64 = 1 << 30;
/// Stack of the guest: four times wasmtime's default is enough for deep recursion in interpreters.
pub const STACK_BYTES: usize = 2 << 20;
/// Wall time of a run, unless `limits.time` or `--timeout` says otherwise.
pub const TIME: Duration = Duration::from_secs(3600);
/// How long a guest may tidy up and report after the end of its time or a signal.
pub const GRACE: Duration = Duration::from_millis(500);
/// How long rolling back and closing connections may take at the end.
pub const SHUTDOWN: Duration = Duration::from_secs(5);

/// Counts what a guest's store grows to.
pub struct Limiter {
    memory_bound: u64,
    memory: u64,
    /// Why growth was refused, for the message after the trap that usually follows.
    pub refused: Option<String>,
}

impl Limiter {
    pub fn new(memory_bound: u64) -> Self {
        Self { memory_bound, memory: 0, refused: None }
    }
}

impl wasmtime::ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let total = self.memory.saturating_add(more);
        if total > self.memory_bound {
            self.refused = Some(format!("memory limit of {} MiB reached", self.memory_bound >> 20));
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.refused = Some(format!("table limit of {TABLE_ELEMENTS} elements reached"));
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }

    fn tables(&self) -> usize {
        TABLES
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter;

    use super::*;

    #[test]
    fn memories_together_may_reach_the_bound_and_not_pass_it() {
        let mut limiter = Limiter::new(1 << 20);
        assert!(limiter.memory_growing(0, 1 << 19, None).unwrap());
        assert!(limiter.memory_growing(0, 1 << 19, None).unwrap());
        assert!(!limiter.memory_growing(1 << 19, (1 << 19) + 65_536, None).unwrap());
        assert!(limiter.refused.is_some());
    }

    #[test]
    fn a_table_may_reach_its_bound_and_not_pass_it() {
        let mut limiter = Limiter::new(1 << 20);
        assert!(limiter.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(!limiter.table_growing(0, TABLE_ELEMENTS + 1, None).unwrap());
    }
}

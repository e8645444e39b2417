//! The memory that the system really gives the program, which the plan knows nothing of.

use std::fs;

/// Resident memory from some moment on.
#[derive(Clone, Copy, Debug)]
pub struct MemoryWatch {
    /// `None` where the system does not tell.
    before: Option<u64>,
}

impl MemoryWatch {
    /// Forgets the peak so far (Linux alone has the file for it) and remembers what is in use.
    pub fn start() -> Self {
        let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        let before = is_reset.then(|| status_bytes("VmRSS")).flatten();
        Self { before }
    }

    /// Bytes by which the peak since then lies above what was in use at that moment.
    pub fn growth(&self) -> Option<u64> {
        Some(status_bytes("VmHWM")?.saturating_sub(self.before?))
    }
}

/// A line of `/proc/self/status` that counts kB.
fn status_bytes(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_written_is_seen_and_a_new_watch_forgets_it() {
        let watch = MemoryWatch::start();
        // Other tests of this program take and free memory meanwhile: much more than they do.
        let block = vec![1u8; 256 << 20];
        assert!(block.iter().all(|&byte| byte == 1));
        drop(block);
        let Some(growth) = watch.growth() else {
            // Only where there is nothing to ask.
            assert!(fs::metadata("/proc/self/clear_refs").is_err());
            return;
        };
        assert!(growth > 200 << 20, "{growth}");
        let growth = MemoryWatch::start().growth().expect("it told before");
        assert!(growth < 150 << 20, "{growth}");
    }
}

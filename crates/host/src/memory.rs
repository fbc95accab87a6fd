//! Memory and swap of the machine, from /proc/meminfo (proc_meminfo(5)). All sizes are bytes.

use plugin::Result;

use crate::Root;

/// What /proc/meminfo says, in bytes. A line that a kernel does not have is 0, except for `MemAvailable`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// `MemTotal`: RAM without what the kernel itself holds.
    pub total: u64,
    /// `MemFree`: used by nobody.
    pub free: u64,
    /// `MemAvailable`: the kernel's estimate of what new programs can have without swapping. Linux before 3.14 and some
    /// containers do not have it.
    pub kernel_available: Option<u64>,
    /// `Buffers`: cache of block devices.
    pub buffers: u64,
    /// `Cached`: page cache and tmpfs.
    pub cached: u64,
    /// `Shmem`: shared memory and tmpfs; part of `Cached`, but never given back.
    pub shared: u64,
    /// `SReclaimable`: caches of the kernel that shrink under pressure.
    pub reclaimable: u64,
    /// `SwapTotal`.
    pub swap_total: u64,
    /// `SwapFree`.
    pub swap_free: u64,
    /// `HugePages_Total` × `Hugepagesize`: reserved for huge pages, in use or not. Neither free nor available.
    pub huge: u64,
    /// `HugePages_Free` × `Hugepagesize`: the part of [`Memory::huge`] that nobody uses.
    pub huge_free: u64,
}

impl Memory {
    /// The machine's memory now.
    pub fn read(root: &Root) -> Result<Memory> {
        const FILE: &str = "/proc/meminfo";
        Memory::parse(&root.read(FILE)?).map_err(|what| root.garbled(FILE, what))
    }

    fn parse(text: &str) -> Result<Memory, String> {
        let mut memory = Memory::default();
        let (mut huge_size, mut huge_pages, mut huge_pages_free) = (0, 0, 0);
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let field = match key {
                "MemTotal" => &mut memory.total,
                "MemFree" => &mut memory.free,
                "MemAvailable" => memory.kernel_available.insert(0),
                "Buffers" => &mut memory.buffers,
                "Cached" => &mut memory.cached,
                "Shmem" => &mut memory.shared,
                "SReclaimable" => &mut memory.reclaimable,
                "SwapTotal" => &mut memory.swap_total,
                "SwapFree" => &mut memory.swap_free,
                "HugePages_Total" => &mut huge_pages,
                "HugePages_Free" => &mut huge_pages_free,
                "Hugepagesize" => &mut huge_size,
                _ => continue,
            };
            *field = amount(value).ok_or_else(|| format!("no number in `{}`", line.trim()))?;
        }
        if memory.total == 0 {
            return Err("no MemTotal".into());
        }
        memory.huge = huge_pages.saturating_mul(huge_size);
        memory.huge_free = huge_pages_free.saturating_mul(huge_size);
        Ok(memory)
    }

    /// What new programs can have without swapping: `MemAvailable`, or where the kernel does not say it an estimate of
    /// free memory and caches, without shared memory. Never more than there is.
    pub fn available(&self) -> u64 {
        let caches = self.buffers.saturating_add(self.cached).saturating_add(self.reclaimable);
        let estimate = || self.free.saturating_add(caches.saturating_sub(self.shared));
        self.kernel_available.unwrap_or_else(estimate).min(self.total)
    }

    /// What programs and the kernel hold and cannot give back: total − available. Reserved huge pages are in it.
    pub fn used(&self) -> u64 {
        self.total - self.available()
    }

    /// Swap in use; what is cached in RAM as well counts as used, as in free(1).
    pub fn swap_used(&self) -> u64 {
        self.swap_total.saturating_sub(self.swap_free)
    }
}

// `  123 kB` in bytes, `  123` as it is. The kernel's kB are KiB.
fn amount(value: &str) -> Option<u64> {
    let mut words = value.split_ascii_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    match (words.next(), words.next()) {
        (None, _) => Some(number),
        (Some("kB"), None) => Some(number.saturating_mul(1024)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;
    use crate::root::tests::root_with;
    use proptest::prelude::*;

    const MODERN: &str = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\nBuffers:          10 kB\n\
        Cached:          300 kB\nShmem:            50 kB\nSReclaimable:     40 kB\nSwapTotal:       200 kB\n\
        SwapFree:        150 kB\nHugePages_Total:       2\nHugePages_Free:        1\nHugepagesize:       2048 kB\n";

    #[test]
    fn a_modern_kernel() {
        let memory = Memory::parse(MODERN).expect("readable");
        assert_eq!(memory.total, 1000 << 10);
        assert_eq!(memory.available(), 400 << 10);
        assert_eq!(memory.used(), 600 << 10);
        assert_eq!(memory.swap_used(), 50 << 10);
        assert_eq!((memory.huge, memory.huge_free), (4 << 20, 2 << 20));
    }

    #[test]
    fn a_kernel_without_memavailable_is_estimated() {
        let old = MODERN.replace("MemAvailable", "MemUnknown");
        let memory = Memory::parse(&old).expect("readable");
        assert_eq!(memory.kernel_available, None);
        assert_eq!(memory.available(), (100 + 10 + 300 + 40 - 50) << 10);
    }

    #[test]
    fn more_available_than_there_is_means_nothing_used() {
        // lxcfs shows a container's total beside the host's caches.
        let memory = Memory::parse("MemTotal: 10 kB\nMemAvailable: 99 kB\nSwapTotal: 1 kB\nSwapFree: 5 kB")
            .expect("readable");
        assert_eq!((memory.used(), memory.swap_used()), (0, 0));
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for (text, what) in [
            ("", "no MemTotal"),
            ("MemTotal: 0 kB\n", "no MemTotal"),
            ("MemTotal: many kB\n", "no number in `MemTotal: many kB`"),
            ("MemTotal: -5 kB\n", "no number in `MemTotal: -5 kB`"),
            ("MemTotal: 5 MB\n", "no number in `MemTotal: 5 MB`"),
            ("MemTotal: 99999999999999999999 kB\n", "no number in `MemTotal: 99999999999999999999 kB`"),
        ] {
            assert_eq!(Memory::parse(text), Err(what.to_owned()));
        }
        let failure = Memory::read(&root_with("/proc/meminfo", "").1).expect_err("empty");
        assert!(failure.message.ends_with("/proc/meminfo: no MemTotal"), "{failure}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "((MemTotal|MemFree|MemAvailable|SwapTotal|HugePages_Total|Hugepagesize|Cached|x): *[0-9]{0,22} ?(kB)?\n){0,8}") {
            if let Ok(memory) = Memory::parse(&text) {
                prop_assert!(memory.used() <= memory.total);
                prop_assert!(memory.available() <= memory.total);
            }
        }
    }
}

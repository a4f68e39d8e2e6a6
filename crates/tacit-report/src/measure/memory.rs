//! Peak resident memory of this process.

/// The most physical memory this process has held so far, in bytes: `VmHWM` of
/// `/proc/self/status` on Linux, `None` elsewhere or when the kernel does not say.
///
/// It is a high-water mark of the whole process and never falls: measuring two jobs in one
/// process gives the second the larger of both.
pub fn peak_rss_bytes() -> Option<u64> {
    if cfg!(target_os = "linux") {
        high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?)
    } else {
        None
    }
}

fn high_water_mark(status: &str) -> Option<u64> {
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let (kib, unit) = value.trim().split_once(' ')?;
    (unit.trim() == "kB").then_some(())?;
    kib.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        let status = "Name:\ttacit\nVmPeak:\t  9000 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 7 kB\n";
        assert_eq!(high_water_mark(status), Some(1234 * 1024));
    }

    #[test]
    fn a_status_without_the_mark_gives_none() {
        for status in [
            "",
            "VmHWM:",
            "VmHWM: x kB",
            "VmHWM: 3 MB",
            "VmHWM: 99999999999999999999 kB",
        ] {
            assert_eq!(high_water_mark(status), None, "{status:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_large_allocation_shows_in_the_mark() {
        let megabytes = std::hint::black_box(vec![1u8; 48 << 20]);
        assert!(peak_rss_bytes().unwrap() >= megabytes.len() as u64);
    }
}

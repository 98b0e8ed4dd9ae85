//! What the kernel says about this process, under the names that Prometheus' own clients use.

use std::fs;

/// Numbers that the kernel keeps. What it does not say is 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    pub(crate) resident_bytes: u64,
    pub(crate) open_descriptors: u64,
    pub(crate) descriptors_max: u64,
    pub(crate) cpu_seconds: f64,
}

impl Process {
    /// Asks.
    pub(crate) fn read() -> Self {
        use rustix::process::{Resource, getrlimit};
        let limit = getrlimit(Resource::Nofile).current;
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: u64 = number(statm.split(' ').nth(1));
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        Self {
            resident_bytes: pages * rustix::param::page_size() as u64,
            open_descriptors: descriptors(),
            descriptors_max: limit.unwrap_or(u64::MAX),
            cpu_seconds: cpu_ticks() as f64 / ticks as f64,
        }
    }
}

/// Time in this program and in the kernel for it.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold anything; what follows is numbers (proc(5)).
    let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let user: u64 = number(fields.nth(11));
    user + number(fields.next())
}

/// Since Linux 6.2 the size of the folder is their number; before that they are counted, which takes a while for many.
fn descriptors() -> u64 {
    let folder = "/proc/self/fd";
    match fs::metadata(folder).map(|found| found.len()) {
        Ok(0) | Err(_) => fs::read_dir(folder).map_or(0, |entries| entries.count() as u64),
        Ok(count) => count,
    }
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_something_about_each() {
        let before = Process::read();
        assert!(before.resident_bytes > 100_000 && before.descriptors_max > 8, "{before:?}");
        let more: Vec<_> = (0..50).map(|_| std::os::unix::net::UnixStream::pair().unwrap()).collect();
        // Other tests open and close some beside.
        assert!(Process::read().open_descriptors > before.open_descriptors + 50, "{before:?}");
        drop(more);
    }
}

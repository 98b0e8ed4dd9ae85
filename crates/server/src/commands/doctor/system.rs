//! What the kernel tells in files.

use std::path::PathBuf;

/// The kernel's files, of one process where they differ.
pub(super) struct System {
    /// `/`, or in tests a directory that looks like it.
    root: PathBuf,
    /// The process whose limits are looked at.
    process: String,
}

impl System {
    /// The system as a process has it; this one if none is named.
    pub(super) fn of(pid: Option<u32>) -> Self {
        Self { root: "/".into(), process: pid.map_or_else(|| "self".into(), |pid| pid.to_string()) }
    }

    /// A system that a test made up.
    #[cfg(test)]
    pub(super) fn below(root: PathBuf) -> Self {
        Self { root, process: "self".into() }
    }

    /// The text of a file, without the space around it. `None` if there is none, or it may not be read.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()?;
        Some(text.trim().to_owned())
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path.trim_start_matches('/')).exists()
    }

    /// A file with one number, or of several the one at this place.
    pub(super) fn number(&self, path: &str, place: usize) -> Option<u64> {
        self.read(path)?.split_whitespace().nth(place)?.parse().ok()
    }

    /// The most descriptors that the process may take: the hard limit, up to which the server raises its own.
    pub(super) fn descriptors_max(&self) -> Option<u64> {
        let limits = self.read(&format!("/proc/{}/limits", self.process))?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        match line.split_whitespace().nth(1)? {
            "unlimited" => Some(u64::MAX),
            hard => hard.parse().ok(),
        }
    }

    /// The least limit of memory that a control group above the process sets; `None` if none does.
    pub(super) fn memory_limit(&self) -> Option<u64> {
        let of_v2 =
            self.groups("").into_iter().filter_map(|group| self.number(&format!("{group}/memory.max"), 0));
        let of_v1 = self.groups("memory").into_iter().filter_map(|group| {
            // Without a limit it is a number near 2^63.
            self.number(&format!("{group}/memory.limit_in_bytes"), 0).filter(|bytes| *bytes < 1 << 60)
        });
        of_v2.chain(of_v1).min()
    }

    /// The least share of processors that a control group above the process sets, as so many of them.
    pub(super) fn processors_limit(&self) -> Option<f64> {
        let share = |quota: &str, period: u64| Some(quota.parse::<f64>().ok()? / period as f64);
        let of_v2 = self.groups("").into_iter().filter_map(|group| {
            let text = self.read(&format!("{group}/cpu.max"))?;
            let (quota, period) = text.split_once(' ')?;
            share(quota, period.parse().ok()?)
        });
        let of_v1 = self.groups("cpu").into_iter().filter_map(|group| {
            let quota = self.read(&format!("{group}/cpu.cfs_quota_us")).filter(|quota| quota != "-1")?;
            share(&quota, self.number(&format!("{group}/cpu.cfs_period_us"), 0)?)
        });
        of_v2.chain(of_v1).min_by(f64::total_cmp)
    }

    /// The directories of the process's control groups, its own and those above it. `controller` is empty for version 2.
    fn groups(&self, controller: &str) -> Vec<String> {
        let groups = self.read(&format!("/proc/{}/cgroup", self.process)).unwrap_or_default();
        let own = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let named = parts.next()?.split(',').any(|name| name == controller);
            named.then(|| parts.next().map(str::to_owned))?
        });
        let Some(own) = own else { return Vec::new() };
        let base = match controller {
            "" => "/sys/fs/cgroup".to_owned(),
            controller => format!("/sys/fs/cgroup/{controller}"),
        };
        let mut path = own.trim_matches('/');
        let mut found = vec![base.clone()];
        while !path.is_empty() {
            found.push(format!("{base}/{path}"));
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        found
    }
}

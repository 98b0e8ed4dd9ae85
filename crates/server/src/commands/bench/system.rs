//! What /proc says of the server, of this process, and of whatever else the machine does.

use std::{
    collections::{HashMap, HashSet},
    fs,
    net::{IpAddr, SocketAddr},
};

/// CPU time in microseconds, and memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) user: u64,
    pub(super) system: u64,
    pub(super) resident_bytes: u64,
}

/// What the whole machine spent, in microseconds since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Machine {
    pub(super) busy: u64,
    /// What the hypervisor gave to others while somebody here wanted it.
    pub(super) steal: u64,
}

/// A server's process, with all that it has begun.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) name: String,
}

impl Process {
    /// # Errors
    /// A sentence, if there is no such process.
    pub(super) fn of(pid: u32) -> Result<Self, String> {
        let name = fs::read_to_string(format!("/proc/{pid}/comm"));
        let name = name.map_err(|_| format!("there is no process {pid}, or it may not be looked at"))?;
        Ok(Self { pid, name: name.trim().to_owned() })
    }

    /// Who listens at an address of this machine, if it may be seen.
    pub(super) fn listening_at(address: SocketAddr) -> Option<Self> {
        let inodes = listeners(address);
        if inodes.is_empty() {
            return None;
        }
        let wanted: HashSet<String> = inodes.into_iter().map(|inode| format!("socket:[{inode}]")).collect();
        let holds = |pid: &u32| {
            let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            descriptors
                .filter_map(|entry| fs::read_link(entry.path()).ok())
                .any(|link| link.to_str().is_some_and(|link| wanted.contains(link)))
        };
        // A parent holds what its children listen on, and was there first.
        let pid = pids().into_iter().filter(holds).min()?;
        Self::of(pid).ok()
    }

    /// Its CPU time and memory. Those of processes that it has begun count as its own.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for pid in self.family() {
            let Some((_, user, system)) = stat(pid) else { continue };
            usage.user += user;
            usage.system += system;
            usage.resident_bytes += resident(pid);
        }
        usage
    }

    fn family(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for pid in pids() {
            if let Some((parent, ..)) = stat(pid) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut family = vec![self.pid];
        let mut next = 0;
        while let Some(pid) = family.get(next) {
            family.extend(children.remove(pid).unwrap_or_default());
            next += 1;
        }
        family
    }
}

/// This process' own CPU time in microseconds.
pub(super) fn own_cpu() -> u64 {
    stat(std::process::id()).map_or(0, |(_, user, system)| user + system)
}

impl Machine {
    pub(super) fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
        let at = |place: usize| ticks.get(place).copied().unwrap_or(0) * microseconds_of_a_tick();
        // user, nice, system, (idle, iowait), irq, softirq, steal
        Self { busy: at(0) + at(1) + at(2) + at(5) + at(6), steal: at(7) }
    }
}

fn microseconds_of_a_tick() -> u64 {
    1_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

/// Parent, and CPU time in user space and in the system of all threads, in microseconds.
fn stat(pid: u32) -> Option<(u32, u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may have spaces and parentheses.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    let time = |place: usize| Some(fields.get(place)?.parse::<u64>().ok()? * microseconds_of_a_tick());
    Some((fields.get(1)?.parse().ok()?, time(11)?, time(12)?))
}

/// What of a process lies in memory; pages that several share count in parts, where the kernel tells.
fn resident(pid: u32) -> u64 {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{path}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    field("smaps_rollup", "Pss:").or_else(|| field("status", "VmRSS:")).unwrap_or(0)
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The inodes of sockets that listen at a port, at this address or at any.
fn listeners(address: SocketAddr) -> Vec<String> {
    let local = address.ip().is_loopback() || std::net::UdpSocket::bind((address.ip(), 0)).is_ok();
    if !local {
        return Vec::new();
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let found = tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (ip, port) = fields.get(1)?.split_once(':')?;
        let listens = *fields.get(3)? == "0A" && u16::from_str_radix(port, 16).ok()? == address.port();
        let any = ip.bytes().all(|digit| digit == b'0');
        let same = matches!(address.ip(), IpAddr::V4(v4) if ip == format!("{:08X}", u32::from_ne_bytes(v4.octets())));
        // Loopback of version 6 is not told apart from other addresses of it: the port is enough.
        (listens && (any || same || ip.len() == 32)).then(|| (*fields.get(9).unwrap_or(&"")).to_owned())
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_found_and_has_used_something() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let process = Process::listening_at(listener.local_addr().unwrap()).unwrap();
        assert_eq!(process.pid, std::process::id());
        assert!(process.usage().resident_bytes > 100_000, "{:?}", process.usage());
        assert!(Machine::now().busy >= own_cpu());
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(Process::listening_at(address).is_none());
        assert!(Process::of(u32::MAX).unwrap_err().contains("no process"));
    }
}

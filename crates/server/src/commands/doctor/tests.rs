use super::{examine, finding::*, system::System};
use serde_json::Value;
use std::{fs, path::Path};
use tempfile::TempDir;

/// A system that carries ten thousand sockets.
const GOOD: &[(&str, &str)] = &[
    (
        "proc/self/limits",
        "Limit  Soft  Hard  Units\nMax open files            1024                 524288               files\n",
    ),
    ("proc/self/cgroup", "0::/system.slice/downlink.service\n"),
    ("proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable:    4000000 kB\n"),
    ("proc/sys/fs/nr_open", "1048576\n"),
    ("proc/sys/fs/file-max", "9223372036854775807\n"),
    ("proc/sys/fs/file-nr", "1216\t0\t9223372036854775807\n"),
    ("proc/sys/net/core/somaxconn", "4096\n"),
    ("proc/sys/net/core/wmem_max", "212992\n"),
    ("proc/sys/net/ipv4/tcp_syncookies", "1\n"),
    ("proc/sys/net/ipv4/tcp_mem", "5000\t7500\t185000\n"),
    ("proc/sys/net/ipv4/tcp_max_orphans", "32768\n"),
    ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("run/systemd/timesync/synchronized", ""),
    ("sys/fs/cgroup/system.slice/downlink.service/memory.max", "max\n"),
    ("sys/fs/cgroup/system.slice/downlink.service/cpu.max", "max 100000\n"),
];

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The good system with one file otherwise, or without it.
fn with(path: &str, text: Option<&str>) -> (TempDir, System) {
    let directory = tempfile::tempdir().unwrap();
    GOOD.iter().for_each(|(path, text)| write(directory.path(), path, text));
    match text {
        Some(text) => write(directory.path(), path, text),
        None => fs::remove_file(directory.path().join(path)).unwrap(),
    }
    let system = System::below(directory.path().to_owned());
    (directory, system)
}

/// Everything that is not good.
fn bad(system: &System, sockets: u64) -> Vec<(Verdict, &'static str)> {
    let findings = examine(system, sockets, None);
    let bad = findings.iter().filter(|finding| finding.verdict != Verdict::Good);
    bad.map(|finding| (finding.verdict, finding.name)).collect()
}

#[test]
fn a_good_system_is_good() {
    let (_directory, system) = with("proc/sys/net/core/somaxconn", Some("65535"));
    assert_eq!(bad(&system, 10_000), []);
}

#[test]
fn each_low_limit_is_found() {
    use Verdict::{Note, Wrong};
    for (path, text, verdict, name) in [
        ("proc/self/limits", "Max open files  1024  4096  files", Wrong, "descriptors of the process"),
        ("proc/self/limits", "Max open files  1024  11000  files", Note, "descriptors of the process"),
        ("proc/sys/fs/nr_open", "4096", Wrong, "fs.nr_open"),
        ("proc/sys/fs/file-max", "12000", Wrong, "fs.file-max"),
        ("proc/sys/net/core/somaxconn", "128", Wrong, "net.core.somaxconn"),
        ("proc/sys/net/ipv4/tcp_mem", "1000 2000 3000", Wrong, "net.ipv4.tcp_mem"),
        ("proc/sys/net/core/wmem_max", "65536", Note, "net.core.wmem_max"),
        ("proc/sys/net/netfilter/nf_conntrack_max", "8192", Wrong, "net.netfilter.nf_conntrack_max"),
        ("proc/sys/net/ipv4/tcp_max_orphans", "4096", Note, "net.ipv4.tcp_max_orphans"),
        ("proc/sys/net/ipv4/ip_local_port_range", "60000 60999", Note, "net.ipv4.ip_local_port_range"),
        ("proc/meminfo", "MemAvailable: 100000 kB", Wrong, "memory"),
        ("sys/fs/cgroup/system.slice/memory.max", "104857600", Wrong, "memory"),
        ("sys/fs/cgroup/system.slice/downlink.service/cpu.max", "50000 100000", Note, "processors"),
    ] {
        let (_directory, system) = with(path, Some(text));
        assert_eq!(bad(&system, 10_000), [(verdict, name)], "{path}");
    }
}

#[test]
fn without_cookies_the_queue_of_those_that_begin_counts() {
    let (directory, system) = with("proc/sys/net/ipv4/tcp_syncookies", Some("0"));
    write(directory.path(), "proc/sys/net/ipv4/tcp_max_syn_backlog", "1024");
    assert_eq!(bad(&system, 10_000), [(Verdict::Wrong, "net.ipv4.tcp_max_syn_backlog")]);
    write(directory.path(), "proc/sys/net/ipv4/tcp_max_syn_backlog", "4096");
    assert_eq!(bad(&system, 10_000), []);
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_good() {
    for (path, name) in [
        ("proc/self/limits", "descriptors of the process"),
        ("proc/sys/fs/nr_open", "fs.nr_open"),
        ("proc/sys/net/core/somaxconn", "net.core.somaxconn"),
        ("proc/sys/net/ipv4/tcp_syncookies", "net.ipv4.tcp_max_syn_backlog"),
        ("proc/sys/net/ipv4/tcp_mem", "net.ipv4.tcp_mem"),
        ("proc/sys/net/ipv4/ip_local_port_range", "net.ipv4.ip_local_port_range"),
        ("proc/meminfo", "memory"),
    ] {
        let (_directory, system) = with(path, None);
        assert_eq!(bad(&system, 10_000), [(Verdict::Unknown, name)], "{path}");
    }
}

#[test]
fn limits_of_older_control_groups_count() {
    let (directory, system) = with("proc/self/cgroup", Some("4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n"));
    write(directory.path(), "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "67108864");
    write(directory.path(), "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "20000");
    write(directory.path(), "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000");
    assert_eq!(system.memory_limit(), Some(67_108_864));
    assert_eq!(system.processors_limit(), Some(0.2));
}

#[test]
fn a_finding_says_what_sets_it_now_and_for_good() {
    let (_directory, system) = with("proc/sys/net/ipv4/tcp_mem", Some("1000 2000 3000"));
    let findings = examine(&system, 10_000, None);
    let text = table(10_000, &findings);
    assert!(text.contains("For 10,000 sockets:"), "{text}");
    assert!(text.contains("sysctl -w net.ipv4.tcp_mem='5000 7500 10000'"), "{text}");
    assert!(text.contains("/etc/sysctl.d/90-downlink.conf: net.ipv4.tcp_mem = 5000 7500 10000"), "{text}");
    assert!(text.contains("0 unknown, 1 wrong"), "{text}");
    let json = json(10_000, &findings);
    assert_eq!((json["good"].as_bool(), json["sockets"].as_u64()), (Some(false), Some(10_000)));
    let check = json["checks"].as_array().unwrap().iter().find(|check| check["verdict"] == "wrong").unwrap();
    assert_eq!(check["name"], "net.ipv4.tcp_mem");
    assert_eq!(check["command"], "sysctl -w net.ipv4.tcp_mem='5000 7500 10000'");
    assert!(json["checks"][0]["command"] == Value::Null, "what is good needs no command");
}

#[test]
fn numbers_are_written_for_people() {
    assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!([4096, 5 << 20, 3 << 29].map(size), ["4 KiB", "5 MiB", "1.5 GiB"]);
}

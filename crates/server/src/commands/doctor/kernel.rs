//! What the kernel allows: descriptors, connections that come, connections that are there.

use super::{
    finding::{Finding, Verdict, thousands, unreadable},
    system::System,
};
use crate::serve::BACKLOG;
use protocol::limits::{QUIET_CONNECTIONS_MAX, SEND_BUFFER_BYTES};

/// Files of the journal, listeners, epoll descriptors, connections to the application.
const OTHER_DESCRIPTORS: u64 = 256;

/// A descriptor for each socket and for each connection that is none.
pub(super) fn descriptors(system: &System, sockets: u64) -> Vec<Finding> {
    let wanted = sockets + QUIET_CONNECTIONS_MAX as u64 + OTHER_DESCRIPTORS;
    let text = format!("at least {}", thousands(wanted));
    let why = "Each socket is a descriptor. The server raises its own limit up to the hard limit, and no further: who comes \
               then waits, and is refused in the end.";
    let own = system.descriptors_max();
    let (verdict, now) = match own {
        None => (Verdict::Unknown, unreadable()),
        Some(most) => {
            let verdict = match most {
                most if most >= wanted => Verdict::Good,
                // The sockets have room, and fewer connections of the API than there may be.
                most if most >= sockets + OTHER_DESCRIPTORS => Verdict::Note,
                _ => Verdict::Wrong,
            };
            (verdict, format!("{} (hard limit)", thousands(most)))
        }
    };
    let mut limit = Finding::new(verdict, "descriptors of the process", now, text, why);
    if verdict != Verdict::Good {
        limit = limit.set(
            format!("ulimit -n {wanted}   (as root, in the shell that starts the server)"),
            format!(
                "systemctl edit downlink: [Service] LimitNOFILE={wanted}; without systemd /etc/security/limits.d/\
                 downlink.conf: * hard nofile {wanted}"
            ),
        );
    }
    let nr_open = system.number("/proc/sys/fs/nr_open", 0);
    let file_max = system.number("/proc/sys/fs/file-max", 0);
    // Those that are open already, by this or other processes, are counted in `wanted` if they are ours.
    let open = system.number("/proc/sys/fs/file-nr", 0).unwrap_or(0);
    vec![
        limit,
        Finding::sysctl(
            "fs.nr_open",
            nr_open,
            wanted,
            Verdict::Wrong,
            "No process can be given more descriptors than this, whatever its limit says.",
        ),
        Finding::sysctl(
            "fs.file-max",
            file_max,
            open + wanted,
            Verdict::Wrong,
            "All processes together have no more open files than this; then nobody can open any.",
        ),
    ]
}

/// The queue of connections that wait to be accepted: a reconnect storm comes all at once.
pub(super) fn accepting(system: &System) -> Vec<Finding> {
    let backlog = u64::from(BACKLOG.unsigned_abs());
    let cookies = system.number("/proc/sys/net/ipv4/tcp_syncookies", 0);
    let half_open = system.number("/proc/sys/net/ipv4/tcp_max_syn_backlog", 0);
    let syn = if cookies.is_some_and(|cookies| cookies > 0) {
        Finding::new(
            Verdict::Good,
            "net.ipv4.tcp_max_syn_backlog",
            "not needed: tcp_syncookies is on",
            "",
            "",
        )
    } else {
        Finding::sysctl(
            "net.ipv4.tcp_max_syn_backlog",
            half_open.filter(|_| cookies.is_some()),
            backlog,
            Verdict::Wrong,
            "Without tcp_syncookies, connections that begin while so many have begun are dropped, and tried again a second \
             later.",
        )
    };
    vec![
        Finding::sysctl(
            "net.core.somaxconn",
            system.number("/proc/sys/net/core/somaxconn", 0),
            backlog,
            Verdict::Wrong,
            "Cuts the queue of connections that wait to be accepted, for which the server asks at its start. In a reconnect \
             storm those beyond it are dropped, and tried again after 1, 3, 7 … seconds. Start the server anew after a change.",
        ),
        syn,
    ]
}

/// What connections take that are open.
pub(super) fn network(system: &System, sockets: u64) -> Vec<Finding> {
    let mut findings = vec![tcp_mem(system, sockets)];
    findings.push(Finding::sysctl(
        "net.core.wmem_max",
        system.number("/proc/sys/net/core/wmem_max", 0),
        SEND_BUFFER_BYTES as u64,
        Verdict::Note,
        "Caps the send buffer that the server asks for, two of the largest messages. With less, large messages take several \
         turns, and more sockets are slow ones.",
    ));
    findings.push(conntrack(system, sockets));
    findings.push(Finding::sysctl(
        "net.ipv4.tcp_max_orphans",
        system.number("/proc/sys/net/ipv4/tcp_max_orphans", 0),
        sockets,
        Verdict::Note,
        "When the server ends, so many connections may wait for their last bytes to be taken. Those beyond it are reset: their \
         clients come back all the same, and do not hear when to.",
    ));
    findings.push(ports(system, sockets));
    findings
}

/// Memory of all TCP connections together, in pages.
fn tcp_mem(system: &System, sockets: u64) -> Finding {
    let most = system.number("/proc/sys/net/ipv4/tcp_mem", 2);
    let why = "Pages for what all connections have sent or received and nobody has taken. A message on its way takes a page at \
               least, so one to everybody takes a page a socket; beyond the third number connections are broken off.";
    let finding = Finding::sysctl("net.ipv4.tcp_mem", most, sockets, Verdict::Wrong, why);
    if finding.command.is_none() {
        return finding;
    }
    finding.set_sysctl(&format!("{} {} {}", sockets / 2, sockets * 3 / 4, sockets))
}

/// The table of connections that a firewall keeps, if there is one.
fn conntrack(system: &System, sockets: u64) -> Finding {
    const NAME: &str = "net.netfilter.nf_conntrack_max";
    if system.has("/proc/sys/net") && !system.has("/proc/sys/net/netfilter/nf_conntrack_max") {
        return Finding::new(Verdict::Good, NAME, "not needed: connection tracking is not loaded", "", "");
    }
    let tracked = system.number("/proc/sys/net/netfilter/nf_conntrack_count", 0).unwrap_or(0);
    Finding::sysctl(
        NAME,
        system.number("/proc/sys/net/netfilter/nf_conntrack_max", 0),
        tracked + sockets + sockets / 4,
        Verdict::Wrong,
        "The firewall remembers each connection (each twice, with a proxy on this machine). When its table is full, new ones \
         are dropped: \"nf_conntrack: table full\" in the kernel's log.",
    )
}

/// Ports for a proxy's own connections to the server.
fn ports(system: &System, sockets: u64) -> Finding {
    const NAME: &str = "net.ipv4.ip_local_port_range";
    const MOST: u64 = 65_535 - 1024;
    let path = "/proc/sys/net/ipv4/ip_local_port_range";
    let range = system.number(path, 0).zip(system.number(path, 1));
    let ports = range.map(|(first, last)| last.saturating_sub(first) + 1);
    let why = "Only for a proxy on this machine: each of its connections to the server takes a port. With more sockets than ports \
               it needs several addresses to connect from (nginx: proxy_bind with split_clients), or the server several processes.";
    let now = range.map_or_else(unreadable, |(first, last)| format!("{first} to {last}"));
    let wanted = format!("{} ports", thousands(sockets.min(MOST)));
    match ports {
        None => Finding::new(Verdict::Unknown, NAME, now, wanted, why),
        Some(ports) if ports >= sockets => Finding::new(Verdict::Good, NAME, now, wanted, why),
        Some(ports) => {
            let finding = Finding::new(Verdict::Note, NAME, now, wanted, why);
            if ports >= MOST { finding } else { finding.set_sysctl("1025 65535") }
        }
    }
}

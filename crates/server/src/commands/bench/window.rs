//! The time that is measured: what the server, this program and the machine spent in it, for each message.

use super::{
    clock::{Clock, SECOND},
    engine::tally::Tally,
    report::Report,
    system::{Machine, Process, Usage, own_cpu},
};

/// Above this share of a core this program may have been what was measured.
const OWN_CORES_MAX: f64 = 0.9;

/// From here on others took so much that times are not the server's alone.
const OTHERS_CORES_MAX: f64 = 0.2;

pub(super) struct Window<'a> {
    server: Option<&'a Process>,
    usage: Usage,
    own: u64,
    machine: Machine,
    clock: Clock,
    began: u64,
}

impl<'a> Window<'a> {
    pub(super) fn begin(server: Option<&'a Process>, clock: Clock) -> Self {
        let usage = server.map(Process::usage).unwrap_or_default();
        Self { server, usage, own: own_cpu(), machine: Machine::now(), clock, began: clock.now() }
    }

    pub(super) fn seconds(&self) -> f64 {
        (self.clock.now() - self.began) as f64 / SECOND as f64
    }

    /// Reports what each of so many units cost; `name` is one of them.
    pub(super) fn end(&self, units: u64, name: &'static str, report: &mut Report) {
        let seconds = self.seconds().max(1e-9);
        let units = (units as f64).max(1.0);
        let own = (own_cpu() - self.own) as f64;
        let machine = Machine::now();
        let cores = |microseconds: f64| microseconds / 1e6 / seconds;
        let mut known = own;
        if let Some(server) = self.server {
            let usage = server.usage();
            let (user, system) = (usage.user - self.usage.user, usage.system - self.usage.system);
            let all = (user + system) as f64;
            known += all;
            let [name, label] = match name {
                "socket" => ["server_cpu_us_per_socket", "server's CPU for each socket"],
                "delivery" => ["server_cpu_us_per_delivery", "server's CPU for each delivery"],
                _ => ["server_cpu_us_per_message", "server's CPU for each message"],
            };
            report.add(name, label, all / units, "µs");
            report.add("server_user_us", "  of it in its own code", user as f64 / units, "µs");
            report.add("server_cores", "server's CPU", cores(all), "cores");
        }
        report.add("bench_us", "this program's CPU for each", own / units, "µs");
        report.add("bench_cores", "this program's CPU", cores(own), "cores");
        let steal = cores(machine.steal.saturating_sub(self.machine.steal) as f64);
        report.add("steal_cores", "taken by the hypervisor", steal, "cores");
        let busy = machine.busy.saturating_sub(self.machine.busy) as f64;
        // Without the server's own figure its work cannot be told from that of others.
        let others = if self.server.is_some() { cores((busy - known).max(0.0)) } else { 0.0 };
        if self.server.is_some() {
            report.add("other_cores", "other work on this machine", others, "cores");
        }
        if cores(own) > OWN_CORES_MAX {
            report.warn("this program used a whole core: it was the limit, and the server can do more");
        }
        if steal > OTHERS_CORES_MAX || others > OTHERS_CORES_MAX {
            report.warn(format!(
                "the machine was busy with something else ({:.1} cores, {steal:.1} taken by the hypervisor): measure again",
                others
            ));
        }
    }
}

/// How long messages took.
pub(super) fn latency(tally: &Tally, report: &mut Report) {
    if tally.latency.is_empty() {
        return;
    }
    let latency = &tally.latency;
    report.add("latency_p50_us", "send to receive, median", latency.microseconds(0.5), "µs");
    report.add("latency_p99_us", "  99th percentile", latency.microseconds(0.99), "µs");
    report.add("latency_p999_us", "  99.9th percentile", latency.microseconds(0.999), "µs");
    report.add("latency_max_us", "  longest", latency.longest(), "µs");
}

/// What must not be.
pub(super) fn faults(tally: &Tally, lost: u64, report: &mut Report) {
    report.fault(lost, "messages LOST (accepted, and never received)");
    report.fault(tally.repeated, "messages that came AGAIN to a socket that had them");
    report.fault(tally.misordered, "messages OUT OF ORDER");
    report.fault(tally.misrouted, "messages that came to a socket that they were NOT FOR");
    report.fault(tally.gaps, "gaps: the server kept less than it had to (its retention?)");
    let first = |text: &Option<String>| {
        text.as_deref().map_or_else(String::new, |text| format!(" (the first: {text})"))
    };
    report.fault(tally.failed, &format!("sockets that could not be opened{}", first(&tally.failure)));
    report.fault(tally.closed, &format!("sockets that the server closed{}", first(&tally.failure)));
    report.fault(tally.refused.len() as u64, &format!("sends that were refused{}", first(&tally.refusal)));
}

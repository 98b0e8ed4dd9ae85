//! What sockets cost that wait: memory, and CPU.

use super::{
    super::{
        clock::{SECOND, nanoseconds},
        engine::{Channels, Engine},
        report::Report,
        system::Process,
        window::{self, Window},
    },
    Run,
};

/// Before memory is looked at: what the allocator no longer needs goes back to the system within a second.
const SETTLE: u64 = 2 * SECOND;

pub(super) fn measure(run: &mut Run<'_>) -> Result<Report, String> {
    let mut engine = run.engine(Channels::Own, 4)?;
    run.progress.begin("settling");
    wait(run, &mut engine, SETTLE)?;
    let before = run.server.map(Process::usage).unwrap_or_default();
    let began = engine.clock.now();
    run.open(&mut engine)?;
    let opened = engine.clock.now() - began;
    let sockets = engine.open_sockets();
    run.progress.begin("settling");
    wait(run, &mut engine, SETTLE)?;
    let after = run.server.map(Process::usage).unwrap_or_default();
    let window = Window::begin(run.server, engine.clock);
    run.progress.begin("idle");
    wait(run, &mut engine, nanoseconds(run.args.duration()))?;
    let mut report = Report::new("idle");
    report.set("sockets", run.args.sockets);
    if run.server.is_some() {
        let grown = after.resident_bytes as f64 - before.resident_bytes as f64;
        report.add(
            "resident_bytes_per_socket",
            "server's memory for each socket",
            grown / sockets.max(1) as f64,
            "bytes",
        );
        report.add("resident_mb", "server's memory", after.resident_bytes as f64 / 1e6, "MB");
        report.add(
            "resident_before_mb",
            "  before there were sockets",
            before.resident_bytes as f64 / 1e6,
            "MB",
        );
    }
    report.add(
        "sockets_per_second",
        "sockets opened",
        sockets as f64 * SECOND as f64 / opened.max(1) as f64,
        "/s",
    );
    window.end(sockets as u64, "socket", &mut report);
    window::faults(&engine.tally, engine.lost(), &mut report);
    Ok(report)
}

fn wait(run: &mut Run<'_>, engine: &mut Engine, nanoseconds: u64) -> Result<(), String> {
    let began = engine.clock.now();
    let end = began + nanoseconds;
    while engine.clock.now() < end {
        engine.poll(end.min(engine.clock.now() + SECOND / 10))?;
        run.progress.at(engine.clock.now() - began, nanoseconds);
    }
    Ok(())
}

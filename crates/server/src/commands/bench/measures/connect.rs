//! What it costs to open sockets: their tokens are made before.

use super::{
    super::{
        engine::Channels,
        report::Report,
        window::{self, Window},
    },
    Run,
};

/// With fewer, the system's clock of CPU time is too coarse.
const SOCKETS_FOR_CPU: usize = 5_000;

pub(super) fn measure(run: &mut Run<'_>) -> Result<Report, String> {
    let mut engine = run.engine(Channels::Own, 4)?;
    let window = Window::begin(run.server, engine.clock);
    run.open(&mut engine)?;
    let sockets = engine.open_sockets();
    let mut report = Report::new("connect");
    report.set("sockets", run.args.sockets);
    report.set("opened_at_once", run.args.window);
    report.add("sockets_per_second", "sockets opened", sockets as f64 / window.seconds(), "/s");
    window.end(sockets as u64, "socket", &mut report);
    let opening = &engine.tally.opening;
    report.add("opening_p50_us", "first packet to open, median", opening.microseconds(0.5), "µs");
    report.add("opening_p99_us", "  99th percentile", opening.microseconds(0.99), "µs");
    if run.server.is_some() && sockets < SOCKETS_FOR_CPU {
        report.warn("CPU time is counted in hundredths of a second: for an exact figure open more, as --sockets 10000");
    }
    window::faults(&engine.tally, engine.lost(), &mut report);
    Ok(report)
}

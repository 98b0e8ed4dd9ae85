//! A storm: all sockets are cut at once, and come back with the cursor that each has, while messages go on being sent.

use super::{
    super::{
        clock::{SECOND, nanoseconds},
        engine::{Channels, Engine},
        report::Report,
        window::{self, Window},
    },
    LAST_ARRIVALS, Run,
    closed::settle,
    pacer::Pacer,
};

/// Sending is given up after this, should the storm not end before.
const STORM_MAX: u64 = 300 * SECOND;

pub(super) fn measure(run: &mut Run<'_>) -> Result<Report, String> {
    if !(run.peer)()?.resumes {
        return Err("only Downlink itself can be asked to resume".into());
    }
    let mut engine = run.engine(Channels::Own, run.args.publishers)?;
    engine.keep_cursors();
    run.open(&mut engine)?;
    run.progress.begin("before the storm");
    let mut pacer = Pacer::new(&engine, run.args.rate, STORM_MAX);
    send_for(run, &mut engine, &mut pacer, nanoseconds(run.args.warm_up()))?;

    run.progress.begin("coming back");
    let (sent_before, delivered_before) = (pacer.sent, engine.tally.delivered);
    let (cut, window) = (engine.clock.now(), Window::begin(run.server, engine.clock));
    engine.cut_all();
    engine.tally.opening = super::super::histogram::Histogram::default();
    let (sockets, progress) = (run.args.sockets, &mut *run.progress);
    engine.reopen(run.args.window, &mut |engine| {
        progress.at(engine.open_sockets() as u64, sockets as u64);
        pacer.tick(engine)
    })?;
    let back = engine.clock.now();
    let (sent_meanwhile, open) = (pacer.sent - sent_before, engine.open_sockets());
    // What was sent until now has come when as many have come as were sent.
    let wanted = engine.tally.sent;
    let end = back + LAST_ARRIVALS;
    while engine.tally.delivered < wanted && engine.clock.now() < end {
        let next = pacer.tick(&mut engine);
        engine.poll(next.min(engine.clock.now() + SECOND / 100))?;
    }
    let caught_up = engine.clock.now();
    pacer.stop();
    settle(&mut engine)?;

    let mut report = Report::new("resume");
    report.set("sockets", run.args.sockets);
    report.set("payload_bytes", run.args.payload);
    report.set("messages_per_second_wanted", run.args.rate);
    report.set("opened_at_once", run.args.window);
    report.set("messages", engine.tally.sent);
    let milliseconds = |from: u64, to: u64| (to - from) as f64 / 1e6;
    report.add("all_back_ms", "cut until all sockets were open again", milliseconds(cut, back), "ms");
    report.add("caught_up_ms", "cut until all had what they missed", milliseconds(cut, caught_up), "ms");
    report.add(
        "sockets_per_second",
        "sockets that came back",
        open as f64 / ((back - cut).max(1) as f64 / 1e9),
        "/s",
    );
    report.add("messages_meanwhile", "messages sent meanwhile", sent_meanwhile as f64, "");
    let delivered = (engine.tally.delivered - delivered_before) as f64;
    report.add("delivered_after", "messages received since the cut", delivered, "");
    window.end(open as u64, "socket", &mut report);
    let opening = &engine.tally.opening;
    report.add("opening_p50_us", "first packet to open, median", opening.microseconds(0.5), "µs");
    report.add("opening_p99_us", "  99th percentile", opening.microseconds(0.99), "µs");
    window::faults(&engine.tally, engine.lost(), &mut report);
    Ok(report)
}

fn send_for(
    run: &mut Run<'_>,
    engine: &mut Engine,
    pacer: &mut Pacer,
    nanoseconds: u64,
) -> Result<(), String> {
    let began = engine.clock.now();
    while engine.clock.now() < began + nanoseconds {
        let next = pacer.tick(engine);
        engine.poll(next.min(engine.clock.now() + SECOND / 50))?;
        run.progress.at(engine.clock.now() - began, nanoseconds);
    }
    Ok(())
}

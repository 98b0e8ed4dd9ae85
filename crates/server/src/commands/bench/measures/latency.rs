//! How long a message takes at a fixed rate.

use super::{
    super::{
        clock::nanoseconds,
        engine::{Channels, Engine},
        report::Report,
        window::{self, Window},
    },
    Run,
    closed::settle,
    pacer::Pacer,
};

pub(super) fn measure(run: &mut Run<'_>) -> Result<Report, String> {
    let mut engine = run.engine(Channels::Own, run.args.publishers)?;
    run.open(&mut engine)?;
    run.progress.begin("warming up");
    pace(run, &mut engine, nanoseconds(run.args.warm_up()))?;
    engine.tally.forget_times();
    run.progress.begin("latency");
    let window = Window::begin(run.server, engine.clock);
    pace(run, &mut engine, nanoseconds(run.args.duration()))?;
    let mut report = Report::new("latency");
    report.set("sockets", run.args.sockets);
    report.set("payload_bytes", run.args.payload);
    report.set("publishers", run.args.publishers.min(run.args.sockets));
    report.set("messages_per_second_wanted", run.args.rate);
    report.set("messages", engine.tally.sent);
    window::latency(&engine.tally, &mut report);
    window.end(engine.tally.delivered, "message", &mut report);
    window::faults(&engine.tally, engine.lost(), &mut report);
    Ok(report)
}

fn pace(run: &mut Run<'_>, engine: &mut Engine, nanoseconds: u64) -> Result<(), String> {
    let mut pacer = Pacer::new(engine, run.args.rate, nanoseconds);
    let began = engine.clock.now();
    while !pacer.is_done() {
        if run.args.messages.is_some_and(|most| pacer.sent >= most) {
            break;
        }
        if engine.given_up() {
            return Err(format!("the server refuses what is sent: {}", engine.refusal()));
        }
        let next = pacer.tick(engine);
        let now = engine.clock.now();
        engine.poll(next.min(now + super::super::clock::SECOND / 50))?;
        run.progress.at(now - began, nanoseconds);
        // A server that no longer answers is not waited for without end.
        if now > began + nanoseconds + super::LAST_ARRIVALS {
            pacer.stop();
        }
    }
    settle(engine)
}

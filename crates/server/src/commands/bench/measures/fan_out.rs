//! One message to all sockets, and the next when all have it.

use super::{
    super::{
        clock::{SECOND, nanoseconds},
        engine::{Channels, Engine},
        histogram::Histogram,
        report::Report,
        window::{self, Window},
    },
    LAST_ARRIVALS, Run,
};

pub(super) fn measure(run: &mut Run<'_>) -> Result<Report, String> {
    let listed = run.args.ids;
    let channels = if listed { Channels::Listed } else { Channels::Shared };
    // Tokens of many channels are made by many; one of them sends.
    let mut engine = run.engine(channels, if listed { 4 } else { 1 })?;
    if listed {
        let ids: Vec<String> = (0..run.args.sockets as u32).map(|socket| engine.channel(socket)).collect();
        engine.peer.publishing.one = run.args.to_all(&ids)?;
    }
    run.open(&mut engine)?;
    run.progress.begin("warming up");
    let mut rounds = Rounds::default();
    rounds.run(run, &mut engine, nanoseconds(run.args.warm_up()), u64::MAX)?;
    engine.tally.forget_times();
    run.progress.begin("fan-out");
    let mut rounds = Rounds::default();
    let window = Window::begin(run.server, engine.clock);
    rounds.run(run, &mut engine, nanoseconds(run.args.duration()), run.args.messages.unwrap_or(u64::MAX))?;
    let mut report = Report::new(if listed { "fan-out by ids" } else { "fan-out" });
    report.set("sockets", run.args.sockets);
    report.set("payload_bytes", run.args.payload);
    report.set("messages", engine.tally.sent);
    report.add("deliveries_per_second", "deliveries", engine.tally.delivered as f64 / window.seconds(), "/s");
    window.end(engine.tally.delivered, "delivery", &mut report);
    report.add("last_socket_p50_us", "send to the last socket, median", rounds.whole.microseconds(0.5), "µs");
    report.add("last_socket_p99_us", "  99th percentile", rounds.whole.microseconds(0.99), "µs");
    window::latency(&engine.tally, &mut report);
    window::faults(&engine.tally, engine.lost(), &mut report);
    Ok(report)
}

#[derive(Default)]
struct Rounds {
    /// From when a message was sent until the last socket had it.
    whole: Histogram,
}

impl Rounds {
    fn run(
        &mut self,
        run: &mut Run<'_>,
        engine: &mut Engine,
        nanoseconds: u64,
        most: u64,
    ) -> Result<(), String> {
        let (began, mut rounds) = (engine.clock.now(), 0);
        loop {
            let now = engine.clock.now();
            if now - began >= nanoseconds || rounds >= most {
                return Ok(());
            }
            let (wanted, due) = (engine.tally.delivered + engine.open_sockets() as u64, now);
            engine.publish(&[0], due, false);
            let all = |engine: &Engine| engine.all_answered() && engine.tally.delivered >= wanted;
            let refused = engine.tally.refused.len();
            let end = due + LAST_ARRIVALS;
            if !engine.wait_until(end.max(due + SECOND), |engine| {
                all(engine) || engine.tally.refused.len() > refused
            })? {
                // Somebody did not get it: that is counted, and another round would wait as long again.
                return Ok(());
            }
            if engine.tally.refused.len() > refused {
                return Err(format!("the server refuses what is sent: {}", engine.refusal()));
            }
            self.whole.add(engine.tally.last_arrival - due);
            rounds += 1;
            run.progress.at(engine.clock.now() - began, nanoseconds);
        }
    }
}

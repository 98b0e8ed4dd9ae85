//! Messages to one socket each, as many as the server takes: every sender sends as soon as it was answered.

use super::{
    super::{
        clock::{SECOND, nanoseconds},
        engine::{Channels, Engine},
        report::Report,
        window::{self, Window},
    },
    LAST_ARRIVALS, Run,
};

/// Senders rest while so many messages are on their way to sockets: else a queue would be measured.
const UNDELIVERED_MAX: u64 = 5_000;

/// When everything is answered and nothing came for so long, nothing more will.
const QUIET: u64 = 4 * SECOND;

/// So often the progress is told.
const STEP: u64 = SECOND / 50;

pub(super) fn unicast(run: &mut Run<'_>) -> Result<Report, String> {
    measure(run, "unicast", 1, false)
}

pub(super) fn batch(run: &mut Run<'_>) -> Result<Report, String> {
    if (run.peer)()?.publishing.batch.is_none() {
        return Err("this server has no call for many messages".into());
    }
    measure(run, "batch", run.args.batch, true)
}

fn measure(run: &mut Run<'_>, name: &'static str, each: usize, batched: bool) -> Result<Report, String> {
    let mut engine = run.engine(Channels::Own, run.args.publishers)?;
    run.open(&mut engine)?;
    let mut load = Load { each, batched, sent: 0, messages: u64::MAX };
    run.progress.begin("warming up");
    load.run(run, &mut engine, nanoseconds(run.args.warm_up()))?;
    settle(&mut engine)?;
    engine.tally.forget_times();
    run.progress.begin(name);
    (load.sent, load.messages) = (0, run.args.messages.unwrap_or(u64::MAX));
    let window = Window::begin(run.server, engine.clock);
    let began = engine.clock.now();
    load.run(run, &mut engine, nanoseconds(run.args.duration()))?;
    settle(&mut engine)?;
    let seconds = (engine.tally.last_arrival.saturating_sub(began)) as f64 / SECOND as f64;
    let mut report = Report::new(name);
    report.set("sockets", run.args.sockets);
    report.set("payload_bytes", run.args.payload);
    report.set("publishers", run.args.publishers.min(run.args.sockets));
    if batched {
        report.set("messages_per_call", each);
    }
    report.set("messages", engine.tally.sent);
    report.add(
        "messages_per_second",
        "messages delivered",
        engine.tally.delivered as f64 / seconds.max(1e-9),
        "/s",
    );
    window.end(engine.tally.delivered, "message", &mut report);
    window::latency(&engine.tally, &mut report);
    window::faults(&engine.tally, engine.lost(), &mut report);
    Ok(report)
}

/// Waits until everything is answered and has come.
pub(super) fn settle(engine: &mut Engine) -> Result<(), String> {
    let began = engine.clock.now();
    // What is lost is not waited for as long as an answer is.
    let quiet = |engine: &Engine| {
        engine.all_answered() && engine.clock.now() > began.max(engine.tally.last_arrival) + QUIET
    };
    let done = |engine: &Engine| engine.all_answered() && undelivered(engine) == 0;
    engine.wait_until(began + LAST_ARRIVALS, |engine| done(engine) || quiet(engine))?;
    Ok(())
}

fn undelivered(engine: &Engine) -> u64 {
    let tally = &engine.tally;
    tally.sent.saturating_sub(tally.delivered + tally.refused.len() as u64)
}

struct Load {
    /// Messages a call.
    each: usize,
    batched: bool,
    sent: u64,
    /// No more than these.
    messages: u64,
}

impl Load {
    fn run(&mut self, run: &mut Run<'_>, engine: &mut Engine, nanoseconds: u64) -> Result<(), String> {
        let began = engine.clock.now();
        let end = began + nanoseconds;
        let mut targets = Vec::with_capacity(self.each);
        loop {
            let now = engine.clock.now();
            if now >= end || self.sent >= self.messages {
                return Ok(());
            }
            if engine.given_up() {
                return Err(format!("the server refuses what is sent: {}", engine.refusal()));
            }
            while self.sent < self.messages
                && undelivered(engine) < UNDELIVERED_MAX
                && let Some(publisher) = engine.free_publisher()
            {
                targets.clear();
                let left = usize::try_from(self.messages - self.sent).unwrap_or(usize::MAX);
                targets.extend((0..self.each.min(left)).map(|_| engine.random_target(publisher)));
                engine.publish(&targets, engine.clock.now(), self.batched);
                self.sent += targets.len() as u64;
            }
            engine.poll(end.min(now + STEP))?;
            run.progress.at(now - began, nanoseconds);
        }
    }
}

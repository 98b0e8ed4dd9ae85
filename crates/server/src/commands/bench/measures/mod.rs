//! What is measured: a file each. All of them bound what they do in time and in number.

mod closed;
mod connect;
mod fan_out;
mod idle;
mod latency;
mod pacer;
mod resume;

use super::{
    Args, Measure,
    engine::{Channels, Engine, peer::Peer},
    progress::Progress,
    report::Report,
    system::Process,
};

/// So long what was sent last may take to come.
const LAST_ARRIVALS: u64 = 10 * super::clock::SECOND;

/// What a measure needs to know.
pub(super) struct Run<'a> {
    pub(super) args: &'a Args,
    pub(super) peer: &'a dyn Fn() -> Result<Peer, String>,
    pub(super) server: Option<&'a Process>,
    pub(super) progress: &'a mut Progress,
}

/// # Errors
/// A sentence, if nothing can be measured. What was measured and is not right is a fault of the report.
pub(super) fn measure(run: &mut Run<'_>, measure: Measure) -> Result<Report, String> {
    let report = match measure {
        Measure::Idle => idle::measure(run),
        Measure::Connect => connect::measure(run),
        Measure::Unicast => closed::unicast(run),
        Measure::Batch => closed::batch(run),
        Measure::FanOut => fan_out::measure(run),
        Measure::Latency => latency::measure(run),
        Measure::Resume => resume::measure(run),
        Measure::All => return Err("all is not one measure".into()),
    };
    run.progress.clear();
    report
}

impl Run<'_> {
    /// An engine with its senders, and tokens for all sockets that there will be.
    fn engine(&mut self, channels: Channels, publishers: usize) -> Result<Engine, String> {
        let mut engine = Engine::new((self.peer)()?, channels, self.args.payload)?;
        // One channel has one sender.
        engine.add_publishers(publishers.min(self.args.sockets))?;
        let sockets = self.args.sockets;
        self.progress.begin("making tokens");
        let progress = &mut *self.progress;
        engine.make_tokens(sockets, &mut |done| progress.at(done as u64, sockets as u64))?;
        Ok(engine)
    }

    /// Opens all sockets.
    fn open(&mut self, engine: &mut Engine) -> Result<(), String> {
        let (sockets, window) = (self.args.sockets, self.args.window);
        self.progress.begin("opening sockets");
        let progress = &mut *self.progress;
        engine.open(sockets, window, &mut |engine| {
            progress.at(engine.open_sockets() as u64, sockets as u64);
            u64::MAX
        })
    }
}

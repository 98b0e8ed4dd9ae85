//! All numbers of this node at one moment, for `/metrics` and for the console. Nothing in them names a client.

use super::process::Process;
use crate::{
    canary::{Ready, What},
    rates::Limit,
    service::Service,
};
use broker::broker::Health;
use delivery::{counters::PerTransport, edge::Lag, histogram::Snapshot};
use protocol::socket::Transport;

/// The transports, in the order of every array here.
pub(crate) const TRANSPORTS: [Transport; 4] =
    [Transport::WebSocket, Transport::Sse, Transport::Lines, Transport::LongPoll];

/// A number for each of a few words.
pub(crate) type ByWord<T> = Vec<(&'static str, T)>;

/// What this node has done since its start, and what it holds now.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    pub(crate) sockets: Sockets,
    pub(crate) messages: Messages,
    pub(crate) journal: Journal,
    pub(crate) tokens_made: u64,
    /// By reason.
    pub(crate) tokens_refused: ByWord<u64>,
    /// Requests and sockets that were refused, by the code of the problem.
    pub(crate) refusals: ByWord<u64>,
    /// Requests and connections that a limit refused, by its option.
    pub(crate) limited: ByWord<u64>,
    /// Connections that are open now, those that became sockets left out.
    pub(crate) connections_open: u64,
    pub(crate) connections_opened: u64,
    pub(crate) ready: Ready,
    pub(crate) canary: ByWord<Snapshot>,
    /// Nothing, if nobody wants to be told.
    pub(crate) notices: Option<Notices>,
    /// Spans of traces by what became of them; nothing, if there are none.
    pub(crate) spans: Option<ByWord<u64>>,
    pub(crate) start: Start,
    pub(crate) process: Process,
}

/// Sockets of this node.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    pub(crate) open: [u64; 4],
    pub(crate) opened: [u64; 4],
    pub(crate) channels: u64,
    pub(crate) deliveries: u64,
    /// From the request of a message until it was written, for sockets that were up to date.
    pub(crate) written: [Snapshot; 4],
    pub(crate) behind: Lag,
    pub(crate) blocked: u64,
    pub(crate) replays: u64,
    pub(crate) gaps: u64,
}

/// What applications sent.
#[derive(Clone, Debug)]
pub(crate) struct Messages {
    pub(crate) results: ByWord<u64>,
    /// From a send's request until its answer.
    pub(crate) sends: Snapshot,
}

/// What is kept, and what the disk takes for it.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) healthy: bool,
    pub(crate) kept_bytes: u64,
    pub(crate) segments: u64,
    /// By what is written: the journal, or the presence ledger.
    pub(crate) writes: ByWord<Snapshot>,
    pub(crate) syncs: ByWord<Snapshot>,
}

/// What the application is told of presence.
#[derive(Clone, Debug)]
pub(crate) struct Notices {
    pub(crate) connected: u64,
    pub(crate) waiting: u64,
    /// Milliseconds since the oldest came about that was tried and not taken.
    pub(crate) oldest_ms: u64,
    pub(crate) stopped: bool,
    pub(crate) results: ByWord<u64>,
    pub(crate) tries: Snapshot,
}

/// What the start found, and when it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    /// Milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// What reading the journal took, in microseconds.
    pub(crate) recovery_us: u64,
    /// Bytes of a torn tail that were cut off.
    pub(crate) torn_bytes: u64,
    /// A new epoch began, so that clients hear of a gap.
    pub(crate) new_epoch: bool,
    pub(crate) durability: &'static str,
}

/// Gathers them.
pub(crate) fn numbers(service: &Service) -> Numbers {
    let counters = &service.counters;
    Numbers {
        sockets: sockets(service),
        messages: Messages {
            results: vec![
                ("stored", counters.stored.get()),
                ("passed", counters.passed.get()),
                ("refused", counters.refused.get()),
            ],
            sends: counters.sends.snapshot(),
        },
        journal: journal(service),
        tokens_made: counters.tokens_made.get(),
        tokens_refused: counters.tokens_refused.by_word(),
        refusals: counters.refusals.by_word(),
        limited: Limit::ALL
            .iter()
            .map(|limit| (limit.option(), service.rates.refused(*limit).get()))
            .collect(),
        connections_open: counters.connections_open.get(),
        connections_opened: counters.connections_opened.get(),
        ready: service.canary.ready(),
        canary: service
            .canary
            .round_trips()
            .map(|(what, times)| (What::as_str(what), times.snapshot()))
            .into(),
        notices: notices(service),
        spans: service.following.tracer.as_ref().map(|tracer| tracer.results()),
        start: service.start.clone(),
        process: Process::read(),
    }
}

fn sockets(service: &Service) -> Sockets {
    let counters = &service.hub.counters;
    let each = |of: &PerTransport| TRANSPORTS.map(|transport| of.of(transport).get());
    Sockets {
        open: each(&counters.open),
        opened: each(&counters.opened),
        channels: service.hub.channels() as u64,
        deliveries: counters.deliveries.get(),
        written: TRANSPORTS.map(|transport| counters.written.of(transport).snapshot()),
        behind: service.hub.behind_by(),
        blocked: counters.blocked.get(),
        replays: counters.replays.get(),
        gaps: counters.gaps.get(),
    }
}

fn journal(service: &Service) -> Journal {
    let broker = service.broker();
    let each = |of: fn(&crate::disk_times::DiskTimes) -> Snapshot| {
        service.disks.iter().map(|(name, times)| (*name, of(times))).collect()
    };
    Journal {
        healthy: broker.health() == Health::Good,
        kept_bytes: broker.kept_bytes(),
        segments: broker.kept_segments(),
        writes: each(|times| times.writes.snapshot()),
        syncs: each(|times| times.syncs.snapshot()),
    }
}

fn notices(service: &Service) -> Option<Notices> {
    let notices = service.notices.as_ref()?;
    let standing = service.presence.standing();
    let counters = &notices.counters;
    Some(Notices {
        connected: standing.connected as u64,
        waiting: standing.waiting as u64,
        oldest_ms: notices.oldest_ms().map_or(0, |oldest| service.now_ms().saturating_sub(oldest)),
        stopped: notices.is_stopped(),
        results: vec![
            ("told", counters.told.get()),
            ("failed", counters.failed.get()),
            ("refused", counters.refused.get()),
            ("dropped", counters.dropped.get()),
        ],
        tries: counters.tries.snapshot(),
    })
}

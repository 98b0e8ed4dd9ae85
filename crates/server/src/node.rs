//! Building a node: broker, hub, service, from a configuration.

use crate::{
    canary::Canary,
    cli::RecoveryArgs,
    config::{BrokerKind, Config, NatsConfig},
    disk_times::{DiskTimes, TimedDisk},
    follow::Following,
    metrics::Start,
    notices::{Listener, Notices, NoticesTo},
    rates::Rates,
    service::Service,
    trace::Tracer,
};
use broker::{
    broker::Broker,
    local::{Durability, Local, Options, Recovery},
    nats::{self, Nats, presence::Presence},
    presence::PresenceStore,
};
use delivery::{clock::Clock, edge::EdgeHandle, hub::Hub, timeline::What};
use journal::{Disk, FileDisk, MemoryDisk};
use parking_lot::RwLock;
use protocol::limits;
use std::sync::{Arc, atomic::AtomicBool};

/// A node that is ready to serve.
pub(crate) struct Node {
    pub(crate) service: Arc<Service>,
    pub(crate) edges: Vec<Arc<EdgeHandle>>,
}

/// Opens the journal and puts the parts together.
///
/// # Errors
/// A sentence that says what to do.
pub(crate) fn build(config: &Config, recovery: &RecoveryArgs) -> Result<Node, String> {
    let clock = Clock::start();
    let disks: Vec<Timed> = ["journal", "presence"].map(|name| (name, Arc::default())).into();
    let (at_ms, began) = (clock.now_ms(), clock.elapsed_us());
    let (broker, presence, found) = open(config, recovery, clock, &disks)?;
    let start = Start {
        at_ms,
        recovery_us: clock.elapsed_us() - began,
        torn_bytes: found.torn_bytes,
        new_epoch: found.new_epoch,
        durability: match config.durability {
            Durability::Fsync => "fsync",
            Durability::Os => "os",
            Durability::Memory => "memory",
        },
    };
    let edges: Vec<_> = (0..config.edge_threads).map(EdgeHandle::new).collect();
    let tracer = config.trace.clone().map(|to| Arc::new(Tracer::new(to)));
    let to = config.presence.url.clone().map(|url| NoticesTo {
        url,
        format: config.presence.format,
        secrets: config.presence.keys().into(),
    });
    let notices = to.map(|to| Notices::new(to, Arc::clone(&presence), clock, tracer.clone())).transpose()?;
    let hub = Hub::new(broker, config.keyring()?, clock, config.sockets, edges.clone());
    if let Some(notices) = &notices {
        let _ = notices.listener.set(listener(&hub));
    }
    let service = Service {
        canary: Canary::new(&hub),
        hub,
        api_keys: RwLock::new(config.api_keys.clone()),
        rates: Rates::new(config.rates),
        sends_are_limited: AtomicBool::new(
            config.api_keys.limit_sends() || config.rates.client_sends.is_some(),
        ),
        token_in_query: config.token_in_query,
        allowed_origins: config.allowed_origins.clone(),
        message_bytes_max: config.message_bytes_max,
        presence,
        dev_sockets: Default::default(),
        dev_silence: config.presence.silence.as_secs() as u32,
        notices: notices.map(Arc::new),
        counters: Default::default(),
        start,
        following: Following { tracer, clock, disk: Arc::clone(&disks[0].1) },
        disks,
        samples: Default::default(),
    };
    Ok(Node { service: Arc::new(service), edges })
}

/// Writes down for the console what becomes of notices.
fn listener(hub: &Arc<Hub>) -> Listener {
    let hub = Arc::clone(hub);
    Box::new(move |notice, outcome| {
        let noticed = What::Noticed { connected: notice.connected, outcome };
        hub.timeline.note(hub.broker.key(&notice.id), hub.clock.now_ms(), noticed);
    })
}

/// What the disk takes, by what is written to it.
type Timed = (&'static str, Arc<DiskTimes>);

/// The broker, what remembers who is there, and what the start found.
type Opened = (Arc<dyn Broker>, Arc<dyn PresenceStore>, Recovery);

fn open(config: &Config, recovery: &RecoveryArgs, clock: Clock, disks: &[Timed]) -> Result<Opened, String> {
    match &config.broker {
        BrokerKind::Local => {
            let (local, found) = open_local(config, recovery, clock, disks)?;
            let local = Arc::new(local);
            Ok((Arc::clone(&local) as Arc<dyn Broker>, local, found))
        }
        BrokerKind::Nats(of) => {
            let nats = open_nats(config, of)?;
            let options = nats::presence::Options::new(config.presence.url.is_some());
            let presence =
                Presence::open(nats.connection().clone(), options).map_err(|error| error.to_string())?;
            Ok((Arc::new(nats), Arc::new(presence), Recovery::default()))
        }
    }
}

fn open_nats(config: &Config, of: &NatsConfig) -> Result<Nats, String> {
    Nats::open(nats_options(config, of)?).map_err(|error| error.to_string())
}

/// What a configuration asks of NATS.
///
/// # Errors
/// If the secret of this node's hashes cannot be read or made.
pub(crate) fn nats_options(config: &Config, of: &NatsConfig) -> Result<nats::Options, String> {
    Ok(nats::Options {
        connect: of.connect.clone(),
        durability: config.durability,
        monitors: of.monitors.clone(),
        assert_synced: of.assert_synced,
        retention: config.retention,
        retention_messages: config.retention_messages,
        retention_bytes: config.retention_bytes,
        idempotency_window: limits::IDEMPOTENCY_WINDOW,
        message_bytes_max: config.message_bytes_max,
        hash_secret: config.hash_secret()?,
    })
}

fn open_local(
    config: &Config,
    recovery: &RecoveryArgs,
    clock: Clock,
    disks: &[Timed],
) -> Result<(Local, Recovery), String> {
    let disk = |(name, times): &Timed| -> Result<Arc<dyn Disk>, String> {
        let Some(directory) = config.kept_dir(name) else { return Ok(Arc::new(MemoryDisk::new())) };
        let failed = |error| format!("{}: {error}", directory.display());
        let below = Arc::new(FileDisk::new(&directory).map_err(failed)?);
        Ok(Arc::new(TimedDisk::over(below, times, clock)))
    };
    let (journal, ledger) = (disk(&disks[0])?, disk(&disks[1])?);
    let boot_id = match config.durability {
        Durability::Os | Durability::Fsync => {
            journal::kernel_boot_id().map_err(|error| format!("no boot id of the kernel: {error}"))?
        }
        Durability::Memory => String::new(),
    };
    let options = Options {
        durability: config.durability,
        retention: config.retention,
        retention_messages: config.retention_messages,
        retention_bytes: config.retention_bytes,
        idempotency_keys: config.idempotency_keys,
        hash_secret: config.hash_secret()?,
        accept_loss: recovery.accept_loss,
        new_epoch: recovery.new_epoch,
        boot_id,
        new_epoch_number: None,
    };
    let (broker, found) =
        Local::open(journal, ledger, options, clock.now_ms()).map_err(|error| error.to_string())?;
    if found.torn_bytes > 0 {
        tracing::warn!(
            bytes = found.torn_bytes,
            "the end of the journal was torn and has been cut; nothing that was answered is in it"
        );
    }
    if found.new_epoch {
        tracing::warn!("a new epoch begins: clients are told that messages may be missing");
    }
    tracing::info!(epoch = %broker.end().epoch, durability = ?config.durability, "the journal is open");
    Ok((broker, found))
}

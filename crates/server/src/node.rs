//! Building a node: broker, hub, service, from a configuration.

use crate::{
    cli::RecoveryArgs,
    config::Config,
    notices::{Listener, Notices, NoticesTo},
    rates::Rates,
    service::Service,
};
use broker::presence::PresenceStore;
use broker::{
    broker::Broker,
    local::{Durability, Local, Options},
};
use delivery::{clock::Clock, edge::EdgeHandle, hub::Hub, timeline::What};
use journal::{Disk, FileDisk, MemoryDisk};
use parking_lot::RwLock;
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
    let broker = Arc::new(open_broker(config, recovery, clock)?);
    let edges: Vec<_> = (0..config.edge_threads).map(EdgeHandle::new).collect();
    let presence = Arc::clone(&broker) as Arc<dyn PresenceStore>;
    let to = config.presence.url.clone().map(|url| NoticesTo {
        url,
        format: config.presence.format,
        secrets: config.presence.keys().into(),
    });
    let notices = to.map(|to| Notices::new(to, Arc::clone(&presence), clock)).transpose()?;
    let hub = Hub::new(broker, config.keyring()?, clock, config.sockets, edges.clone());
    if let Some(notices) = &notices {
        let _ = notices.listener.set(listener(&hub));
    }
    let service = Service {
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

fn open_broker(config: &Config, recovery: &RecoveryArgs, clock: Clock) -> Result<Local, String> {
    let disk = |name| -> Result<Arc<dyn Disk>, String> {
        let Some(directory) = config.kept_dir(name) else { return Ok(Arc::new(MemoryDisk::new())) };
        let failed = |error| format!("{}: {error}", directory.display());
        Ok(Arc::new(FileDisk::new(&directory).map_err(failed)?))
    };
    let (journal, ledger) = (disk("journal")?, disk("presence")?);
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
    Ok(broker)
}

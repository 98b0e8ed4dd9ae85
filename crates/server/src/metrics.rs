//! `/metrics`: what is counted, as Prometheus reads it. No client id is ever in a label.

use crate::{rates::Limit, service::Service};
use delivery::counters::PerTransport;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use protocol::socket::Transport;
use std::sync::atomic::AtomicU64;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByTransport {
    transport: Word,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByLimit {
    limit: Word,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByResult {
    result: Word,
}

/// One of a few fixed words.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.0, encoder)
    }
}

const TRANSPORTS: [Transport; 4] =
    [Transport::WebSocket, Transport::Sse, Transport::Lines, Transport::LongPoll];

/// The text for one scrape: the counters are where the work is done, and are only gathered here.
pub(crate) fn text(service: &Service) -> String {
    let mut registry = Registry::with_prefix("downlink");
    sockets(&mut registry, service);
    messages(&mut registry, service);
    let broker = service.broker();
    gauge(&mut registry, "journal_kept_bytes", "Bytes that the kept messages take", broker.kept_bytes());
    let good = broker.health() == broker::broker::Health::Good;
    gauge(&mut registry, "broker_healthy", "1 while messages are taken, else 0", u64::from(good));
    gauge(
        &mut registry,
        "channels_open",
        "Channels with a socket on this node",
        service.hub.channels() as u64,
    );
    limits(&mut registry, service);
    presence(&mut registry, service);
    let mut out = String::new();
    encode(&mut out, &registry).expect("writing to a string does not fail");
    out
}

fn sockets(registry: &mut Registry, service: &Service) {
    let counters = &service.hub.counters;
    let open = Family::<ByTransport, Gauge<i64, std::sync::atomic::AtomicI64>>::default();
    for transport in TRANSPORTS {
        let label = ByTransport { transport: Word(transport.as_str()) };
        open.get_or_create(&label).set(counters.open.of(transport).get() as i64);
    }
    registry.register("sockets_open", "Sockets that are open now", open);
    registry.register("sockets_opened", "Sockets that were opened", per_transport(&counters.opened));
    count(
        registry,
        "sockets_blocked",
        "Times that a socket took no more for a while",
        counters.blocked.get(),
    );
    count(registry, "socket_replays", "Times that a socket was served from the disk", counters.replays.get());
    count(registry, "gaps", "Gaps that were said", counters.gaps.get());
    count(registry, "deliveries", "Messages handed to sockets", counters.deliveries.get());
}

fn messages(registry: &mut Registry, service: &Service) {
    let counters = &service.counters;
    let results = Family::<ByResult, Counter<u64, AtomicU64>>::default();
    for (word, value) in [
        ("stored", counters.stored.get()),
        ("passed", counters.passed.get()),
        ("refused", counters.refused.get()),
    ] {
        results.get_or_create(&ByResult { result: Word(word) }).inc_by(value);
    }
    registry.register("messages", "Messages that applications sent", results);
    count(registry, "tokens_made", "Tokens that were made", counters.tokens_made.get());
    count(
        registry,
        "tokens_refused",
        "Sockets that were refused for their token",
        counters.tokens_refused.get(),
    );
}

fn limits(registry: &mut Registry, service: &Service) {
    let refused = Family::<ByLimit, Counter<u64, AtomicU64>>::default();
    for limit in Limit::ALL {
        let label = ByLimit { limit: Word(limit.option()) };
        refused.get_or_create(&label).inc_by(service.rates.refused(limit).get());
    }
    registry.register(
        "limited",
        "Requests and connections that a limit refused, by the option that sets it",
        refused,
    );
}

fn presence(registry: &mut Registry, service: &Service) {
    let Some(notices) = &service.notices else { return };
    let standing = service.presence.standing();
    let connected = "Client ids that are recorded as connected";
    gauge(registry, "presence_connected", connected, standing.connected as u64);
    let waiting = "Presence notices that the application has not taken yet";
    gauge(registry, "notices_waiting", waiting, standing.waiting as u64);
    let stopped = "1 after the application answered 410 to a notice, else 0";
    gauge(registry, "notices_stopped", stopped, u64::from(notices.is_stopped()));
    let results = Family::<ByResult, Counter<u64, AtomicU64>>::default();
    for (word, value) in [
        ("told", notices.counters.told.get()),
        ("failed", notices.counters.failed.get()),
        ("refused", notices.counters.refused.get()),
        ("dropped", notices.counters.dropped.get()),
    ] {
        results.get_or_create(&ByResult { result: Word(word) }).inc_by(value);
    }
    let help = "Tries to tell the application who came and went: told, failed and tried again, refused for want of \
                a handler, dropped for good";
    registry.register("notices", help, results);
}

fn per_transport(counters: &PerTransport) -> Family<ByTransport, Counter<u64, AtomicU64>> {
    let family = Family::<ByTransport, Counter<u64, AtomicU64>>::default();
    for transport in TRANSPORTS {
        let label = ByTransport { transport: Word(transport.as_str()) };
        family.get_or_create(&label).inc_by(counters.of(transport).get());
    }
    family
}

fn count(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter = Counter::<u64, AtomicU64>::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64, std::sync::atomic::AtomicI64>::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

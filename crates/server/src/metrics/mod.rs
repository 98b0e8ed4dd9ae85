//! `/metrics`: what is counted, as Prometheus reads it. No client id is ever in a label.
//!
//! The counters are where the work is done; [`numbers`] gathers them, and here they get their names.

mod numbers;
mod process;
mod words;

pub(crate) use numbers::{ByWord, Start, numbers};
pub(crate) use words::Words;

use crate::service::Service;
use delivery::histogram::{BOUNDS_US, Snapshot};
use numbers::{Numbers, TRANSPORTS};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use std::fmt;

/// The text for one scrape.
pub(crate) fn text(service: &Service) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(numbers(service)));
    let mut out = String::new();
    encode(&mut out, &registry).expect("writing to a string does not fail");
    out
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        self.sockets(&mut out)?;
        self.messages(&mut out)?;
        self.journal(&mut out)?;
        self.requests(&mut out)?;
        self.notices(&mut out)?;
        self.node(&mut out)
    }
}

impl Numbers {
    fn sockets(&self, out: &mut Out<'_>) -> fmt::Result {
        let sockets = &self.sockets;
        let by_transport = |values: &[u64; 4]| -> ByWord<u64> {
            TRANSPORTS.iter().map(|transport| transport.as_str()).zip(*values).collect()
        };
        let open = by_transport(&sockets.open);
        out.gauges("downlink_sockets_open", "Sockets that are open now", "transport", &open)?;
        let opened = by_transport(&sockets.opened);
        out.counters("downlink_sockets_opened", "Sockets that were opened", "transport", &opened)?;
        out.gauge("downlink_channels_open", "Channels with a socket on this node", sockets.channels)?;
        out.counter("downlink_deliveries", "Messages handed to sockets", sockets.deliveries)?;
        let written: ByWord<&Snapshot> =
            TRANSPORTS.iter().map(|transport| transport.as_str()).zip(&sockets.written).collect();
        let help = "From the request of a message until it was written to a socket that was up to date; for long-polls, to \
                    the answer of one that waited, in whole milliseconds";
        out.histograms("downlink_delivery_seconds", help, "transport", &written)?;
        let help = "Sockets that take no more for now, and so are behind";
        out.gauge("downlink_sockets_behind", help, sockets.behind.sockets)?;
        let help = "How long the longest of the sockets that are behind has taken nothing";
        out.gauge("downlink_behind_seconds_max", help, u64::from(sockets.behind.seconds_max))?;
        let help = "Bytes of the log between a socket that is behind and its channel's newest message, at most; messages of \
                    other channels lie between too";
        out.gauge("downlink_behind_bytes_max", help, sockets.behind.bytes_max)?;
        let help = "Times that a socket took no more for a while";
        out.counter("downlink_sockets_blocked", help, sockets.blocked)?;
        let help = "Times that a socket was served from the disk";
        out.counter("downlink_socket_replays", help, sockets.replays)?;
        out.counter("downlink_gaps", "Gaps that were said", sockets.gaps)
    }

    fn messages(&self, out: &mut Out<'_>) -> fmt::Result {
        let messages = &self.messages;
        out.counters("downlink_messages", "Messages that applications sent", "result", &messages.results)?;
        let help = "From a send, with its body, until its answer; one that is refused before it is a send is not in it";
        out.histogram("downlink_send_seconds", help, &messages.sends)?;
        out.counter("downlink_tokens_made", "Tokens that were made", self.tokens_made)?;
        let help = "Sockets that were refused for their token";
        out.counters("downlink_tokens_refused", help, "reason", &self.tokens_refused)
    }

    fn journal(&self, out: &mut Out<'_>) -> fmt::Result {
        let journal = &self.journal;
        let help = "1 while messages are taken, else 0";
        out.gauge("downlink_broker_healthy", help, u64::from(journal.healthy))?;
        let help = "Bytes that the kept messages take";
        out.gauge("downlink_journal_kept_bytes", help, journal.kept_bytes)?;
        out.gauge("downlink_journal_segments", "Files that hold the kept messages", journal.segments)?;
        let help = "What a write takes, which may be that of many messages";
        out.histograms("downlink_disk_write_seconds", help, "log", &refs(&journal.writes))?;
        let help = "What a sync of the disk takes, which may be that of many messages";
        out.histograms("downlink_disk_sync_seconds", help, "log", &refs(&journal.syncs))
    }

    fn requests(&self, out: &mut Out<'_>) -> fmt::Result {
        let help = "Requests and sockets that were refused, by the problem's code";
        out.counters("downlink_refusals", help, "code", &self.refusals)?;
        let help = "Requests and connections that a limit refused, by the option that sets it";
        out.counters("downlink_limited", help, "limit", &self.limited)?;
        let help = "Connections that are open and no sockets";
        out.gauge("downlink_connections_open", help, self.connections_open)?;
        let help = "Connections that were accepted";
        out.counter("downlink_connections_opened", help, self.connections_opened)
    }

    fn notices(&self, out: &mut Out<'_>) -> fmt::Result {
        let Some(notices) = &self.notices else { return Ok(()) };
        let help = "Client ids that are recorded as connected";
        out.gauge("downlink_presence_connected", help, notices.connected)?;
        let help = "Presence notices that the application has not taken yet";
        out.gauge("downlink_notices_waiting", help, notices.waiting)?;
        let help = "How long ago the oldest presence notice came about that was tried and is not settled";
        let seconds = notices.oldest_ms as f64 / 1000.0;
        out.gauge_f64("downlink_notices_oldest_seconds", help, seconds)?;
        let help = "1 after the application answered 410 to a notice, else 0";
        out.gauge("downlink_notices_stopped", help, u64::from(notices.stopped))?;
        let help = "Tries to tell the application who came and went: told, failed and tried again, refused for want of \
                    a handler, dropped for good";
        out.counters("downlink_notices", help, "result", &notices.results)?;
        let help = "What a try to tell the application takes";
        out.histogram("downlink_notice_seconds", help, &notices.tries)
    }

    fn node(&self, out: &mut Out<'_>) -> fmt::Result {
        let ready = [("sockets", &self.ready.sockets), ("sends", &self.ready.sends)];
        let ready: ByWord<u64> = ready.map(|(what, found)| (what, u64::from(!found.is_wrong()))).into();
        let help = "0 if the canary found this node not ready, as `/readyz` says, else 1; for sends it looks while somebody \
                    asks `/readyz`";
        out.gauges("downlink_ready", help, "for", &ready)?;
        let help = "How long the canary was under way: for sockets through every edge, for sends until it was stored and at a \
                    socket";
        out.histograms("downlink_canary_seconds", help, "for", &refs(&self.canary))?;
        if let Some(spans) = &self.spans {
            let help = "Spans of traces: sent to the collector, or dropped because it did not take them";
            out.counters("downlink_spans", help, "result", spans)?;
        }
        let start = &self.start;
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("durability", start.durability)];
        out.info("downlink_build", "What runs", &labels)?;
        let help = "What reading the journal took at the start";
        out.gauge_f64("downlink_recovery_seconds", help, start.recovery_us as f64 / 1e6)?;
        let help = "Bytes of a torn tail that the start cut off; nothing that was answered was in them";
        out.gauge("downlink_recovery_torn_bytes", help, start.torn_bytes)?;
        let help = "1 if a new epoch began at the start, so that clients hear of a gap, else 0";
        out.gauge("downlink_epoch_new", help, u64::from(start.new_epoch))?;
        let process = &self.process;
        let help = "When this process started, in seconds since 1970";
        out.gauge_f64("process_start_time_seconds", help, start.at_ms as f64 / 1000.0)?;
        out.gauge("process_resident_memory_bytes", "Memory in use", process.resident_bytes)?;
        out.gauge("process_open_fds", "Descriptors in use", process.open_descriptors)?;
        out.gauge("process_max_fds", "Descriptors that may be in use", process.descriptors_max)?;
        out.counter_f64("process_cpu_seconds", "Processor time that was used", process.cpu_seconds)
    }
}

fn refs(histograms: &ByWord<Snapshot>) -> ByWord<&Snapshot> {
    histograms.iter().map(|(word, snapshot)| (*word, snapshot)).collect()
}

/// Writes metrics under their names.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn begin<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        // The library ends a help text with a full stop only for what is registered with it.
        self.0.encode_descriptor(name, &format!("{help}."), None, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(self.begin(name, help, MetricType::Gauge)?)
    }

    fn gauge_f64(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        ConstGauge::new(value).encode(self.begin(name, help, MetricType::Gauge)?)
    }

    fn gauges(&mut self, name: &str, help: &str, label: &str, values: &ByWord<u64>) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Gauge)?;
        for (word, value) in values {
            let value = i64::try_from(*value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(encoder.encode_family(&[(label, *word)])?)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.begin(name, help, MetricType::Counter)?)
    }

    fn counter_f64(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        ConstCounter::new(value).encode(self.begin(name, help, MetricType::Counter)?)
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, values: &ByWord<u64>) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Counter)?;
        for (word, value) in values {
            ConstCounter::new(*value).encode(encoder.encode_family(&[(label, *word)])?)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, values: &Snapshot) -> fmt::Result {
        write(self.begin(name, help, MetricType::Histogram)?, values)
    }

    fn histograms(&mut self, name: &str, help: &str, label: &str, values: &ByWord<&Snapshot>) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Histogram)?;
        for (word, snapshot) in values {
            write(encoder.encode_family(&[(label, *word)])?, snapshot)?;
        }
        Ok(())
    }

    fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) -> fmt::Result {
        self.begin(name, help, MetricType::Info)?.encode_info(&labels)
    }
}

fn write(mut encoder: MetricEncoder<'_>, values: &Snapshot) -> fmt::Result {
    let bounds = BOUNDS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(values.buckets).collect();
    encoder.encode_histogram::<NoLabelSet>(values.sum_us as f64 / 1e6, values.count(), &buckets, None)
}

//! Sending spans to the collector, many at once.

use super::{Tracer, otlp};
use crate::outgoing::{Client, client};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use protocol::limits::{SPANS_PERIOD, SPANS_TIME};
use std::sync::Arc;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// What is read of an answer, for nothing but to use the connection again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// After a failure the log says nothing of others for so many tries.
const QUIET_TRIES: u32 = 60;

/// Sends until the node has stopped, and then what is left.
///
/// # Errors
/// A sentence, if the system's certificates are needed and cannot be read.
pub(crate) fn send(
    tracer: Arc<Tracer>,
    mut stopped: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()>, String> {
    let client = client(&tracer.to.url, "trace.otlp")?;
    Ok(async move {
        let mut failures = 0;
        while !*stopped.borrow() {
            tokio::select! {
                () = sleep(SPANS_PERIOD) => {}
                () = tracer.enough.notified() => {}
                _ = stopped.changed() => {}
            }
            tracer.send_all(&client, &mut failures).await;
        }
        // What came while the last ones were on their way.
        tracer.send_all(&client, &mut failures).await;
    })
}

impl Tracer {
    async fn send_all(&self, client: &Client, failures: &mut u32) {
        loop {
            let spans = self.take();
            if spans.is_empty() {
                return;
            }
            let count = spans.len() as u64;
            match self.post(client, otlp::request(&self.to.service, &spans)).await {
                Ok(()) => {
                    self.sent.add(count);
                    *failures = 0;
                }
                Err(reason) => {
                    self.dropped.add(count);
                    if failures.is_multiple_of(QUIET_TRIES) {
                        tracing::warn!(%reason, "traces could not be sent to the collector; they are dropped");
                    }
                    *failures += 1;
                    return;
                }
            }
        }
    }

    async fn post(&self, client: &Client, body: String) -> Result<(), String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.to.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("Downlink/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(body)))
            .expect("every part was checked when the configuration was read");
        let answer = async {
            let response = client.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let _ = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok::<StatusCode, String>(status)
        };
        match timeout(SPANS_TIME, answer).await {
            Ok(Ok(status)) if status.is_success() => Ok(()),
            Ok(Ok(status)) => Err(format!("it answered {status}")),
            Ok(Err(reason)) => Err(reason),
            Err(_) => Err(format!("it did not answer within {} s", SPANS_TIME.as_secs())),
        }
    }
}

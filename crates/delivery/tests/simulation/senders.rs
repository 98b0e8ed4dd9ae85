//! The application: it sends, hears what became of it or does not, and sends again under the same key.

use super::node::Node;
use broker::{
    error::PublishError,
    message::{Draft, Recipients},
};
use bytes::Bytes;
use checker::{Event, History};
use protocol::{
    cursor::Cursor,
    id::ClientId,
    message::{Data, Text},
};
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// One message, over all its tries.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) to: Vec<String>,
    pub(super) value: String,
    pub(super) bytes: usize,
    pub(super) key: Option<String>,
    pub(super) ttl_seconds: u32,
}

/// What became of tries since it was last looked at.
#[derive(Clone, Default)]
struct Outcomes(Rc<RefCell<Vec<Outcome>>>);

/// The number of a try, and whether it is certainly stored.
type Outcome = (u64, bool);

/// Tries that have no answer yet.
#[derive(Default)]
pub(super) struct Senders {
    under_way: Vec<(u64, Letter)>,
    outcomes: Outcomes,
    /// Messages whose fate is not known; they may be sent again.
    pub(super) unsure: Vec<Letter>,
}

impl Letter {
    fn draft(&self) -> Draft {
        let ids: Vec<ClientId> =
            self.to.iter().map(|id| ClientId::from_bytes(id.as_bytes()).expect("a good id")).collect();
        let filler = self.bytes.saturating_sub(self.value.len() + 1);
        let text = Bytes::from(format!("{} {}", self.value, "x".repeat(filler)));
        Draft {
            to: match &ids[..] {
                [id] => Recipients::One(id.clone()),
                _ => Recipients::Many(Arc::from(ids)),
            },
            data: Data::Text(Text::new(text).expect("it is UTF-8")),
            ttl_seconds: self.ttl_seconds,
            idempotency_key: self.key.as_deref().map(Box::from),
            origin: Default::default(),
        }
    }
}

impl Senders {
    /// Begins a try.
    pub(super) fn send(&mut self, node: &Node, history: &History, letter: Letter) {
        let send = history.next_send();
        for channel in &letter.to {
            history.record(Event::Send {
                send,
                channel: channel.clone(),
                value: letter.value.clone(),
                key: letter.key.clone(),
                expires: letter.ttl_seconds != 0,
            });
        }
        let (hub, outcomes, history) = (Arc::clone(&node.hub), self.outcomes.clone(), history.clone());
        let draft = letter.draft();
        self.under_way.push((send, letter));
        node.spawn(async move {
            let result = hub.broker.publish(draft, hub.clock.now_ms()).await;
            let is_stored = match result {
                Ok(stored) => {
                    let place = Cursor::new(hub.broker.end().epoch, stored.offset).to_string();
                    let place = Some(place.parse().expect("a cursor is a place"));
                    history.record(Event::Stored { send, place });
                    true
                }
                // Whether it is stored is not known.
                Err(PublishError::OutcomeUnknown | PublishError::Stopping) => false,
                Err(_) => {
                    history.record(Event::Refused { send });
                    false
                }
            };
            outcomes.0.borrow_mut().push((send, is_stored));
        });
    }

    /// Looks what was answered: what was not stored for certain may be tried again if it has a key.
    pub(super) fn collect(&mut self) {
        for (send, is_stored) in self.outcomes.0.borrow_mut().drain(..) {
            let Some(index) = self.under_way.iter().position(|(number, _)| *number == send) else { continue };
            let (_, letter) = self.under_way.swap_remove(index);
            if !is_stored && letter.key.is_some() {
                self.unsure.push(letter);
            }
        }
    }

    /// The node is gone, and with it all answers that were still to come.
    pub(super) fn node_died(&mut self) {
        self.collect();
        let lost = self.under_way.drain(..).map(|(_, letter)| letter);
        self.unsure.extend(lost.filter(|letter| letter.key.is_some()));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }
}

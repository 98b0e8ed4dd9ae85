//! The calls of the chat page, and the sending of what they cause.
//!
//! One lock is held over a change *and* its sending, so that a room hears things in the order in which they
//! happened. A lock per room would let rooms run side by side; one is enough for a demo.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{Announcement, Chat, Joined, client_id};
use crate::demo::problem::Problem;
use crate::demo::{Channels, VISITOR_KEY_LENGTH, now, random_id};

#[derive(Clone)]
struct Rooms {
    channels: Arc<dyn Channels>,
    chat: Arc<Mutex<Chat>>,
}

pub(in crate::demo) fn router(channels: Arc<dyn Channels>) -> Router {
    let chat = Arc::new(Mutex::new(Chat::new(random_id(6))));
    Router::new()
        .route("/demo/chat/join", post(join))
        .route("/demo/chat/say", post(say))
        .route("/demo/chat/here", post(here))
        .route("/demo/chat/leave", post(leave))
        .with_state(Rooms { channels, chat })
}

#[derive(Deserialize)]
struct Join {
    room: String,
    name: String,
    /// The key of an earlier join, to take the same seat after a reload.
    #[serde(default)]
    member: String,
}

#[derive(Serialize)]
struct JoinAnswer {
    member: String,
    token: String,
    #[serde(flatten)]
    joined: Joined,
}

#[derive(Deserialize)]
struct Say {
    room: String,
    member: String,
    text: String,
}

#[derive(Serialize)]
struct SayAnswer {
    sequence: u64,
}

#[derive(Deserialize)]
struct Seat {
    room: String,
    member: String,
}

type Body<T> = Result<Json<T>, JsonRejection>;

async fn join(State(rooms): State<Rooms>, body: Body<Join>) -> Result<Json<JoinAnswer>, Problem> {
    let Json(Join { room, name, member }) = body?;
    let mut chat = rooms.chat.lock().await;
    rooms.sweep(&mut chat).await;
    // A key that we did not make is no key: otherwise a visitor could choose the channel that it listens to.
    let member = if chat.knows(&room, &member) { member } else { random_id(VISITOR_KEY_LENGTH) };
    // Asked for before the room is read: whatever is said after that read lies behind the token's position.
    let token = rooms.channels.create_channel(&client_id(&member)).await.map_err(Problem::from_channels)?;
    let (joined, announcement) = chat.join(&room, &name, &member, now())?;
    if let Some(announcement) = announcement {
        rooms.try_send(announcement).await;
    }
    Ok(Json(JoinAnswer { member, token, joined }))
}

async fn say(State(rooms): State<Rooms>, body: Body<Say>) -> Result<Json<SayAnswer>, Problem> {
    let Json(Say { room, member, text }) = body?;
    let mut chat = rooms.chat.lock().await;
    let (sequence, announcement) = chat.say(&room, &member, &text, now())?;
    if let Err(sentence) = rooms.send(announcement).await {
        chat.take_back(&room, sequence);
        return Err(Problem::from_channels(sentence));
    }
    Ok(Json(SayAnswer { sequence }))
}

async fn here(State(rooms): State<Rooms>, body: Body<Seat>) -> Result<StatusCode, Problem> {
    let Json(Seat { room, member }) = body?;
    let mut chat = rooms.chat.lock().await;
    chat.here(&room, &member, now())?;
    rooms.sweep(&mut chat).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn leave(State(rooms): State<Rooms>, body: Body<Seat>) -> Result<StatusCode, Problem> {
    let Json(Seat { room, member }) = body?;
    let leaves_at = rooms.chat.lock().await.leave(&room, &member, now());
    if let Some(leaves_at) = leaves_at {
        let rooms = rooms.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(leaves_at.into()).await;
            let mut chat = rooms.chat.lock().await;
            rooms.sweep(&mut chat).await;
        });
    }
    Ok(StatusCode::NO_CONTENT)
}

// === impl Rooms ===

impl Rooms {
    async fn sweep(&self, chat: &mut Chat) {
        for announcement in chat.sweep(now()) {
            self.try_send(announcement).await;
        }
    }

    /// Who came and went is said again with the next change, so one that fails may be dropped.
    async fn try_send(&self, announcement: Announcement) {
        let _ = self.send(announcement).await;
    }

    async fn send(&self, announcement: Announcement) -> Result<(), String> {
        if announcement.to.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_string(&announcement.event).expect("an event has only texts and numbers");
        self.channels.send(&announcement.to, text).await
    }
}

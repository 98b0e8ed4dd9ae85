//! The calls of the tic-tac-toe page, and the sending of the boards that they cause.
//!
//! A move is answered with its version alone: the page shows it when the board comes down the channel, in the
//! mover's window like in all others.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::extract::rejection::JsonRejection;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{Announcement, GAME_ID_LENGTH, Games, Seat, State, client_id};
use crate::demo::problem::Problem;
use crate::demo::{Channels, VISITOR_KEY_LENGTH, now, random_id};

#[derive(Clone)]
struct Tables {
    channels: Arc<dyn Channels>,
    /// Never held while sending: versions, not the order of arrival, say which board is newer.
    games: Arc<Mutex<Games>>,
}

pub(in crate::demo) fn router(channels: Arc<dyn Channels>) -> Router {
    Router::new()
        .route("/demo/tic-tac-toe/new", post(start))
        .route("/demo/tic-tac-toe/join", post(join))
        .route("/demo/tic-tac-toe/move", post(play))
        .route("/demo/tic-tac-toe/rematch", post(rematch))
        .with_state(Tables { channels, games: Arc::default() })
}

#[derive(Deserialize)]
struct Join {
    game: String,
    /// The key of an earlier join, to take the same seat after a reload.
    #[serde(default)]
    player: String,
}

#[derive(Serialize)]
struct JoinAnswer {
    game: String,
    player: String,
    token: String,
    seat: Seat,
    state: State,
}

#[derive(Deserialize)]
struct Play {
    game: String,
    player: String,
    cell: usize,
}

#[derive(Deserialize)]
struct Rematch {
    game: String,
    player: String,
}

#[derive(Serialize)]
struct Accepted {
    version: u64,
}

type Body<T> = Result<Json<T>, JsonRejection>;

async fn start(Shared(tables): Shared<Tables>) -> Result<Json<JoinAnswer>, Problem> {
    let player = random_id(VISITOR_KEY_LENGTH);
    let token = tables.create_channel(&player).await?;
    let game = random_id(GAME_ID_LENGTH);
    let state = tables.games.lock().await.start(game.clone(), &player, now());
    Ok(Json(JoinAnswer { game, player, token, seat: Seat::X, state }))
}

async fn join(Shared(tables): Shared<Tables>, body: Body<Join>) -> Result<Json<JoinAnswer>, Problem> {
    let Json(Join { game, player }) = body?;
    // A key that we did not make is no key: otherwise a visitor could choose the channel that it listens to.
    let known = tables.games.lock().await.knows(&game, &player);
    let player = if known { player } else { random_id(VISITOR_KEY_LENGTH) };
    // Asked for before the board is read: what changes after that read lies behind the token's position.
    let token = tables.create_channel(&player).await?;
    let (seat, state, announcement) = tables.games.lock().await.join(&game, &player, now())?;
    if let Some(announcement) = announcement {
        tables.send(announcement).await?;
    }
    Ok(Json(JoinAnswer { game, player, token, seat, state }))
}

async fn play(Shared(tables): Shared<Tables>, body: Body<Play>) -> Result<Json<Accepted>, Problem> {
    let Json(Play { game, player, cell }) = body?;
    let announcement = tables.games.lock().await.play(&game, &player, cell, now())?;
    tables.send(announcement).await.map(Json)
}

async fn rematch(Shared(tables): Shared<Tables>, body: Body<Rematch>) -> Result<Json<Accepted>, Problem> {
    let Json(Rematch { game, player }) = body?;
    let announcement = tables.games.lock().await.rematch(&game, &player, now())?;
    tables.send(announcement).await.map(Json)
}

// === impl Tables ===

impl Tables {
    async fn create_channel(&self, player: &str) -> Result<String, Problem> {
        self.channels.create_channel(&client_id(player)).await.map_err(Problem::from_channels)
    }

    /// A board that could not be sent is not taken back: a page that hears of the failure asks for it anew.
    async fn send(&self, announcement: Announcement) -> Result<Accepted, Problem> {
        let text = serde_json::to_string(&announcement.state).expect("a state has only marks and numbers");
        self.channels.send(&announcement.to, text).await.map_err(Problem::from_channels)?;
        Ok(Accepted { version: announcement.state.version })
    }
}

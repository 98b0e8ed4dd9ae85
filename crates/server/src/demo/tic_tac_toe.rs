//! Tic-tac-toe: the rules, the seats, and who has to see the board.
//!
//! Pure: no clock, no network. A change returns the whole [`State`] for everybody at the table; `handlers` sends
//! it. Pages keep the state with the highest version, so it does not matter which one arrives first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::problem::Problem;

mod handlers;

pub(super) use handlers::router;

/// Below 3 MB with all watchers; the game that rested longest makes room for a new one.
const GAMES_MAX: usize = 500;
/// 50 bits: a link that cannot be come by through guessing, and is still short enough to read out.
const GAME_ID_LENGTH: usize = 10;
/// Each move is sent to all of them in one call.
const WATCHERS_MAX: usize = 30;
/// Nobody comes back to a game after that.
const IDLE_GAME_KEPT: Duration = Duration::from_secs(60 * 60);

/// The eight ways to win, as cells counted row by row.
const LINES: [[usize; 3]; 8] =
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Mark {
    X,
    O,
}

/// What somebody at the table may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Seat {
    X,
    O,
    #[serde(rename = "watcher")]
    Watcher,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Outcome {
    X,
    O,
    #[serde(rename = "draw")]
    Draw,
}

/// All games that are going on.
#[derive(Default)]
struct Games {
    games: HashMap<String, Game>,
}

struct Game {
    cells: [Option<Mark>; 9],
    turn: Mark,
    /// Who began this round; the other one begins the next.
    starter: Mark,
    /// The keys of the players; each is known to one page alone and also names its channel.
    x: String,
    o: Option<String>,
    watchers: Vec<String>,
    score: Score,
    round: u32,
    version: u64,
    used_at: Instant,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Score {
    x: u32,
    o: u32,
    draws: u32,
}

/// The table as everybody sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct State {
    version: u64,
    round: u32,
    cells: [Option<Mark>; 9],
    turn: Mark,
    outcome: Option<Outcome>,
    /// The three cells that won.
    line: Option<[usize; 3]>,
    /// Whether the second player has come.
    complete: bool,
    watchers: usize,
    score: Score,
}

/// A new state, and the client ids that have to see it.
#[derive(Debug)]
struct Announcement {
    to: Vec<String>,
    state: State,
}

// === impl Games ===

impl Games {
    /// Starts a game whose X is this key.
    fn start(&mut self, id: String, key: &str, now: Instant) -> State {
        self.games.retain(|_, game| now < game.used_at + IDLE_GAME_KEPT);
        if self.games.len() >= GAMES_MAX
            && let Some(longest) = self.games.iter().min_by_key(|(_, game)| game.used_at)
        {
            let longest = longest.0.clone();
            self.games.remove(&longest);
        }
        let game = Game::new(key, now);
        let state = game.state();
        self.games.insert(id, game);
        state
    }

    /// Whether this page has a seat at the table.
    fn knows(&self, id: &str, key: &str) -> bool {
        self.games.get(id).is_some_and(|game| game.seat_of(key).is_some())
    }

    /// Takes somebody to the table: to the seat that the key has already, else as O, else as a watcher.
    ///
    /// A table that is not there any more is laid anew, so that all who come back to it after a restart of the
    /// program meet again.
    fn join(
        &mut self,
        id: &str,
        key: &str,
        now: Instant,
    ) -> Result<(Seat, State, Option<Announcement>), Problem> {
        let Ok(game) = self.game(id, now) else {
            return Ok((Seat::X, self.start(checked_game_id(id)?.to_owned(), key, now), None));
        };
        if let Some(seat) = game.seat_of(key) {
            return Ok((seat, game.state(), None));
        }
        let seat = if game.o.is_none() {
            game.o = Some(key.to_owned());
            Seat::O
        } else if game.watchers.len() < WATCHERS_MAX {
            game.watchers.push(key.to_owned());
            Seat::Watcher
        } else {
            return Err(Problem::unavailable("stands_full", "There is no room left to watch this game."));
        };
        let announcement = game.change();
        Ok((seat, announcement.state.clone(), Some(announcement)))
    }

    /// Sets the mark of this player.
    fn play(&mut self, id: &str, key: &str, cell: usize, now: Instant) -> Result<Announcement, Problem> {
        let game = self.game(id, now)?;
        let mark = game.player(key)?;
        game.play(mark, cell)?;
        Ok(game.change())
    }

    /// Clears the board for another round; any of the two may ask for it.
    fn rematch(&mut self, id: &str, key: &str, now: Instant) -> Result<Announcement, Problem> {
        let game = self.game(id, now)?;
        game.player(key)?;
        if game.outcome().is_none() {
            return Err(Problem::conflict("round_goes_on", "This round is not over yet."));
        }
        game.starter = game.starter.other();
        game.turn = game.starter;
        game.cells = [None; 9];
        game.round += 1;
        Ok(game.change())
    }

    fn game(&mut self, id: &str, now: Instant) -> Result<&mut Game, Problem> {
        let game = self.games.get_mut(id).filter(|game| now < game.used_at + IDLE_GAME_KEPT);
        let game = game.ok_or_else(unknown_game)?;
        game.used_at = now;
        Ok(game)
    }
}

// === impl Game ===

impl Game {
    fn new(key: &str, now: Instant) -> Self {
        Self {
            cells: [None; 9],
            turn: Mark::X,
            starter: Mark::X,
            x: key.to_owned(),
            o: None,
            watchers: Vec::new(),
            score: Score::default(),
            round: 1,
            version: 1,
            used_at: now,
        }
    }

    fn seat_of(&self, key: &str) -> Option<Seat> {
        if self.x == key {
            Some(Seat::X)
        } else if self.o.as_deref() == Some(key) {
            Some(Seat::O)
        } else {
            self.watchers.iter().any(|watcher| watcher == key).then_some(Seat::Watcher)
        }
    }

    fn player(&self, key: &str) -> Result<Mark, Problem> {
        match self.seat_of(key) {
            Some(Seat::X) => Ok(Mark::X),
            Some(Seat::O) => Ok(Mark::O),
            _ => Err(Problem::conflict("not_a_player", "Only the two players can do that.")),
        }
    }

    fn play(&mut self, mark: Mark, cell: usize) -> Result<(), Problem> {
        if cell >= self.cells.len() {
            return Err(Problem::bad_request("invalid_cell", "A cell is a number from 0 to 8."));
        }
        if self.o.is_none() {
            return Err(Problem::conflict("no_opponent", "The second player has not come yet."));
        }
        if self.outcome().is_some() {
            return Err(Problem::conflict("round_over", "This round is over. Ask for another one."));
        }
        if self.turn != mark {
            return Err(Problem::conflict("not_your_turn", "It is the other player's turn."));
        }
        if self.cells[cell].is_some() {
            return Err(Problem::conflict("cell_taken", "This cell is taken."));
        }
        self.cells[cell] = Some(mark);
        self.turn = mark.other();
        match self.outcome() {
            Some(Outcome::X) => self.score.x += 1,
            Some(Outcome::O) => self.score.o += 1,
            Some(Outcome::Draw) => self.score.draws += 1,
            None => {}
        }
        Ok(())
    }

    fn winning_line(&self) -> Option<(Mark, [usize; 3])> {
        LINES.into_iter().find_map(|line| {
            let [first, second, third] = line.map(|cell| self.cells[cell]);
            first.filter(|_| first == second && second == third).map(|mark| (mark, line))
        })
    }

    fn outcome(&self) -> Option<Outcome> {
        match self.winning_line() {
            Some((Mark::X, _)) => Some(Outcome::X),
            Some((Mark::O, _)) => Some(Outcome::O),
            None => self.cells.iter().all(Option::is_some).then_some(Outcome::Draw),
        }
    }

    /// A step further, for everybody at the table.
    fn change(&mut self) -> Announcement {
        self.version += 1;
        let everybody = std::iter::once(&self.x).chain(&self.o).chain(&self.watchers);
        Announcement { to: everybody.map(|key| client_id(key)).collect(), state: self.state() }
    }

    fn state(&self) -> State {
        State {
            version: self.version,
            round: self.round,
            cells: self.cells,
            turn: self.turn,
            outcome: self.outcome(),
            line: self.winning_line().map(|(_, line)| line),
            complete: self.o.is_some(),
            watchers: self.watchers.len(),
            score: self.score,
        }
    }
}

impl Mark {
    fn other(self) -> Self {
        match self {
            Self::X => Self::O,
            Self::O => Self::X,
        }
    }
}

/// Only what `random_id` could have made: a longer one would be a way to fill the memory.
fn checked_game_id(id: &str) -> Result<&str, Problem> {
    let good = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if good && id.len() == GAME_ID_LENGTH { Ok(id) } else { Err(unknown_game()) }
}

fn unknown_game() -> Problem {
    Problem::not_found("unknown_game", "There is no such game, or no more.")
}

/// The channel of one page at the table.
fn client_id(key: &str) -> String {
    format!("tic-tac-toe-{key}")
}

#[cfg(test)]
mod tests;

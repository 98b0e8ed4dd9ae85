use super::*;

const X: &str = "key-of-x";
const O: &str = "key-of-o";

struct World {
    games: Games,
    now: Instant,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "a starting point; only differences count")]
    fn new() -> Self {
        let mut world = Self { games: Games::default(), now: Instant::now() };
        world.games.start("game".into(), X, world.now);
        world
    }

    fn complete() -> Self {
        let mut world = Self::new();
        world.join(O);
        world
    }

    fn join(&mut self, key: &str) -> (Seat, State, Option<Announcement>) {
        self.games.join("game", key, self.now).unwrap()
    }

    fn play(&mut self, key: &str, cell: usize) -> Result<Announcement, Problem> {
        self.games.play("game", key, cell, self.now)
    }

    /// Plays these cells, X and O by turns, and returns the last state.
    fn play_all(&mut self, first: &str, cells: &[usize]) -> State {
        let second = if first == X { O } else { X };
        let keys = [first, second].into_iter().cycle();
        let states = cells.iter().zip(keys).map(|(&cell, key)| self.play(key, cell).unwrap().state);
        states.last().unwrap()
    }

    fn rematch(&mut self, key: &str) -> Result<Announcement, Problem> {
        self.games.rematch("game", key, self.now)
    }
}

#[test]
fn the_second_to_come_plays_and_the_third_watches_and_all_hear_of_each_move() {
    let mut world = World::new();
    let (seat, state, announcement) = world.join(O);
    assert_eq!((seat, state.complete), (Seat::O, true));
    assert_eq!(announcement.unwrap().to, ["tic-tac-toe-key-of-x", "tic-tac-toe-key-of-o"]);
    assert_eq!(world.join("third").0, Seat::Watcher);
    let Announcement { to, state } = world.play(X, 4).unwrap();
    assert_eq!(to, ["tic-tac-toe-key-of-x", "tic-tac-toe-key-of-o", "tic-tac-toe-third"]);
    assert_eq!((state.cells[4], state.turn, state.watchers), (Some(Mark::X), Mark::O, 1));
}

#[test]
fn a_reload_keeps_the_seat_and_nobody_hears_of_it() {
    let mut world = World::complete();
    world.join("third");
    for (key, expected) in [(X, Seat::X), (O, Seat::O), ("third", Seat::Watcher)] {
        let (seat, _, announcement) = world.join(key);
        assert_eq!(seat, expected);
        assert!(announcement.is_none());
    }
}

#[test]
fn every_line_wins() {
    for line in LINES {
        let mut world = World::complete();
        let others: Vec<usize> = (0..9).filter(|cell| !line.contains(cell)).collect();
        let state = world.play_all(X, &[line[0], others[0], line[1], others[1], line[2]]);
        assert_eq!((state.outcome, state.line), (Some(Outcome::X), Some(line)));
        assert_eq!(state.score, Score { x: 1, o: 0, draws: 0 });
        assert_eq!(world.play(O, others[2]).unwrap_err().code, "round_over");
    }
}

#[test]
fn a_full_board_without_a_line_is_a_draw_and_the_last_cell_may_still_win() {
    let draw = World::complete().play_all(X, &[0, 1, 2, 4, 3, 5, 7, 6, 8]);
    assert_eq!((draw.outcome, draw.line, draw.score.draws), (Some(Outcome::Draw), None, 1));
    let won = World::complete().play_all(X, &[0, 1, 2, 3, 4, 5, 7, 6, 8]);
    assert_eq!((won.outcome, won.line), (Some(Outcome::X), Some([0, 4, 8])));
}

#[test]
fn a_rematch_keeps_the_score_and_the_other_player_begins() {
    let mut world = World::complete();
    assert_eq!(world.rematch(X).unwrap_err().code, "round_goes_on");
    world.play_all(X, &[0, 3, 1, 4, 2]);
    let state = world.rematch(O).unwrap().state;
    assert_eq!((state.round, state.turn, state.outcome), (2, Mark::O, None));
    assert_eq!(state.cells, [None; 9]);
    assert_eq!(world.play(X, 0).unwrap_err().code, "not_your_turn");
    let state = world.play_all(O, &[0, 3, 1, 4, 2]);
    assert_eq!(state.score, Score { x: 1, o: 1, draws: 0 });
}

#[test]
fn bad_moves_are_refused_and_change_nothing() {
    let mut world = World::new();
    assert_eq!(world.play(X, 0).unwrap_err().code, "no_opponent");
    world.join(O);
    world.join("third");
    world.play(X, 0).unwrap();
    let before = world.join(X).1;
    for (key, cell, code) in [
        (X, 1, "not_your_turn"),
        (O, 0, "cell_taken"),
        (O, 9, "invalid_cell"),
        (O, usize::MAX, "invalid_cell"),
        ("third", 1, "not_a_player"),
        ("made up", 1, "not_a_player"),
    ] {
        assert_eq!(world.play(key, cell).unwrap_err().code, code);
    }
    assert_eq!(world.rematch("third").unwrap_err().code, "not_a_player");
    assert_eq!(world.games.play("other", O, 1, world.now).unwrap_err().code, "unknown_game");
    assert_eq!(world.join(X).1, before);
}

#[test]
fn two_who_come_back_to_a_table_that_is_gone_meet_at_a_new_one() {
    let mut world = World::new();
    let mut join = |key| world.games.join("0123456789", key, world.now).unwrap();
    assert_eq!(join(O).0, Seat::X);
    assert_eq!(join(X).0, Seat::O);
    assert_eq!(join(X).1.version, 2);
    for id in ["", "012345678", "0123456789a", "01234-6789", "ABCDEFGHJK"] {
        assert_eq!(world.games.join(id, X, world.now).unwrap_err().code, "unknown_game", "{id}");
    }
}

#[test]
fn versions_rise_with_each_change() {
    let mut world = World::new();
    let joined = world.join(O).1.version;
    let watched = world.join("third").1.version;
    let moved = world.play(X, 0).unwrap().state.version;
    assert!(1 < joined && joined < watched && watched < moved);
}

#[test]
fn games_and_watchers_are_bounded_and_idle_games_go() {
    let mut world = World::complete();
    for number in 0..WATCHERS_MAX {
        world.join(&format!("watcher-{number}"));
    }
    assert_eq!(world.games.join("game", "one more", world.now).unwrap_err().code, "stands_full");
    for number in 0..GAMES_MAX {
        world.now += Duration::from_secs(1);
        world.games.start(format!("game-{number}"), X, world.now);
    }
    assert_eq!(world.games.games.len(), GAMES_MAX);
    assert!(!world.games.knows("game", X), "the one that rested longest made room");
    world.now += IDLE_GAME_KEPT;
    assert_eq!(world.games.play("game-7", X, 0, world.now).unwrap_err().code, "unknown_game");
    world.games.start("fresh".into(), X, world.now);
    assert_eq!(world.games.games.len(), 1);
}

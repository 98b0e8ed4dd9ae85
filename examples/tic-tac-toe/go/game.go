package main

import "sync"

// The rules of tic-tac-toe, who plays, and the games that are going on. No HTTP and no channel.

// gamesMax bounds the games, which live in memory; the oldest makes room.
const gamesMax = 1_000

const (
	free      = '-'
	freeBoard = "---------"
)

var lines = [][3]int{
	{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6},
}

// refused is a move that the rules do not allow; the text is for the player.
type refused string

// Error says why.
func (r refused) Error() string {
	return string(r)
}

// player is who plays one of the marks.
type player struct {
	clientID string
	here     bool
	// generation is that of the last presence notice, so that one that comes late changes nothing.
	generation int64
}

// game is one board and its two players.
type game struct {
	// lock is held by whoever reads or changes the game, and while a state is sent as well, so that
	// an older one never overtakes a newer one.
	lock    sync.Mutex
	board   string
	turn    string
	players map[string]*player // By their marks.
}

// state is what the pages show.
type state struct {
	Board  string `json:"board"`
	Turn   string `json:"turn"`
	Winner string `json:"winner"`
	Here   struct {
		X bool `json:"X"`
		O bool `json:"O"`
	} `json:"here"`
}

func newGame() *game {
	return &game{board: freeBoard, turn: "X", players: map[string]*player{}}
}

// join returns the mark with which this client plays; empty for those who come third.
func (g *game) join(clientID string) string {
	mark := g.markOf(clientID)
	if mark == "" && len(g.players) < 2 {
		mark = "X"
		if len(g.players) == 1 {
			mark = "O"
		}
		g.players[mark] = &player{clientID: clientID, generation: -1}
	}
	return mark
}

// markOf returns the mark of a player; empty for everyone else.
func (g *game) markOf(clientID string) string {
	for mark, player := range g.players {
		if player.clientID == clientID {
			return mark
		}
	}
	return ""
}

// move puts a mark into a cell.
func (g *game) move(mark string, cell int) error {
	switch {
	case g.winner() != "":
		return refused("The game is over.")
	case mark != g.turn:
		return refused("It is not your turn.")
	case g.board[cell] != free:
		return refused("The cell is taken.")
	}
	g.board = g.board[:cell] + mark + g.board[cell+1:]
	g.turn = "X"
	if mark == "X" {
		g.turn = "O"
	}
	return nil
}

// winner is X, O or draw; empty while the game goes on.
func (g *game) winner() string {
	for _, line := range lines {
		mark := g.board[line[0]]
		if mark != free && mark == g.board[line[1]] && mark == g.board[line[2]] {
			return string(mark)
		}
	}
	for _, mark := range g.board {
		if mark == free {
			return ""
		}
	}
	return "draw"
}

func (g *game) state() state {
	now := state{Board: g.board, Turn: g.turn, Winner: g.winner()}
	if x := g.players["X"]; x != nil {
		now.Here.X = x.here
	}
	if o := g.players["O"]; o != nil {
		now.Here.O = o.here
	}
	return now
}

// games holds the games by their ids.
type games struct {
	lock sync.Mutex
	byID map[string]*game
	// ids are those of the games, the oldest first.
	ids []string
}

// get returns the game; nil if there is none.
func (g *games) get(id string) *game {
	g.lock.Lock()
	defer g.lock.Unlock()
	return g.byID[id]
}

// getOrMake returns the game; a new one if there is none.
func (g *games) getOrMake(id string) *game {
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.byID == nil {
		g.byID = map[string]*game{}
	}
	if g.byID[id] == nil {
		g.byID[id] = newGame()
		g.ids = append(g.ids, id)
		if len(g.ids) > gamesMax {
			delete(g.byID, g.ids[0])
			g.ids = g.ids[1:]
		}
	}
	return g.byID[id]
}

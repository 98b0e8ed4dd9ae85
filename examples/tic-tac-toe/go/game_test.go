package main

import (
	"fmt"
	"testing"
)

// playing returns a game after some moves, X first.
func playing(t *testing.T, cells ...int) *game {
	t.Helper()
	game := newGame()
	for index, cell := range cells {
		if err := game.move([]string{"X", "O"}[index%2], cell); err != nil {
			t.Fatal(err)
		}
	}
	return game
}

func TestThreeInALineWin(t *testing.T) {
	for _, line := range lines {
		// O plays two cells that are not in the line.
		var others []int
		for cell := 0; cell < 9 && len(others) < 2; cell++ {
			if cell != line[0] && cell != line[1] && cell != line[2] {
				others = append(others, cell)
			}
		}
		game := playing(t, line[0], others[0], line[1], others[1])
		if game.winner() != "" {
			t.Errorf("%v: won too early", line)
		}
		if err := game.move("X", line[2]); err != nil || game.winner() != "X" {
			t.Errorf("%v: got %v, %q", line, err, game.winner())
		}
		if err := game.move("O", 8); err == nil || err.Error() != "The game is over." {
			t.Errorf("%v: the game goes on: %v", line, err)
		}
	}
	if winner := playing(t, 0, 2, 1, 4, 8, 6).winner(); winner != "O" {
		t.Errorf("got %q", winner)
	}
}

func TestAFullBoardIsADraw(t *testing.T) {
	if winner := playing(t, 0, 1, 2, 4, 3, 5, 7, 6, 8).winner(); winner != "draw" {
		t.Errorf("got %q", winner)
	}
	// The last cell may win.
	if winner := playing(t, 1, 0, 3, 2, 6, 4, 7, 5, 8).winner(); winner != "X" {
		t.Errorf("got %q", winner)
	}
}

func TestMovesOutOfTurnAndOnTakenCellsAreRefused(t *testing.T) {
	game := playing(t, 4)
	if err := game.move("X", 0); err == nil {
		t.Error("X moved twice")
	}
	if err := game.move("O", 4); err == nil {
		t.Error("the cell was taken twice")
	}
	if game.board != "----X----" || game.turn != "O" {
		t.Errorf("got %+v", game)
	}
}

func TestTwoPlayAndOthersWatch(t *testing.T) {
	game := newGame()
	for _, one := range []struct{ clientID, mark string }{
		{"a", "X"}, {"b", "O"}, {"c", ""}, {"a", "X"}, {"b", "O"},
	} {
		if mark := game.join(one.clientID); mark != one.mark {
			t.Errorf("%s plays %q, not %q", one.clientID, mark, one.mark)
		}
	}
}

func TestTheOldestGameMakesRoom(t *testing.T) {
	var all games
	first := all.getOrMake("0")
	for number := 1; number < gamesMax; number++ {
		all.getOrMake(fmt.Sprint(number))
	}
	if all.getOrMake("0") != first {
		t.Fatal("a game was lost too early")
	}
	all.getOrMake("one more")
	if all.get("0") != nil || all.get("1") == nil || all.get("one more") == nil {
		t.Error("another game made room")
	}
	if len(all.byID) != gamesMax || len(all.ids) != gamesMax {
		t.Errorf("there are %d games", len(all.byID))
	}
}

"""The rules of tic-tac-toe, who plays, and the games that are going on. No HTTP and no channel."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Optional

# Games live in memory; the oldest makes room.
GAMES_MAX = 1_000

FREE = "-"
CELLS = 9
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


class Refused(Exception):
    """A move that the rules do not allow; its text is for the player."""


@dataclass
class Player:
    """Who plays one of the marks."""

    client_id: str
    here: bool = False
    generation: int = -1
    """Of the last presence notice, so that one that comes late changes nothing."""


@dataclass
class Game:
    """One board and its two players. Whoever reads or changes it holds its lock."""

    board: str = FREE * CELLS
    turn: str = "X"
    players: dict[str, Player] = field(default_factory=dict)
    """By their marks."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while a state is sent as well, so that an older one never overtakes a newer one."""

    def join(self, client_id: str) -> str:
        """The mark with which this client plays; empty for those who come third."""
        mark = self.mark_of(client_id)
        if mark is None and len(self.players) < len("XO"):
            mark = "XO"[len(self.players)]
            self.players[mark] = Player(client_id)
        return mark or ""

    def mark_of(self, client_id: str) -> Optional[str]:
        """The mark of a player; `None` for everyone else."""
        for mark, player in self.players.items():
            if player.client_id == client_id:
                return mark
        return None

    def move(self, mark: str, cell: int) -> None:
        """Puts the mark into a cell."""
        if self.winner:
            raise Refused("The game is over.")
        if mark != self.turn:
            raise Refused("It is not your turn.")
        if self.board[cell] != FREE:
            raise Refused("The cell is taken.")
        self.board = self.board[:cell] + mark + self.board[cell + 1 :]
        self.turn = "O" if mark == "X" else "X"

    @property
    def winner(self) -> str:
        """``X``, ``O``, ``draw``, or nothing while it goes on."""
        for a, b, c in LINES:
            if FREE != self.board[a] == self.board[b] == self.board[c]:
                return self.board[a]
        return "" if FREE in self.board else "draw"

    def state(self) -> dict[str, object]:
        """What the pages show."""
        here = {mark: mark in self.players and self.players[mark].here for mark in "XO"}
        return {"board": self.board, "turn": self.turn, "winner": self.winner, "here": here}


class Games:
    """The games by their ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._games: OrderedDict[str, Game] = OrderedDict()

    def get(self, game_id: str) -> Optional[Game]:
        """The game, if there is one."""
        with self._lock:
            return self._games.get(game_id)

    def get_or_make(self, game_id: str) -> Game:
        """The game; a new one if there is none."""
        with self._lock:
            if game_id not in self._games:
                self._games[game_id] = Game()
                if len(self._games) > GAMES_MAX:
                    self._games.popitem(last=False)
            return self._games[game_id]

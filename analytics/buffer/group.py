"""Requests that wait for the same disk share one trip to it.

Whoever wants to arrive while nobody is under way leads: it takes along all that have come so far and waits for the
answer. Whoever comes meanwhile is taken along by the next leader, and is told what became of it. A lone thread never
waits for company, so this costs no time when there is nothing to share; a thread that has several requests boards with
each before it arrives with the first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Passage(Generic[T, R]):
    """Something to be committed, and the thread that will wait for it behind `turn`."""

    __slots__ = ("_group", "arrived", "error", "item", "result", "taken", "turn", "waits")

    def __init__(self, group: Group[T, R], item: T) -> None:
        self._group = group
        self.item = item
        self.turn = threading.Lock()
        self.turn.acquire()
        self.waits = self.taken = self.arrived = False
        self.result: R
        self.error: BaseException | None = None

    def arrive(self) -> R:
        """Return when the item has been committed, with what became of its trip."""
        self._group.bring_home(self)
        if self.error is not None:
            raise self.error
        return self.result


class Group(Generic[T, R]):
    """Commits items together: `commit` gets those of one trip and gives the result that holds for all of them.

    At most `most` items travel together. What `commit` raises reaches everybody who was on the trip.
    """

    def __init__(self, commit: Callable[[list[T]], R], most: int) -> None:
        self._commit = commit
        self._most = most
        self._waiting: deque[Passage[T, R]] = deque()
        self._under_way = False
        self._mutex = threading.Lock()

    def board(self, item: T) -> Passage[T, R]:
        """The next trip takes the item along. None begins before somebody wants to arrive."""
        passage = Passage(self, item)
        with self._mutex:
            self._waiting.append(passage)
        return passage

    def bring_home(self, passage: Passage[T, R]) -> None:
        """Return when it has arrived."""
        with self._mutex:
            lead = not self._under_way and not passage.taken
            self._under_way |= lead
            passage.waits = not lead
        if not lead:
            # Released by a leader: either it has arrived, or it leads the next trip.
            passage.turn.acquire()
        if not passage.arrived:
            self._lead(passage)

    def _lead(self, leader: Passage[T, R]) -> None:
        """Take along those who have come first, and let the next leader go."""
        with self._mutex:
            self._waiting.remove(leader)
            others = min(len(self._waiting), self._most - 1)
            together = [leader, *(self._waiting.popleft() for _ in range(others))]
            for passage in together:
                passage.taken = True
        try:
            result = self._commit([passage.item for passage in together])
            for passage in together:
                passage.result = result
        except BaseException as error:
            for passage in together:
                passage.error = error
        with self._mutex:
            successor = next((passage for passage in self._waiting if passage.waits), None)
            self._under_way = successor is not None
        if successor:
            successor.turn.release()
        for passage in together:
            passage.arrived = True
            passage.turn.release()

"""Threads that wait for the same disk share one trip to it.

Whoever comes while nobody is under way leads: it takes along all that have come so far and waits for the answer.
Whoever comes meanwhile waits, is taken along by the next leader, and is told what became of it. A lone thread never
waits for company, so this costs no time when there is nothing to share.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Passenger(Generic[T, R]):
    """Something to be committed, and the thread that waits for it behind `turn`."""

    __slots__ = ("arrived", "error", "item", "result", "turn")

    def __init__(self, item: T) -> None:
        self.item = item
        self.turn = threading.Lock()
        self.turn.acquire()
        self.arrived = False
        self.result: R
        self.error: BaseException | None = None


class Group(Generic[T, R]):
    """Commits items together: `commit` gets those of one trip and gives the result that holds for all of them.

    At most `most` items travel together. What `commit` raises reaches everybody who was on the trip.
    """

    def __init__(self, commit: Callable[[list[T]], R], most: int) -> None:
        self._commit = commit
        self._most = most
        self._waiting: deque[_Passenger[T, R]] = deque()
        self._under_way = False
        self._mutex = threading.Lock()

    def join(self, item: T) -> R:
        """Return when the item has been committed, with what became of its trip."""
        me: _Passenger[T, R] = _Passenger(item)
        with self._mutex:
            self._waiting.append(me)
            lead, self._under_way = not self._under_way, True
        if not lead:
            # Released by a leader: either I have arrived, or I lead the next trip.
            me.turn.acquire()
        if not me.arrived:
            self._lead()
        if me.error is not None:
            raise me.error
        return me.result

    def _lead(self) -> None:
        """Take along those who have waited longest, me first, and let the next leader go."""
        with self._mutex:
            together = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        try:
            result = self._commit([passenger.item for passenger in together])
            for passenger in together:
                passenger.result = result
        except BaseException as error:
            for passenger in together:
                passenger.error = error
        with self._mutex:
            successor = self._waiting[0] if self._waiting else None
            self._under_way = successor is not None
        if successor:
            successor.turn.release()
        for passenger in together:
            passenger.arrived = True
            passenger.turn.release()

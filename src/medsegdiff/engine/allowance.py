"""Memory that several studies share: each takes its part in its turn, and gives it back."""

from __future__ import annotations

import threading


class Closed(Exception):
    """Nothing more is given: the run ends."""


class Allowance:
    """So many bytes for all studies that are held at once; one alone may take more.

    Studies take in the order of their places, so that a large one is never overtaken for ever.

    Args:
        size_bytes: for all together.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.most_bytes = 0
        self._held: dict[int, int] = {}
        self._next = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def take(self, place: int, size_bytes: int) -> None:
        """Wait until all earlier places have taken theirs and this one fits; once for each place.

        Args:
            place: of the study in the order, from 0.
            size_bytes: that it takes.

        Raises:
            Closed: the run ends.
        """
        with self._changed:
            if place < self._next:
                return
            self._changed.wait_for(lambda: self._is_closed or self._fits(place, size_bytes))
            if self._is_closed:
                raise Closed
            self._held[place] = size_bytes
            self._next = place + 1
            self.most_bytes = max(self.most_bytes, sum(self._held.values()))
            self._changed.notify_all()

    def give_back(self, place: int) -> None:
        """The study is written and handed on."""
        with self._changed:
            self._held.pop(place, None)
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse everybody who waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _fits(self, place: int, size_bytes: int) -> bool:
        held = sum(self._held.values())
        return place == self._next and (held == 0 or held + size_bytes <= self.size_bytes)

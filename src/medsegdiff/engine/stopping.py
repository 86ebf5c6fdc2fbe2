"""Stopping without loss: Ctrl-C and SIGTERM ask, the loop answers after its step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Holds the number of the signal that asked to stop; 0 while nobody did."""

    def __init__(self) -> None:
        self.signal_number = 0

    def ask(self, signal_number: int, frame: FrameType | None) -> None:
        """Signal handler; a second Ctrl-C stops at once."""
        if self.signal_number:
            raise KeyboardInterrupt
        self.signal_number = signal_number


@contextmanager
def listening() -> Iterator[StopRequest]:
    """Turn signals into a request while inside; outside the main thread nothing changes."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.ask) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

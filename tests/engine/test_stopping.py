"""Signals become requests while a training listens, and only then."""

from __future__ import annotations

import signal
import threading

import pytest

from medsegdiff.engine.stopping import listening


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_request(number):
    with listening() as request:
        assert request.signal_number == 0
        signal.raise_signal(number)
        assert request.signal_number == number


def test_a_second_signal_stops_at_once():
    with listening() as request:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert request.signal_number == signal.SIGINT


def test_handlers_return_to_what_they_were():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ValueError, match="inside"), listening():
        raise ValueError("inside")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_outside_the_main_thread_nothing_changes():
    seen = []

    def work() -> None:
        with listening() as request:
            seen.append((request.signal_number, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(0, signal.getsignal(signal.SIGTERM))]

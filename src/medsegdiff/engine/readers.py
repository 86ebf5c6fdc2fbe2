"""Processes that read studies for the network: one that dies takes no other study with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue

from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.formats import Header
from medsegdiff.engine.allowance import Allowance, Closed
from medsegdiff.engine.nursery import Nursery, can_fork
from medsegdiff.engine.reader_process import Order, Read, ReaderProcess, read_here, serve


class Readers:
    """Reads studies ahead of the network, several at once.

    Where processes cannot be forked, threads read.

    Args:
        count: processes; 0 reads a study here, at once, when asked to.
        dataset: where the studies are.
        allowance: of memory; a study takes its part before it is decoded.
        bytes_of: the memory that a study takes from then on, by what its files declare.
    """

    def __init__(
        self,
        count: int,
        dataset: FileDataset,
        allowance: Allowance,
        bytes_of: Callable[[Header], int],
    ) -> None:
        self._count = count
        self._dataset = dataset
        self._allowance = allowance
        self._bytes_of = bytes_of
        self._orders: SimpleQueue[tuple[Order, Future[Read]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._nursery = None
        if count and can_fork():
            self._nursery = Nursery(lambda channel: serve(channel, dataset, bytes_of))

    def submit(self, order: Order) -> Future[Read]:
        """Begin to read a study."""
        future: Future[Read] = Future()
        if self._count == 0:
            self._carry_out(order, future, self._read_here)
            return future
        self._orders.put((order, future))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name="reader", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """End all processes, also in the middle of a study."""
        self._allowance.close()
        for _ in self._threads:
            self._orders.put(None)
        if self._nursery is not None:
            self._nursery.close()
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        """What a thread does: carry out orders, if there are processes by one of its own."""
        nursery = self._nursery
        process = None if nursery is None else ReaderProcess(nursery, self._allowance.take)
        read = self._read_here if process is None else process.read
        while (taken := self._orders.get()) is not None:
            self._carry_out(*taken, read)
            del taken  # else it holds the study until the next one is asked for
        if process is not None:
            process.close()

    def _carry_out(self, order: Order, future: Future[Read], read: Callable[[Order], Read]) -> None:
        try:
            found = read(order)
        except Exception as error:  # no process can be started, or the run ends
            found = Read(error, 0.0)
        with suppress(Closed):  # who has failed before must not hold up the others
            self._allowance.take(order.place, 0)
        future.set_result(found)

    def _read_here(self, order: Order) -> Read:
        return read_here(order, self._dataset, self._bytes_of, self._allowance.take)

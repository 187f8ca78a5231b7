"""A TCP proxy before a broker that loses the replies it is told to lose."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import enum
import struct
import threading
from collections.abc import Iterator
from typing import Literal, NamedTuple

_REQUEST = struct.Struct(">hhi")
_NUMBER = struct.Struct(">i")


class Api(enum.IntEnum):
    """The requests of a transaction, by their numbers in Kafka's protocol, in the order they are sent."""

    ADD_PARTITIONS = 24
    ADD_OFFSETS = 25
    COMMIT_OFFSETS = 28
    END = 26


class Fault(NamedTuple):
    """What becomes of the reply to a request: never answered, or the connection ends instead.

    The broker has done what was asked either way.
    """

    api: Api
    how: Literal["swallow", "reset"]


class Proxy:
    """Passes everything on between clients and a broker, except replies that a fault is due for.

    The broker must advertise `port` as its own, else clients leave for its real one.

    Parameters
    ----------
    listener
        Where clients connect.
    target
        The broker's real port.

    Attributes
    ----------
    struck
        The faults that happened.
    """

    def __init__(self, listener: int, target: int) -> None:
        self.port = listener
        self.struck: collections.Counter[Fault] = collections.Counter()
        self._target = target
        self._due: collections.deque[Fault] = collections.deque()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def arm(self, fault: Fault) -> None:
        """Let a fault happen at the next reply that it is about."""
        self._loop.call_soon_threadsafe(self._due.append, fault)

    @contextlib.contextmanager
    def running(self) -> Iterator[Proxy]:
        """Run inside the block, on a thread."""
        thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(server.close)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        asked: dict[int, int] = {}
        ends = (writer, to_broker)
        for pump in (self._requests(reader, to_broker, asked), self._replies(from_broker, writer, asked)):
            task = self._loop.create_task(self._until_it_ends(pump, ends))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _until_it_ends(
        self, pump: collections.abc.Coroutine[None, None, None], ends: tuple[asyncio.StreamWriter, ...]
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await pump
        for end in ends:
            end.transport.abort()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int]
    ) -> None:
        while True:
            frame = await _frame(reader)
            api, _, number = _REQUEST.unpack_from(frame)
            asked[number] = api
            writer.write(_NUMBER.pack(len(frame)) + frame)
            await writer.drain()

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int]
    ) -> None:
        while True:
            frame = await _frame(reader)
            (number,) = _NUMBER.unpack_from(frame)
            fault = self._fault(asked.pop(number, None))
            if fault is None:
                writer.write(_NUMBER.pack(len(frame)) + frame)
                await writer.drain()
            elif fault.how == "reset":
                return

    def _fault(self, api: int | None) -> Fault | None:
        due = next((fault for fault in self._due if fault.api == api), None)
        if due is not None:
            self._due.remove(due)
            self.struck[due] += 1
        return due


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (size,) = _NUMBER.unpack(await reader.readexactly(_NUMBER.size))
    return await reader.readexactly(size)

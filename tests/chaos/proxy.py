"""A TCP proxy between our processes and a server, which can be told to misbehave; the faults have Toxiproxy's names."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_NOW = struct.pack("ii", 1, 0)
CHUNK = 1 << 16


@dataclass
class Toxics:
    """What is wrong with the network."""

    down: bool = False
    """Connections are refused, those there are reset."""
    timeout: bool = False
    """Nothing is passed on, either way, and nobody is told."""
    latency_seconds: float = 0.0
    cut_behind: bytes = b""
    """A request with these bytes reaches the server; its answer does not come back, and the connection is reset."""
    cuts_left: int = 0
    reset_behind: bytes = b""
    """A request with these bytes does not reach the server: the connection is reset when it comes."""


@dataclass(eq=False)
class _Link:
    """One connection through the proxy."""

    ends: list[asyncio.StreamWriter] = field(default_factory=list)
    doomed: bool = False
    """The next answer is lost, and the connection with it."""

    def reset(self) -> None:
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
            end.transport.abort()


class Proxy:
    """Listens on `port`, passes on to `target`. Change what is wrong with `set`, and `heal` it."""

    def __init__(self, network: Network, target: int) -> None:
        self._network, self._target = network, target
        self._toxics = Toxics()
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.cuts = 0
        """Connections cut by `cut_behind` so far."""
        network.call(self._listen)

    def set(self, **toxics: Any) -> None:
        """Change what is wrong; `down` also resets the connections there are."""
        self._network.call(lambda: self._set(toxics))

    def heal(self) -> None:
        self._network.call(lambda: self._set(vars(Toxics())))

    def reset(self) -> int:
        """Reset all connections; how many there were."""
        return int(self._network.call(self._reset))

    async def _set(self, toxics: dict[str, Any]) -> None:
        for name, value in toxics.items():
            setattr(self._toxics, name, value)
        if self._toxics.down and self._server is not None:
            self._server.close()
            self._server = None
            await self._reset()
        elif not self._toxics.down and self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _reset(self) -> int:
        links = list(self._links)
        for link in links:
            link.reset()
        return len(links)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link([writer])
        self._links.add(link)
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._target)
            link.ends.append(upstream)
            there = asyncio.ensure_future(self._pump(reader, upstream, link, request=True))
            back = asyncio.ensure_future(self._pump(upstream_reader, writer, link, request=False))
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            there.cancel()
            back.cancel()
        except OSError:
            link.reset()
        finally:
            self._links.discard(link)
            for end in link.ends:
                end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link, *, request: bool
    ) -> None:
        toxics = self._toxics
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                if toxics.latency_seconds:
                    await asyncio.sleep(toxics.latency_seconds)
                while toxics.timeout:
                    await asyncio.sleep(0.05)
                if self._breaks(data, link, request):
                    link.reset()
                    return
                writer.write(data)
                await writer.drain()

    def _breaks(self, data: bytes, link: _Link, request: bool) -> bool:
        """Whether the connection ends here, before `data` is passed on."""
        toxics = self._toxics
        if not request:
            return link.doomed
        if toxics.reset_behind and toxics.reset_behind in data:
            return True
        if toxics.cuts_left > 0 and toxics.cut_behind in data:
            toxics.cuts_left -= 1
            self.cuts += 1
            link.doomed = True
        return False


class Network:
    """The thread in which the proxies work."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="network", daemon=True).start()

    def call(self, make: Callable[[], Any]) -> Any:
        """Run a coroutine there and wait for what it gives."""
        return asyncio.run_coroutine_threadsafe(make(), self._loop).result(10)

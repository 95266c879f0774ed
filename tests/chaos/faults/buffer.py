"""Faults of the buffer: T20, T23, T27 to T31, T33; those of its disk are in `disks.py`."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from analytics import buffer
from analytics.buffer import server
from deploy.local.instance import BUFFER
from tests import processes
from tests.chaos import oracle, sender
from tests.chaos.faults import stream
from tests.chaos.oracle import Sent
from tests.chaos.trial import Trial

ANSWER_MS = 1_500.0
"""Half a second for the buffer, and what a busy machine adds."""
RECOVERY_SECONDS = 5.0
SPARE_BYTES = 6 << 20
"""More than the load brings in the time after which what is written is trimmed."""
MOST_PUSHES = 5_000


def kill(trial: Trial) -> None:
    """T20: whatever was acknowledged is there when it comes back; meanwhile 503 or the overflow table."""
    valkey = trial.world.servers.buffer
    valkey.kill()
    trial.pause(1, 4)
    valkey.start()
    trial.world.servers.wait_until_ready(valkey, BUFFER)
    recovers(trial)


def recovers(trial: Trial) -> None:
    """Seconds after the heal, the door answers 2xx at the first try again."""
    if trial.brief:
        return
    healed_at = time.time()
    time.sleep(RECOVERY_SECONDS)

    def check(sent: Sent) -> None:
        after = [one for one in sent.requests if one.at > healed_at + RECOVERY_SECONDS - 0.5]
        bad = [one.answers[0] for one in after if one.answers[0][0] not in (202, "stale")]
        assert after, "nothing was sent after the heal"
        assert not bad, f"{len(bad)} of {len(after)} requests fail long after the heal: {bad[0]}"

    trial.expect(check)


def corrupt(trial: Trial) -> None:
    """T23: it does not start. Repaired, it is older than what is written of it: noticed, and nothing is skipped."""
    trial.loses = "everything"
    world = trial.world
    valkey = world.servers.buffer
    valkey.kill()
    (file,) = world.servers.folder(BUFFER).glob("appendonlydir/*.incr.aof")
    _spoil(file)
    valkey.start()
    assert valkey.wait_for_end(15) != 0, "it started on a file that is corrupt"
    trial.pause(1, 3)
    # The runbook: cut the file off where it stops making sense, and start. The server is this tool too, by that name.
    checker = ["valkey-check-aof", "--fix", str(file)]
    program = world.servers.binaries.valkey
    done = subprocess.run(checker, executable=program, input="y\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the file could not be repaired: {done.stdout[-300:]}"
    valkey.start()
    world.heal()


def _spoil(file: Path) -> None:
    """Make nonsense of where a command begins, half way into the file: of its end the writers may know nothing yet."""
    content = file.read_bytes()
    place = content.index(b"\r\n*", len(content) // 2) + 2
    with file.open("r+b") as spoiled:
        spoiled.seek(place)
        spoiled.write(b"?")


def hang(trial: Trial) -> None:
    """T27: it hangs; answers come all the same, and what was stored although the door said 503 counts once."""
    valkey = trial.world.servers.buffer
    began_at = time.time()
    valkey.send(signal.SIGSTOP)
    trial.pause(3, 12)
    valkey.send(signal.SIGCONT)
    ended_at = time.time()

    def check(sent: Sent) -> None:
        during = [one for one in sent.requests if began_at < one.at < ended_at]
        assert sender.slowest(during) < ANSWER_MS, f"p99 {sender.slowest(during):.0f} ms while the buffer hung"

    trial.expect(check)


def lose_replies(trial: Trial) -> None:
    """T28: stored, but the answer is lost; the client sends it again and it counts once."""
    proxy = trial.world.door_buffer
    before = proxy.cuts
    proxy.set(cut_behind=b"XADD", cuts_left=5 if trial.brief else 20)
    processes.wait_until(lambda: proxy.cuts - before >= (2 if trial.brief else 8), "answers were cut off")
    trial.pause(0.5, 2)
    proxy.heal()
    trial.note = f"{proxy.cuts - before} answers cut off"

    def check(sent: Sent) -> None:
        assert sender.answers(sent.requests)[503] > 0, "the door never said that it does not know"

    trial.expect(check)


def fill_memory(trial: Trial) -> None:
    """T29: 503 at the limit and no eviction; the writers go on, and the door recovers by itself."""
    world = trial.world
    world.stop_writers()
    with world.servers.valkey() as valkey:
        limit = int(valkey.config_get("maxmemory")["maxmemory"])
        valkey.config_set("maxmemory", int(valkey.info("memory")["used_memory"]) + SPARE_BYTES)
        try:
            _fill(trial)
            trial.pause(2, 5)
            for writer in world.writers:
                writer.start()
            oracle.drain()
            if trial.brief:
                # What is written is trimmed after a while; here it is enough that the writers went on.
                valkey.config_set("maxmemory", limit)
            _wait_until_accepted(trial)
        finally:
            valkey.config_set("maxmemory", limit)

    def check(sent: Sent) -> None:
        assert sender.answers(sent.requests)[503] > 0, "the limit was never felt"

    trial.expect(check)


def _fill(trial: Trial) -> None:
    """Hits into the buffer until it takes no more."""
    with contextlib.suppress(buffer.Away):
        for number in range(MOST_PUSHES):
            stream.push(trial, number % settings.BUFFER_PARTS, [stream.hit(trial) for _ in range(20)])


def _wait_until_accepted(trial: Trial) -> None:
    """Until one event after the other is accepted."""
    in_a_row = 0
    deadline = time.monotonic() + 60
    while in_a_row < 10:
        assert time.monotonic() < deadline, "the door did not recover by itself"
        in_a_row = in_a_row + 1 if trial.send_event({"name": "pageview"}) == "accepted" else 0
        time.sleep(0.1)


def empty(trial: Trial) -> None:
    """T30: somebody empties the buffer with entries in it: noticed within a minute, and the books show it."""
    trial.loses = "everything"
    _with_writers_held(trial, lambda valkey: valkey.flushall())


def trim(trial: Trial) -> None:
    """T31: somebody trims entries that nobody has taken."""
    trial.loses = "entries"
    parts = [server.stream(part) for part in range(settings.BUFFER_PARTS)]
    _with_writers_held(trial, lambda valkey: [valkey.xtrim(name, maxlen=0, approximate=False) for name in parts])


def _with_writers_held(trial: Trial, destroy: Callable[[Any], object]) -> None:
    """Do it while entries wait; the writers find out when they go on."""
    for writer in trial.world.writers:
        writer.send(signal.SIGSTOP)
    try:
        trial.pause(1, 3)
        with trial.world.servers.valkey() as valkey:
            destroy(valkey)
        trial.pause(0.3, 2)
    finally:
        for writer in trial.world.writers:
            writer.send(signal.SIGCONT)


def empty_cache(trial: Trial) -> None:
    """T30: the cache is emptied, and goes away: nothing is lost."""
    with trial.world.servers.cache_client() as cache:
        cache.flushall()
    trial.pause(1, 2)
    trial.world.servers.cache.kill()
    trial.pause(1, 3)

    def check(sent: Sent) -> None:
        assert set(sender.answers(sent.requests)) <= {202, "stale"}, f"{dict(sender.answers(sent.requests))}"

    trial.expect(check)


def move_clock(trial: Trial) -> None:
    """T33: the server's clock goes a day ahead and back: what comes next is neither skipped nor trimmed.

    A clock that went ahead leaves an entry whose id lies in the future; the ids that follow stay behind it.
    """
    ahead = int((time.time() + 86_400) * 1000)
    with trial.world.servers.valkey() as valkey:
        for part in range(settings.BUFFER_PARTS):
            valkey.execute_command("XSETID", server.stream(part), f"{ahead}-0")
    trial.pause(2, 4)
    valkey = trial.world.servers.buffer
    valkey.kill()
    valkey.start()
    trial.world.servers.wait_until_ready(valkey, BUFFER)
    trial.note = "the ids a day ahead that such a clock leaves, by XSETID"

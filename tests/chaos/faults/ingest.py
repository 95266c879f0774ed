"""Faults of the ingest pool: T01 to T05, T07 to T09."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterable
from contextlib import suppress

from analytics.sites import create, models
from tests import processes
from tests.chaos import children, oracle, sender
from tests.chaos.oracle import Sent
from tests.chaos.sender import Request
from tests.chaos.trial import RATE, Trial

SLOWEST_MS = 2_000.0
"""What the 99th of a hundred answers may take on a machine that has other things to do."""
GROWTH = 1.3
MOST_503 = 1 / 500
"""While processes start on all cores the buffer's answer may take more than its half second; those come again."""
UNKNOWN = b'{"site":"nobody-knows.example","events":[{"name":"pageview","url":"/"}]}'


def kill_workers(trial: Trial) -> None:
    """T01: requests under way are reset; the others are served."""
    for _ in range(2 if trial.brief else 4):
        os.kill(trial.moments.choice(trial.world.workers()), signal.SIGKILL)
        trial.pause(0.8, 2)


def kill_master(trial: Trial) -> None:
    """T02: the socket is held elsewhere, so nobody is refused while a new master starts."""
    pool = trial.world.pool
    workers = trial.world.workers()
    os.kill(pool.pid, signal.SIGKILL)
    pool.wait_for_end(5)
    pool.start()
    processes.wait_until(lambda: not any(map(_runs, workers)), "the workers notice that their master is gone")
    trial.expect(lambda sent: _never(sent, "refused"))


def _runs(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def hang_worker(trial: Trial) -> None:
    """T03: gunicorn kills it after its timeout (30 s); the other one serves, those it held come again."""
    pid = trial.moments.choice(trial.world.workers())
    began_at = time.time()
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 60
    while pid in trial.world.workers():
        assert time.monotonic() < deadline, "gunicorn never killed the worker that hangs"
        time.sleep(0.2)
    killed_at = time.time()
    time.sleep(5)

    def check(sent: Sent) -> None:
        after = [one for one in sent.requests if one.at > killed_at + 5]
        during = [one for one in sent.requests if began_at < one.at < killed_at]
        assert any(one.answers[0][0] == 202 for one in during), "nobody was served while one worker hung"
        assert sender.slowest(after) < SLOWEST_MS, f"p99 five seconds later is {sender.slowest(after):.0f} ms"

    trial.expect(check)


def reload(trial: Trial) -> None:
    """T04: HUP, USR2, and stop and start on a shared socket: no request fails."""
    pool = trial.world.pool
    for _ in range(3 if trial.brief else 20):
        before = set(trial.world.workers())
        pool.send(signal.SIGHUP)
        # One after the other: gunicorn would keep those that come meanwhile, and USR2 behind them.
        processes.wait_until(lambda old=before: not old & set(trial.world.workers()), "all workers are new ones")  # type: ignore[misc]
        time.sleep(trial.moments.uniform(0, 0.3))
    for _ in range(1 if trial.brief else 2):
        _upgrade(trial)
    pool.stop(30)
    pool.start()

    def check(sent: Sent) -> None:
        _never(sent, "refused", "reset", "timeout", 500, 502)
        answers = sender.answers(sent.requests)
        trial.note = f"{answers[503]} of {answers.total()} answers were 503"
        assert answers[503] <= answers.total() * MOST_503, trial.note

    trial.expect(check)


def _upgrade(trial: Trial) -> None:
    """USR2: a new master beside the old one, which then ends."""
    pool = trial.world.pool

    def master() -> int:
        # One that has only just started takes itself for an upgraded one, and does not listen yet.
        pool.send(signal.SIGUSR2)
        time.sleep(0.5)
        return next((pid for pid in trial.world.workers() if children.children(pid)), 0)

    processes.wait_until(lambda: master() > 0, "a new master works")
    upgraded = master()
    time.sleep(1)
    pool.send(signal.SIGTERM)
    pool.wait_for_end(30)
    # It is nobody's child now: a fresh pool takes its place, on the same socket.
    pool.start()
    time.sleep(1)
    os.kill(upgraded, signal.SIGTERM)
    processes.wait_until(lambda: not _runs(upgraded), "the upgraded master ends")


def stop_during_upload(trial: Trial) -> None:
    """T05: SIGTERM while a body comes slowly: all of it or nothing of it."""
    number = 90_000_001
    event = {"name": "pageview", "url": f"/{number}", "visitor_id": "slow", "event_id": f"{number:032x}"}
    body = json.dumps({"site": trial.site.domain, "events": [event]}).encode()
    with socket.create_connection(("127.0.0.1", trial.world.port), 5) as upload:
        upload.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        stopping = len(body) // 3
        answer = b""
        with suppress(OSError):
            for place in range(0, len(body), 8):
                upload.sendall(body[place : place + 8])
                if place <= stopping < place + 8:
                    trial.world.pool.send(signal.SIGTERM)
                time.sleep(0.1 if trial.brief else 0.4)
            answer = upload.recv(4096)
    status: int | str = int(answer.split(b" ")[1]) if answer else "reset"
    trial.sent.requests.append(Request((number,), True, time.time(), ((status, 0.0, False),)))
    trial.world.pool.wait_for_end(40)
    trial.note = f"the upload got {status}"


def burst(trial: Trial) -> None:
    """T07: ten times the load; what is not taken is told to come again, memory stays, the backlog goes."""
    before = sum(map(children.resident_mb, trial.world.workers()))
    more = trial.load(RATE * 10)
    trial.pause(4, 12)
    after = sum(map(children.resident_mb, trial.world.workers()))
    trial.finish(more)
    took = oracle.drain()
    trial.note = f"{before:.0f} → {after:.0f} MB, drained in {took:.1f} s"

    def check(sent: Sent) -> None:
        answers = sender.answers(sent.requests)
        assert set(answers) <= {202, 429, 503, "timeout", "stale"}, f"answers {dict(answers)}"
        _told_to_come_again(sent.requests)
        assert after < before * GROWTH, f"the pool grew from {before:.0f} to {after:.0f} MB"

    trial.expect(check)


def flood_one_site(trial: Trial) -> None:
    """T08: a site with a limit gets fifty times that; it is told 429, the others notice nothing."""
    flooded = create.site(f"flooded-{trial.site.domain}", organisation="Chaos").site
    models.Site.objects.filter(pk=flooded.pk).update(events_per_minute=120)
    flood = trial.load(RATE * 5, flooded.domain, retries_429=False)
    trial.pause(4, 10)
    answers = sender.answers(requests := trial.finish(flood, counts=False))
    trial.note = f"the flooded site: {answers[202]} times 202, {answers[429]} times 429"
    assert answers[429] > answers[202] > 0, f"the flood was answered {dict(answers)}"
    _told_to_come_again(requests)

    def check(sent: Sent) -> None:
        assert set(sender.answers(sent.requests)) <= {202, "stale"}, f"{dict(sender.answers(sent.requests))}"
        assert sender.slowest(sent.requests) < SLOWEST_MS, f"p99 {sender.slowest(sent.requests):.0f} ms"

    trial.expect(check)


def lose_sites(trial: Trial) -> None:
    """T09: the door cannot look sites up: known ones are counted, of unknown ones it says 503."""
    proxy = trial.world.door_db
    proxy.set(down=True)
    trial.pause(3, 18)  # longer than an answer is remembered
    found = {sender.post(trial.world.port, UNKNOWN)[0] for _ in range(10)}
    proxy.heal()
    assert found == {503}, f"an unknown site was answered {found}"

    def check(sent: Sent) -> None:
        assert set(sender.answers(sent.requests)) <= {202, "stale"}, f"{dict(sender.answers(sent.requests))}"

    trial.expect(check)


def _never(sent: Sent, *unwanted: int | str) -> None:
    answers = sender.answers(sent.requests)
    found = {answer: answers[answer] for answer in unwanted if answers[answer]}
    assert not found, f"requests failed: {found}"


def _told_to_come_again(requests: Iterable[Request]) -> None:
    silent = [a for one in requests for a in one.answers if a[0] in (429, 503) and not a[2]]
    assert not silent, f"{len(silent)} answers {silent[0][0]} have no Retry-After"

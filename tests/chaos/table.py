"""The one table of scenarios, by the numbers of the catalogue of faults."""

from __future__ import annotations

from tests.chaos.faults import buffer, disks, ingest, poison, whole, writer
from tests.chaos.trial import Scenario

ONCE = "stored once, or 503"
KEPT = "batches are kept"

TABLE = (
    Scenario("T01", "workers of the pool are killed", "acknowledged is stored, once", ingest.kill_workers),
    Scenario("T02", "the pool's master is killed", "nobody is refused", ingest.kill_master),
    Scenario("T03", "a worker hangs", "it is killed, others serve", ingest.hang_worker),
    Scenario("T04", "HUP, USR2, stop and start", "no request fails", ingest.reload, worst=True),
    Scenario("T05", "SIGTERM during a slow upload", "all or nothing", ingest.stop_during_upload),
    Scenario("T07", "a burst of ten times the load", "429/503 or stored", ingest.burst),
    Scenario("T08", "one site is flooded", "429 for it alone", ingest.flood_one_site),
    Scenario("T09", "sites cannot be looked up", "known 2xx, unknown 503", ingest.lose_sites),
    Scenario("T20", "the buffer is killed", ONCE, buffer.kill, quick=True, worst=True),
    Scenario("T23", "the buffer's file is corrupt", "does not start; noticed, books show it", buffer.corrupt),
    Scenario("T24", "the buffer's disk is full", ONCE, disks.fill_disk, worst=True),
    Scenario("T25", "the buffer's disk fails (EIO)", ONCE, disks.fail_sync),
    Scenario("T26", "the buffer's disk is slow (200 ms)", "answers stay bounded", disks.slow_sync),
    Scenario("T27", "the buffer hangs", "503 in time; counted once", buffer.hang),
    Scenario("T28", "answers of the buffer are lost", "counted once", buffer.lose_replies, quick=True, worst=True),
    Scenario("T29", "the buffer's memory is full", "503, recovers by itself", buffer.fill_memory, worst=True),
    Scenario("T30", "the buffer is emptied", "noticed, books show it", buffer.empty),
    Scenario("T30c", "the cache is emptied and goes away", "nothing is lost", buffer.empty_cache),
    Scenario("T31", "the buffer is trimmed by somebody", "noticed, books show it", buffer.trim),
    Scenario("T31b", "entries that cannot be read", "the writers go on", poison.unreadable_entries),
    Scenario("T33", "the buffer's clock goes a day ahead", "nothing is skipped", buffer.move_clock),
    Scenario("T34", "a long backlog, cold start", "memory flat, soon at work", whole.backlog),
    Scenario("T40", "a writer is killed at four points", ONCE, writer.kill_at(*writer.POINTS), quick=True),
    Scenario("T40t", "a writer is killed around its trim", ONCE, writer.kill_at(*writer.TRIM_POINTS)),
    Scenario("T40r", "a writer is killed at a random point", ONCE, writer.kill_anywhere, worst=True),
    Scenario("T41", "a writer is overtaken, then goes on", "rows exact", writer.overtake),
    Scenario("T42", "PostgreSQL stops at once mid COPY", KEPT, writer.stop_postgres, quick=True, worst=True),
    Scenario("T42b", "a backend of PostgreSQL is killed", KEPT, writer.kill_backend),
    Scenario("T43", "sessions are ended again and again", KEPT, writer.terminate_backends),
    Scenario("T44", "no connection is left", KEPT, writer.exhaust_connections),
    Scenario("T45", "PostgreSQL is read only", KEPT, writer.read_only),
    Scenario("T46", "the disk of the WAL is full", KEPT, disks.fill_wal),
    Scenario("T47", "somebody locks a table", KEPT, writer.lock_table),
    Scenario("T48", "a deadlock", "tried again", writer.deadlock),
    Scenario(
        "T49", "one bad hit among many", "it alone is set aside", poison.one_of_a_thousand, quick=True, worst=True
    ),
    Scenario("T50", "nothing but bad hits", "all are set aside", poison.nothing_but_poison),
    Scenario("T51", "the quarantine cannot be written", "nothing moves on", poison.lose_quarantine),
    Scenario("T53", "the network resets mid COPY", KEPT, writer.reset_mid_copy),
    Scenario("T53b", "the answer to COMMIT is lost", "rows exact", writer.reset_at_commit, worst=True),
    Scenario("T54", "older and newer formats, mixed (T55)", "all are stored", poison.mix_versions),
    Scenario("T57", "midnight, DST, leap days and seconds", "kept to the microsecond", whole.edges_of_time),
    Scenario("T100", "power cut", ONCE, whole.power_cut, quick=True, worst=True),
)

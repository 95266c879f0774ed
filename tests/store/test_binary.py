"""What is encoded here, PostgreSQL reads as the value it was."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.store import binary, db

pytestmark = pytest.mark.database

NEW_YEAR = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
UUIDS = st.uuids(allow_nil=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
TIMES = st.integers(-(10**15), 5 * 10**15).map(lambda n: NEW_YEAR + dt.timedelta(microseconds=n))
AMOUNTS = st.decimals(-(10**14) + 1, 10**14 - 1, places=4, allow_nan=False)
FIXED = {
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "uuid": UUIDS,
    "timestamptz": TIMES,
}
VARIED = {"text": TEXTS, "uuid": st.none() | UUIDS, "numeric": st.none() | AMOUNTS, "jsonb": st.just('{"ä": "1"}')}
NAMES = [f"f{number}" for number in range(len(FIXED))] + [f"v{number}" for number in range(len(VARIED))]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.tuples(*FIXED.values()), st.tuples(*VARIED.values())), min_size=1, max_size=20))
def test_rows_come_back_as_they_were(stores: None, rows: list[tuple[tuple[object, ...], tuple[object, ...]]]) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, [*FIXED, *VARIED], strict=True))
    fixed = binary.fixed([*FIXED])
    varied = binary.varied([*VARIED], [kind == "text" for kind in VARIED])
    encoded = (binary.count(len(NAMES)) + fixed(numbers) + varied(texts) for numbers, texts in rows)
    with db.transaction() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE encoded (place serial, {columns}) ON COMMIT DROP")
        db.copy_binary(cursor, "encoded", NAMES, encoded)
        cursor.execute(f"SELECT {', '.join(NAMES)} FROM encoded ORDER BY place")
        found = cursor.fetchall()
    assert found == [(*numbers, *texts[:3], {"ä": "1"}) for numbers, texts in rows]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int2", 2**15),
        ("int4", -(2**31) - 1),
        ("int8", 2**63),
        ("int4", "7"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_refused(kind: str, value: object) -> None:
    with pytest.raises(db.UNSTORABLE):
        binary.fixed([kind])([value])


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(db.UNSTORABLE):
        binary.varied(["text"], [True])(["half an emoji: \ud83d"])


def test_large_copies_go_in_blocks(stores: None) -> None:
    texts = [f"{number:06d}" * 500 for number in range(400)]
    varied = binary.varied(["text", "numeric", "uuid"], [False] * 3)
    values = [(text, Decimal("1.5000"), UUID(int=7)) for text in texts]
    with db.transaction() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE large (a text, b numeric, c uuid) ON COMMIT DROP")
        db.copy_binary(cursor, "large", ("a", "b", "c"), (binary.count(3) + varied(row) for row in values))
        cursor.execute("SELECT a, b, c FROM large ORDER BY a")
        assert cursor.fetchall() == values

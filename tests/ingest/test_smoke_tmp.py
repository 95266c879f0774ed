import pytest
from analytics.store import db
pytestmark = pytest.mark.database
@pytest.mark.parametrize("n", range(3))
def test_smoke(record, site, n):
    record([{"url": "/a", "referrer": "https://www.google.com/"}, {"url": "/b"}, {"name": "Signup", "revenue": {"amount": 3, "currency": "EUR"}}])
    with db.transaction() as c:
        c.execute("select name, path, source, channel, country, browser, visit_id, revenue, part, batch from event")
        print(c.fetchall())
        c.execute("select outcome, sum(n) from ledger group by 1")
        print(c.fetchall())
        c.execute("select * from quarantine")
        assert not c.fetchall()

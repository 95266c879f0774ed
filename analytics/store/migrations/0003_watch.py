from pathlib import Path

from django.db import migrations

STATEMENTS = (Path(__file__).parents[1] / "watch.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("store", "0002_exactly_once")]
    operations = [
        migrations.RunSQL(STATEMENTS, "DROP TABLE canary, reading; DROP INDEX quarantine_waiting, ledger_by_minute"),
    ]

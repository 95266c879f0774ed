from pathlib import Path

from django.db import migrations

STATEMENTS = (Path(__file__).parents[1] / "hypertables.sql").read_text()


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.RunSQL(
            STATEMENTS,
            "DROP TABLE overflow, ledger_taken, ledger, quarantine, seen_event, part_offset, event, hit",
        )
    ]

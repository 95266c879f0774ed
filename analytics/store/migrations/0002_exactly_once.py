from pathlib import Path

from django.db import migrations

STATEMENTS = (Path(__file__).parents[1] / "exactly_once.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("store", "0001_hypertables")]
    operations = [migrations.RunSQL(STATEMENTS, migrations.RunSQL.noop)]

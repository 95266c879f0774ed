from pathlib import Path

from django.db import migrations

STATEMENTS = (Path(__file__).parents[1] / "exchange_rates.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("store", "0003_watch")]
    operations = [migrations.RunSQL(STATEMENTS, "DROP TABLE exchange_rate")]

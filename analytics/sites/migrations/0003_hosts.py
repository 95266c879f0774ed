from django.db import migrations, models

import analytics.sites.models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0002_door"),
    ]

    operations = [
        migrations.AlterField(
            model_name="site",
            name="domain",
            field=models.CharField(max_length=253, unique=True, validators=[analytics.sites.models.check_host]),
        ),
        migrations.AlterField(
            model_name="ruleset",
            name="rules",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="A JSON object of the rules that are set; what is left out keeps its default.",
            ),
        ),
    ]

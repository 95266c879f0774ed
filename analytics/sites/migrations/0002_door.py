import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import analytics.sites.models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="events_per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="More than that are answered 429 until the minute is over. Empty: no limit.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="events_per_month",
            field=models.PositiveBigIntegerField(
                blank=True, help_text="More than that in a UTC month are answered 429. Empty: no limit.", null=True
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="excluded_addresses",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text='Visitors whom reports leave out: a list of addresses and networks such as ["203.0.113.0/28"].',
                validators=[analytics.sites.models.check_networks],
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="honour_dnt",
            field=models.BooleanField(
                default=False, help_text="Count nobody who sends DNT: 1.", verbose_name="Honour Do Not Track"
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="honour_gpc",
            field=models.BooleanField(
                default=False,
                help_text="Count nobody who sends Sec-GPC: 1.",
                verbose_name="Honour Global Privacy Control",
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="suspended_at",
            field=models.DateTimeField(blank=True, help_text="Since when nothing is accepted for the site.", null=True),
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
        migrations.AlterField(
            model_name="site",
            name="domain",
            field=models.CharField(max_length=253, unique=True, validators=[analytics.sites.models.check_host]),
        ),
        migrations.CreateModel(
            name="Alias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "protocol",
                    models.CharField(
                        choices=[
                            ("domain", "domain"),
                            ("plausible", "plausible"),
                            ("ga4", "ga4"),
                            ("segment", "segment"),
                            ("umami", "umami"),
                            ("matomo", "matomo"),
                            ("posthog", "posthog"),
                            ("snowplow", "snowplow"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "identifier",
                    models.CharField(
                        max_length=253,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9_.:/{} -]+$", "An id is made of letters, digits, spaces and _ . : / - { }."
                            )
                        ],
                    ),
                ),
                (
                    "trusted",
                    models.BooleanField(
                        default=False,
                        help_text="Only the site's own servers know this id: any past time and the addresses they report are believed.",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="sites.site"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "aliases",
                "constraints": [models.UniqueConstraint(fields=("protocol", "identifier"), name="alias_once")],
            },
        ),
    ]

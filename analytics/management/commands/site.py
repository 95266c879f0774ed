"""`bin/manage site`: sites, their ids and keys."""

from __future__ import annotations

from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.sites import create, models


class Command(BaseCommand):
    help = "Make sites and list them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        make = actions.add_parser("create", help="make a site; prints its ids, keys and snippet")
        make.add_argument("domain", help="such as example.com")
        make.add_argument("--timezone", default="UTC", help="such as Europe/Tallinn; default: UTC")
        make.add_argument("--currency", default="EUR", help="ISO 4217; default: EUR")
        make.add_argument("--organisation", default="Default", help="its name; made when there is none")
        show = actions.add_parser("list", help="show every site")
        for action in (make, show):
            action.add_argument("--json", action="store_true", dest="as_json", help="for scripts")

    def handle(self, *_: Any, action: str, as_json: bool, **options: Any) -> None:
        if action == "list":
            self._show([_facts(site) for site in models.Site.objects.order_by("domain")], as_json)
            return
        wanted = {name: options[name] for name in ("timezone", "currency", "organisation")}
        try:
            made = create.site(options["domain"], **wanted)
        except create.BadSite as error:
            raise CommandError(str(error)) from None
        snippet = create.snippet(made.site, settings.INGEST_URL)
        facts = _facts(made.site) | {"secret_key": made.secret_key, "snippet": snippet}
        self._show(facts, as_json)

    def _show(self, what: dict[str, Any] | list[dict[str, Any]], as_json: bool) -> None:
        if as_json:
            self.stdout.write(msgspec.json.encode(what).decode())
        elif isinstance(what, dict):
            for name, value in what.items():
                self.stdout.write(f"{name.replace('_', ' '):15} {value}")
        elif what:
            for facts in what:
                self.stdout.write(f"{facts['id']:>6}  {facts['domain']:30} {facts['measurement_id']}")
        else:
            self.stdout.write("There is no site yet; `bin/manage site create example.com` makes one.")


def _facts(site: models.Site) -> dict[str, Any]:
    return {
        "id": site.pk,
        "domain": site.domain,
        "timezone": site.timezone,
        "currency": site.currency,
        "uuid": str(site.uuid),
        "measurement_id": site.measurement_id,
        "public_key": site.public_key,
    }

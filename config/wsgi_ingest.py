"""The ingest pool."""

import os

os.environ["POOL"] = "ingest"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

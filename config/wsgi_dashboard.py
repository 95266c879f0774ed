"""The dashboard pool."""

import os

os.environ["POOL"] = "dashboard"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

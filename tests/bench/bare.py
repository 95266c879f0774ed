"""The bare limit of an ingest pool: an empty DRF view that makes one entry durable and says so."""

from __future__ import annotations

import os

os.environ["POOL"] = "ingest"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.buffer import server

settings.ROOT_URLCONF = __name__


class Bare(APIView):
    """One XADD of what came, nothing else."""

    def post(self, request: Request) -> Response:
        server.client().xadd("bare", {"h": request._request.body})
        return Response({"accepted": 1}, 202)

    def get(self, request: Request) -> Response:
        """For those who wait until it answers."""
        return Response()


urlpatterns = [path("v1/events", Bare.as_view()), path("health/ready", Bare.as_view())]
application = get_wsgi_application()

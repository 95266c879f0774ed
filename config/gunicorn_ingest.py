"""gunicorn for the ingest pool: few processes, threads that share their connections to the buffer."""

from config import env, gunicorn_lots

bind = f"{env.text('BIND_HOST', '127.0.0.1')}:{env.number('INGEST_PORT', 8001, least=1, most=65535)}"
workers = env.number("INGEST_WORKERS", 2, least=1)
worker_class = gunicorn_lots.LotWorker
threads = env.number("INGEST_THREADS", 16, least=1)
backlog = 2048
timeout = 30
graceful_timeout = 20
keepalive = 15
control_socket_disable = True
accesslog = None
# Addresses are never logged; the door's own counters say what came.
errorlog = "-"
# What gunicorn would take from a proxy's headers (scheme, path), the door has no use for.
forwarded_allow_ips = ""
limit_request_line = 8190
limit_request_fields = 100

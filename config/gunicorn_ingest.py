"""gunicorn for the ingest pool: few processes, threads that share their connections to the buffer."""

from config import env, gunicorn_worker

bind = f"{env.text('BIND_HOST', '127.0.0.1')}:{env.number('INGEST_PORT', 8001, least=1, most=65535)}"
workers = env.number("INGEST_WORKERS", 2, least=1)
worker_class = gunicorn_worker.Worker
threads = env.number("INGEST_THREADS", 16, least=1)
backlog = 2048
timeout = 30
graceful_timeout = 20
keepalive = 15
control_socket_disable = True
accesslog = None
# Addresses are never logged; the door's own counters say what came.
errorlog = "-"
limit_request_line = 8190
limit_request_fields = 100
# A client's words, also through a proxy on this machine, that gunicorn would believe about the path, and the scheme is
# nobody's matter here: a SCRIPT_NAME that is no part of the path was a 500, two schemes a 400.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

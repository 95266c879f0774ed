"""gunicorn for the dashboard pool."""

from config import env, gunicorn_worker

bind = f"{env.text('BIND_HOST', '127.0.0.1')}:{env.number('DASHBOARD_PORT', 8000, least=1, most=65535)}"
workers = env.number("DASHBOARD_WORKERS", 2, least=1)
worker_class = gunicorn_worker.Worker
threads = env.number("DASHBOARD_THREADS", 32, least=1)
timeout = 60
graceful_timeout = 20
keepalive = 15
control_socket_disable = True
accesslog = None
errorlog = "-"
# Clients may send these too, also through a proxy on this machine: a SCRIPT_NAME outside the path was a 500.
forwarder_headers = ""

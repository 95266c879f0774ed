"""Every setting, in one file. docs/settings.md says what each variable does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
POOL = env.text("POOL", "dashboard")
"""`ingest` or `dashboard`: set by the pool's own wsgi module."""

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "portal.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular_sidecar",
    "cacheops",
    "analytics",
    "analytics.store",
    "analytics.sites",
    "analytics.reprocess",
    "analytics.dashboard",
    "portal.apps.PortalConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.headers.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "analytics.dashboard.client.Watch",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

if POOL == "ingest":
    MIDDLEWARE = []
    # What the door needs: staff pages bring the lake with them, for a second of start and 100 MB in each process.
    INSTALLED_APPS = [
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "cacheops",
        "analytics",
        "analytics.store",
        "analytics.sites",
    ]
ROOT_URLCONF = f"config.urls_{POOL}"
WSGI_APPLICATION = None
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- stores ---
DATABASES = {"default": env.database("DATABASE_URL")}
if POOL == "dashboard":  # its threads keep their connections: to log in takes longer than what a page looks up
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
BUFFER_URL = env.text("BUFFER_URL")
BUFFER_PARTS = env.number("BUFFER_PARTS", 4, least=1, most=1024)
CACHE_URL = env.text("CACHE_URL")
LAKE_URL = env.text("LAKE_URL", (BASE_DIR / ".recount" / "lake").as_uri())
LAKE_CACHE_DIR = env.text("LAKE_CACHE_DIR", str(BASE_DIR / ".recount" / "lake-cache"))
LAKE_CACHE_BYTES = env.number("LAKE_CACHE_MB", 4096, least=64) << 20
HOT_DAYS = env.number("HOT_DAYS", 30, least=4)

if LAKE_URL.startswith("s3://"):
    _bucket, _, _prefix = LAKE_URL.removeprefix("s3://").partition("/")
    _lake = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _bucket,
            "location": _prefix,
            "endpoint_url": env.text("AWS_ENDPOINT_URL", "") or None,
            "region_name": env.text("AWS_DEFAULT_REGION", "us-east-1"),
            "file_overwrite": True,
            "default_acl": None,
        },
    }
else:
    _lake = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": LAKE_URL.removeprefix("file://")},
    }
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "lake": _lake,
}

# --- reports ---
REPORT_HOT_SPAN_DAYS = env.number("REPORT_HOT_SPAN_DAYS", 2, least=0, most=HOT_DAYS)
REPORT_THREADS = env.number("REPORT_THREADS", 2, least=1, most=256)
REPORT_MEMORY_MB = env.number("REPORT_MEMORY_MB", 1024, least=64)
REPORT_QUESTIONS = env.number("REPORT_QUESTIONS", 4, least=1, most=256)
REPORT_TIMEOUT_SECONDS = env.number("REPORT_TIMEOUT_SECONDS", 30, least=1, most=3600)

# --- ingest ---
VISITOR_KEY = env.text("VISITOR_KEY", SECRET_KEY)
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
CLIENT_ADDRESS_HEADER = env.text("CLIENT_ADDRESS_HEADER", "X-Forwarded-For").lower()
REQUESTS_PER_ADDRESS = env.number("REQUESTS_PER_ADDRESS", 0)
GEOIP_DB = env.text("GEOIP_DB", "")

# --- cache ---
CACHEOPS_REDIS = CACHE_URL
CACHEOPS_CLIENT_CLASS = "analytics.sites.cache_server.CacheServer"
CACHEOPS_DEGRADE_ON_FAILURE = True
CACHEOPS_DEFAULTS = {"timeout": 15}
CACHEOPS = {
    "sites.site": {"ops": {"get", "fetch"}},
    "sites.alias": {"ops": {"get", "fetch"}},
    "sites.secretkey": {"ops": {"get", "fetch"}},
    "sites.ruleset": {"ops": {"get", "fetch"}},
}

# --- tasks ---
CELERY_BROKER_URL = env.text("BROKER_URL", CACHE_URL)
EXPORT_SECONDS = env.number("EXPORT_SECONDS", 180, least=5, most=1800)

# --- pages ---
LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / ".recount" / "static"))
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("HTTPS_ONLY")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
INGEST_URL = env.text("INGEST_URL", f"http://127.0.0.1:{env.number('INGEST_PORT', 8001, most=65535)}")
CANARY_URL = env.text("CANARY_URL", INGEST_URL)
METRICS_TOKEN = env.text("METRICS_TOKEN", "")

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
if POOL == "dashboard":  # the ingest pool describes itself by its table of formats
    REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "analytics.dashboard.api.openapi.Schema"
SPECTACULAR_SETTINGS = {
    "TITLE": "Recount, the APIs that read numbers",
    "VERSION": "1",
    "DESCRIPTION": "Every call carries an API key: `Authorization: Bearer KEY`. docs/apis.md tells the rest.",
    "OAS_VERSION": "3.1.0",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
STATS_API_REQUESTS_PER_HOUR = env.number("STATS_API_REQUESTS_PER_HOUR", 600, least=1)

FAIL_POINT = env.text("FAIL_POINT", "")

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"pyiceberg": {"level": "WARNING"}, "botocore": {"level": "WARNING"}},
}
# A line for each column of text in each file that is written: they have no bounds, and want none.
LOGGING["loggers"]["pyiceberg.io.pyarrow"] = {"level": "ERROR"}
# A Host that is none of ours is answered 400: with a traceback each, whoever tries names would fill the log.
LOGGING["loggers"]["django.security.DisallowedHost"] = {"level": "CRITICAL"}
if POOL == "ingest":
    # A line for each refusal would be a flood, and the door counts them.
    LOGGING["loggers"]["django.request"] = {"level": "ERROR"}
    # The same for each HEAD: gunicorn drops the body, as it must.
    LOGGING["loggers"]["gunicorn.http.wsgi"] = {"level": "ERROR"}

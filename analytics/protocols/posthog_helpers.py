"""What PostHog's clients ask for besides: feature flags, of which there are none, and a project's configuration."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from analytics.protocols import wire

_KEY = re.compile(r"/array/([\w.-]{1,200})/config(\.js)?/?", re.ASCII)
_FLAGS: dict[str, Any] = {
    "flags": {},
    "featureFlags": {},
    "featureFlagPayloads": {},
    "errorsWhileComputingFlags": False,
}
"""`flags` is for /flags?v=2 and later, `featureFlags` for what came before."""
_CONFIG: dict[str, Any] = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "analytics": {"endpoint": "/i/v0/e/"},
    "defaultIdentifiedOnly": True,
    "elementsChainAsString": True,
    "autocapture_opt_out": False,
    "autocaptureExceptions": False,
    "captureDeadClicks": False,
    "capturePerformance": False,
    "errorTracking": {"autocaptureExceptions": False},
    "heatmaps": False,
    "sessionRecording": False,
    "siteApps": [],
    "toolbarParams": {},
}
"""Everything off that would load a script from here or send what is no event. Without `surveys`: posthog-js loads the
script of surveys whether there are any or not, unless nothing is said of them."""


def flags(_: wire.Request, __: Callable[[str], str | None]) -> wire.Reply:
    """No flag is on, whoever asks."""
    return wire.Reply(200, msgspec.json.encode(_FLAGS | {"config": {"enable_collect_everything": True}} | _CONFIG))


def config(request: wire.Request, domain_of: Callable[[str], str | None]) -> wire.Reply:
    """The configuration of a project, as JSON or as the script that posthog-js loads."""
    found = _KEY.fullmatch(request.path)
    if found is None or domain_of(found[1]) is None:
        return wire.Reply(404, b'{"detail":"Not found."}')
    settings = msgspec.json.encode(_CONFIG | {"token": found[1]})
    if not found[2]:
        return wire.Reply(200, settings)
    # The key is letters, digits, dots and hyphens: nothing ends the script.
    script = b'(window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{})["%s"]={"config":%s,"siteApps":[]};\n'
    return wire.Reply(200, script % (found[1].encode(), settings), "application/javascript")

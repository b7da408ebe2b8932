"""How uvicorn runs an app of ours."""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette


def uvicorn_config(app: Starlette, *, grace: int) -> uvicorn.Config:
    """No log of requests, no websockets, no header that names the server.

    Args:
        grace: seconds that requests under way have to end when the server stops.
    """
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=grace,
    )

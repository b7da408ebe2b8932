"""The page of a watched shop and its server: snapshots go to every browser, actions come back.

``GET /`` the page, ``GET /about``, ``GET /events`` (server-sent events), ``POST /actions``. Nothing on the
page comes from elsewhere. While no browser listens the shop stands still.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ...core.errors import InvalidInput
from ...policies.serving.request_schema import Refusal, read_json
from ...policies.serving.sender import allowed_hosts, check_sender
from ...policies.serving.uvicorn_config import uvicorn_config
from .session import WatchSession

LOGGER = logging.getLogger("shopgym.watch")
HOST = "127.0.0.1"
FILES = {"/": ("page.html", "text/html"), "/page.css": ("page.css", "text/css")} | {
    f"/{name}.js": (f"{name}.js", "text/javascript") for name in ("page", "charts")
}
"""What is sent as it lies beside this module: path, file, content type."""
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FRAMES_PER_SECOND = 5.0
"""Snapshots a second, at most; a faster shop takes several steps between two."""
MOST_BROWSERS = 16
LONGEST_BODY = 10_000
QUIET = 15.0
"""Seconds without a snapshot after which a comment is sent, so that a lost connection shows."""
END = ""
"""In place of a snapshot: the server ends."""
Handler = Callable[[Request], Awaitable[Response]]


class WatchServer:
    """One session and the browsers that watch it.

    Attributes:
        browsers: of each open stream the latest snapshot that it has not sent, so that a slow one skips the
            others; ``END`` ends it.
    """

    def __init__(self, session: WatchSession, hosts: Collection[str] | None = None) -> None:
        self.session, self.hosts = session, hosts
        self.browsers: set[asyncio.Queue[str]] = set()
        self._changed = asyncio.Event()
        self._session_lock = asyncio.Lock()
        self._failure: dict[str, Any] | None = None
        self._latest = _json(self._snapshot())

    # the shop goes on

    async def play(self) -> None:
        """Let the shop go on while it runs and somebody watches; never returns."""
        while True:
            self._changed.clear()
            if not self.session.running or not self.browsers:
                await self._changed.wait()
                continue
            started, speed = monotonic(), self.session.steps_per_second
            steps = max(1, round(speed / FRAMES_PER_SECOND))
            try:
                await self._do(partial(self.session.step, steps))
            except InvalidInput as error:  # nobody comes any more
                self._failure = _error(error.field, error.value, error.fix)
                await self._do(partial(self.session.act, {"action": "pause"}))
            pause = steps / speed - (monotonic() - started)
            with suppress(TimeoutError):  # an action ends the pause
                await asyncio.wait_for(self._changed.wait(), max(pause, 0.001))

    async def _do(self, work: Callable[[], None]) -> None:
        """Change the session in another thread, one change at a time, and show what came of it."""
        async with self._session_lock:
            try:
                await asyncio.to_thread(work)
            except InvalidInput:
                raise
            except Exception:
                LOGGER.exception("the shop stopped by a fault")
                self.session.running = False
                fix = "this is a fault of the shop: see what it printed, and start it again"
                self._failure = _error("shop", None, fix)
            finally:
                self._latest = _json(self._snapshot())
        self._send(self._latest)

    def end_streams(self) -> None:
        """End all streams: by themselves they never do."""
        self._send(END)

    def _send(self, text: str) -> None:
        for browser in self.browsers:
            if browser.full():
                browser.get_nowait()
            browser.put_nowait(text)

    def _snapshot(self) -> dict[str, Any]:
        return {**self.session.snapshot(), "failure": self._failure}

    # the routes

    async def file(self, request: Request) -> Response:
        """The page and its parts."""
        name, kind = FILES[request.url.path]
        return Response((Path(__file__).parent / name).read_bytes(), media_type=kind, headers=HEADERS)

    async def about(self, request: Request) -> Response:
        """What does not change."""
        return _answer(self.session.about())

    async def events(self, request: Request) -> Response:
        """The snapshots, as they come."""
        if len(self.browsers) >= MOST_BROWSERS:
            raise Refusal(503, "browsers", len(self.browsers), "too many watch this shop: close one of them")
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=HEADERS)

    async def _stream(self) -> AsyncIterator[str]:
        browser: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
        browser.put_nowait(self._latest)
        self.browsers.add(browser)
        self._changed.set()
        try:
            while True:
                try:
                    text = await asyncio.wait_for(browser.get(), QUIET)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if text == END:
                    return
                yield f"event: shop\ndata: {text}\n\n"
        finally:  # the browser has gone
            self.browsers.discard(browser)

    async def actions(self, request: Request) -> Response:
        """Do what somebody at the page asks for."""
        action = read_json(await _body(request))
        await self._do(partial(self.session.act, action))
        self._changed.set()
        return _answer({"steps": self.session.snapshot()["steps"]})

    def answering(self, handler: Handler) -> Handler:
        """``handler`` for known senders only, with errors turned into answers."""

        async def answer(request: Request) -> Response:
            try:
                check_sender(request.method, request.headers, self.hosts)
                return await handler(request)
            except InvalidInput as error:
                body = {"error": _error(error.field, error.value, error.fix)}
                return _answer(body, getattr(error, "status", 422))

        return answer


def make_app(session: WatchSession, hosts: Collection[str] | None = None) -> Starlette:
    """The ASGI application.

    Args:
        session: what is watched.
        hosts: names by which it may be called, see :func:`.sender.check_sender`; None = any.
    """
    server = WatchServer(session, hosts)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        playing = asyncio.create_task(server.play())
        yield
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing

    gets = [(path, server.file) for path in FILES] + [("/about", server.about), ("/events", server.events)]
    routes = [Route(path, server.answering(handler), methods=["GET"]) for path, handler in gets]
    routes.append(Route("/actions", server.answering(server.actions), methods=["POST"]))
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _no_route})
    app.state.server = server
    return app


class WatchUvicorn(uvicorn.Server):
    """Uvicorn, which ends the streams before it waits for requests to end."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(uvicorn_config(app, grace=5))
        self.app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self.app.state.server.end_streams()
        await super().shutdown(sockets)


def open_listener(port: int) -> socket.socket:
    """A socket of this machine that waits for browsers; port 0 takes a free one.

    Raises:
        InvalidInput: the port is in use or no port.
    """
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise InvalidInput("--port", port, f"cannot listen there ({error}): choose another, or 0") from error


def serve_watch(
    session: WatchSession,
    listener: socket.socket,
    *,
    allow_hosts: Sequence[str] = (),
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT. Call it from the main thread, which is where signals arrive.

    Args:
        session: what is watched.
        listener: of :func:`open_listener`.
        allow_hosts: further names by which the page may be called.
        announce: called with the URL when browsers may come.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = WatchUvicorn(make_app(session, allowed_hosts(HOST, allow_hosts)))

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    announce(f"http://{HOST}:{listener.getsockname()[1]}")
    server.run(sockets=[listener])


async def _body(request: Request) -> bytes:
    """The body; reading stops at the longest that is allowed."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_BODY:
                raise Refusal(413, "body", f"{len(body)} bytes or more", f"send at most {LONGEST_BODY} bytes")
    except ClientDisconnect:
        raise Refusal(400, "body", f"{len(body)} bytes", "the connection broke: send it again") from None
    return body


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _answer(value: Mapping[str, Any], status: int = 200) -> Response:
    return Response(_json(value), status, media_type="application/json", headers=HEADERS)


def _error(field: str, value: object, fix: str) -> dict[str, Any]:
    return {"field": field, "value": f"{value!r:.120}", "fix": fix}


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    fix = "the paths are GET /, /about, /events and POST /actions"
    return _answer({"error": _error("path", f"{request.method} {request.url.path}", fix)}, status)

"""The server: ranks over HTTP; every answer is in the log before it is sent.

``POST /rank``, ``POST /reward``, ``POST /stock``, ``GET /healthz``, ``/readyz``, ``/info``; see
``docs/serving.md``. One process serves one bundle and owns one log folder.
"""

from __future__ import annotations

import json
import logging
import re
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from math import isfinite
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..._version import __version__
from ...core.errors import InvalidInput
from ...core.files import require_outside_bundle
from ..decision_log.journal import Journal
from .bundle import OVERRIDE, Bundle
from .request_schema import (
    MAX_BODY,
    MAX_EVENTS,
    MAX_ID,
    REWARD_FIELDS,
    Refusal,
    check_fields,
    read_json,
    read_numbers,
    uint64_id,
)
from .sender import allowed_hosts, check_sender
from .service import ASK_AGAIN, RankingService, decision_record, header_record, same_decision
from .uvicorn_config import uvicorn_config

LOGGER = logging.getLogger("shopgym.server")
EVENT_NAME = re.compile(rf"[a-z0-9_]{{1,{MAX_ID}}}")
Handler = Callable[[Request], Awaitable[Response]]


class ShopServer:
    """The routes over one ranking service and one journal."""

    def __init__(self, bundle: Bundle, log_dir: Path, hosts: Collection[str] | None = None) -> None:
        self.hosts = hosts
        self.ranker = RankingService(bundle)
        guard_state = self.ranker.guard_state
        self.journal = Journal(log_dir, header_record(bundle), guard_state.replay)
        guard_state.replayed()
        self.ranker.set_stock(self.journal.stock)
        if self.journal.torn:
            LOGGER.warning(
                "moved %d bytes of an incomplete record out of the log in %s", self.journal.torn, log_dir
            )
        if bundle.override:
            LOGGER.warning("%s serves although the gate refused it: %s", bundle.policy.name, bundle.override)
        self.answers: Counter[str] = Counter()

    async def rank(self, request: Request) -> Response:
        """Decide a request; the decision is in the log before it is answered."""
        asked = self.ranker.read(read_json(await _body(request)))
        earlier: Mapping[str, Any] | None = self.journal.decision(int(asked.requests.request_id[0]))
        if earlier is not None:
            asked = self.ranker.repeat(asked, earlier)
        decisions = self.ranker.decide(asked)
        record = decision_record(asked, decisions)
        if earlier is None:
            self.ranker.guard_state.decided(asked.requests, decisions)
            earlier = await self.journal.add_decision(record)
        if earlier is not None and not same_decision(record, earlier, asked):
            fix = f"it was used for another request, or stock or policy changed: {ASK_AGAIN}"
            raise Refusal(409, "request_id", asked.id, fix)
        return _json(self.ranker.answer(asked, decisions))

    async def reward(self, request: Request) -> Response:
        """Write the rewards of an earlier decision, once."""
        body = read_json(await _body(request))
        check_fields(body, REWARD_FIELDS, ("request_id", "rewards"))
        request_id = uint64_id(body["request_id"])
        decision = self.journal.decision(request_id)
        if decision is None or decision["id"] != body["request_id"]:
            fix = "no decision has this id: send what /rank got"
            raise Refusal(404, "request_id", body["request_id"], fix)
        record = _reward_record(request_id, body, decision["positions"])
        earlier = await self.journal.add_reward(record)
        if earlier is None:
            self.ranker.guard_state.rewarded(decision, record["events"])
        if earlier is not None and earlier != record:
            fix = "it has another reward already: the first one stays"
            raise Refusal(409, "request_id", body["request_id"], fix)
        return _json({"request_id": body["request_id"], "duplicate": earlier is not None})

    async def stock(self, request: Request) -> Response:
        """Change what is available, from the next decision on and over restarts."""
        stock = self.ranker.read_stock(read_json(await _body(request)))
        await self.journal.add_stock(stock)
        self.ranker.set_stock(stock)
        return _json({"changed": len(stock), "out_of_stock": self.ranker.out_of_stock})

    async def healthz(self, request: Request) -> Response:
        """Answers while the process lives; names the override of a policy that the gate refused."""
        return _json({"status": "alive"} | self._override())

    async def readyz(self, request: Request) -> Response:
        """Whether a decision could be written now: it is tried, because a disk fills and is freed."""
        try:
            await self.journal.try_write()
        except OSError as error:
            return _json({"status": f"the log cannot be written: {error.strerror}"}, 503)
        return _json({"status": "ready"} | self._override())

    async def info(self, request: Request) -> Response:
        """The bundle, its evidence, counts of decisions, rewards and answers, and what its guards changed."""
        bundle = self.ranker.bundle
        counts = {"out_of_stock": self.ranker.out_of_stock, "torn_bytes": self.journal.torn}
        answer = {
            "version": __version__,
            "bundle_hash": bundle.hash,
            **self._override(),
            "manifest": {name: value for name, value in bundle.manifest.items() if name != "files"},
            "evidence": bundle.evidence,
            "counts": self.journal.counts | counts,
            "guards": self.ranker.guard_state.report(),
            "answers": dict(self.answers),
        }
        return _json(answer)

    def _override(self) -> dict[str, str]:
        reason = self.ranker.bundle.override
        return {OVERRIDE: f"the gate refused this policy; it serves because: {reason}"} if reason else {}

    def answering(self, handler: Handler) -> Handler:
        """``handler`` with errors turned into answers; answers are counted by path and status."""

        async def answer(request: Request) -> Response:
            try:
                check_sender(request.method, request.headers, self.hosts)
                response = await handler(request)
            except InvalidInput as error:
                response = _refusal(getattr(error, "status", 422), error.field, error.value, error.fix)
            except OSError as error:
                fix = "free or repair the disk; nothing was decided or stored, send it again"
                response = _refusal(503, "log", error.strerror, fix)
            except Exception:
                LOGGER.exception("a fault of the server at %s %s", request.method, request.url.path)
                response = _refusal(500, "server", None, "this is a fault of the server: see what it printed")
            self.answers[f"{request.url.path} {response.status_code}"] += 1
            return response

        return answer


def make_app(bundle: Bundle, log_dir: Path, hosts: Collection[str] | None = None) -> Starlette:
    """The ASGI application; it keeps the log folder open until its lifespan ends.

    Args:
        bundle: from :func:`.bundle.load_bundle`.
        log_dir: the server's own folder.
        hosts: names by which it may be called, see :func:`.sender.check_sender`; None = any.

    Raises:
        InvalidInput: ``log_dir`` cannot be written or lies in a bundle, another process writes there, or its
            log is damaged.
    """
    require_outside_bundle("log_dir", log_dir)
    try:
        server = ShopServer(bundle, log_dir, hosts)
    except OSError as error:
        raise InvalidInput("log_dir", str(log_dir), f"it cannot be written ({error.strerror})") from error

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await server.journal.close()

    posts = [("/rank", server.rank), ("/reward", server.reward), ("/stock", server.stock)]
    gets = [("/healthz", server.healthz), ("/readyz", server.readyz), ("/info", server.info)]
    routes = [Route(path, server.answering(handler), methods=["POST"]) for path, handler in posts]
    routes += [Route(path, server.answering(handler), methods=["GET"]) for path, handler in gets]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _no_route})


def serve(
    bundle: Bundle,
    *,
    log_dir: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    allow_hosts: Sequence[str] = (),
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; then requests in progress are answered and the log is closed.

    Call it from the main thread, which is where signals arrive.

    Args:
        bundle: from :func:`.bundle.load_bundle`.
        log_dir: the server's own folder.
        host: address to listen on; anyone who reaches it may ask for decisions and send rewards.
        port: 0 takes a free one.
        allow_hosts: further names by which it may be called, e.g. that of a proxy on this machine; see
            :func:`.sender.allowed_hosts`.
        announce: called with the URL when connections are accepted.

    Raises:
        InvalidInput: the address or the log folder cannot be used.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        fix = f"cannot listen there ({error}): choose another"
        raise InvalidInput("port", f"{host}:{port}", fix) from error
    with listener:
        # asyncio sets this only on sockets that it makes; without it each answer waits 40 ms for an ACK
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = make_app(bundle, log_dir, allowed_hosts(host, allow_hosts))
        server = uvicorn.Server(uvicorn_config(app, grace=10))

        def stop(number: int, frame: FrameType | None) -> None:
            server.should_exit = True

        # uvicorn raises the signal again after a clean end; with this handler the exit code stays 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        shown = f"[{host}]" if ":" in host else host
        announce(f"http://{shown}:{listener.getsockname()[1]}")
        server.run(sockets=[listener])


async def _body(request: Request) -> bytes:
    """The body; reading stops at the longest that is allowed."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise Refusal(413, "body", f"{size} bytes or more", f"send at most {MAX_BODY} bytes")
    except ClientDisconnect:
        raise Refusal(400, "body", f"{size} bytes", "the connection broke: send it again") from None
    return b"".join(chunks)


def _reward_record(request_id: int, body: dict[str, Any], positions: list[int]) -> dict[str, Any]:
    events = body.get("events")
    if events is None:
        events = {}
    if not isinstance(events, dict) or len(events) > MAX_EVENTS:
        raise Refusal(422, "events", events, f"give at most {MAX_EVENTS} lists of numbers by name")
    for name in events:
        if not EVENT_NAME.fullmatch(name):
            raise Refusal(422, f"events.{name}", name, f"name events with a-z, 0-9 and _, at most {MAX_ID}")
    read = {"rewards": body["rewards"], **{f"events.{name}": values for name, values in events.items()}}
    numbers = {field: read_numbers(field, values, len(positions)) for field, values in read.items()}
    for field, values in numbers.items():
        for slot, (value, position) in enumerate(zip(values, positions, strict=True)):
            if position < 0 and value:
                raise Refusal(422, f"{field}[{slot}]", value, "the slot was empty: give 0")
    reward = numbers.pop("rewards")
    return {
        "kind": "reward",
        "request_id": request_id,
        "reward": reward,
        "events": {field.removeprefix("events."): values for field, values in numbers.items()},
    }


def _json(value: Any, status: int = 200) -> Response:
    # ASCII, because a lone surrogate in an echoed string has no UTF-8
    body = json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    return Response(body, status, media_type="application/json")


def _refusal(status: int, field: str, value: object, fix: str) -> Response:
    plain = (
        value is None or isinstance(value, (bool, str, int)) or (isinstance(value, float) and isfinite(value))
    )
    shown = value if plain and len(repr(value)) <= 120 else f"{value!r:.120}"
    return _json({"error": {"field": field[:200], "value": shown, "fix": fix}}, status)


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    fix = "the paths are POST /rank, /reward, /stock and GET /healthz, /readyz, /info"
    return _refusal(status, "path", f"{request.method} {request.url.path}", fix)

"""Who may send a request: programs, but no web page of another site.

A browser on the machine of the server reaches it too, and any page that it shows may send requests there
without asking. Browsers send three things that tell: the site of the page (``Origin``), the name that was
called (``Host``: another site may let its own name point to this machine), and the content type. A page may
send ``application/json`` to another site only after asking, and this server never agrees.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address

from .request_schema import Refusal

JSON = "application/json"


def allowed_hosts(host: str, more: Collection[str] = ()) -> frozenset[str] | None:
    """The names by which a server that listens on the address ``host`` may be called; None = any.

    A server for this machine only is called by the names of this machine, and by ``more``. Any other one is
    called by any name, unless ``more`` names them.
    """
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if local:
        shown = f"[{host}]" if ":" in host else host
        return frozenset({"localhost", "127.0.0.1", "[::1]", shown, *more})
    return frozenset(more) or None


def check_sender(method: str, headers: Mapping[str, str], hosts: Collection[str] | None) -> None:
    """Refuse what a page of another site can send.

    Args:
        method: of the request; a ``POST`` must have the content type ``application/json``.
        headers: by lower-case name.
        hosts: names that ``Host`` may have, without the port; None = any.

    Raises:
        Refusal: 403 the host or the origin; 415 the content type.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    if hosts is not None and re.sub(r":\d*$", "", host).lower() not in hosts:
        fix = f"the server is called {', '.join(sorted(hosts))}: use that, or start it with --allow-host"
        raise Refusal(403, "Host", host, fix)
    if origin is not None and origin.partition("://")[2] != host:
        raise Refusal(
            403, "Origin", origin, "pages of another site may not call it: let their server call it"
        )
    sent = headers.get("content-type", "")
    if method == "POST" and sent.partition(";")[0].strip().lower() != JSON:
        raise Refusal(415, "Content-Type", sent, f"send JSON with the header Content-Type: {JSON}")

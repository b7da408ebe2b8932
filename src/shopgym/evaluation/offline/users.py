"""Users who come back: whether intervals take users as independent, or rounds."""

from __future__ import annotations

from ...core.errors import InvalidInput
from ...core.types import I64, AnyArray
from ..intervals.clusters import cluster_codes
from .verdict import CAUTION, Reason

NO_USERS = "intervals by user need a decision log, or a table in memory and the column that names its users"
STREAMED = "users may come back, and the interval of a streamed log takes its rounds as independent"


def user_clusters(users: AnyArray | None, by_user: bool | None) -> tuple[I64 | None, tuple[Reason, ...]]:
    """(n,) the cluster of each round, or None for independent rounds; and what is then doubtful.

    Args:
        users: (n,) labels, or None where the log does not say.
        by_user: None: by user where users come back. True: by user in any case. False: never, and where users
            come back that is a doubt about every number.

    Raises:
        InvalidInput: ``by_user`` is true and the log does not name its users.
    """
    if users is None:
        if by_user:
            raise InvalidInput("by_user", by_user, NO_USERS)
        return None, ()
    code = cluster_codes(users)
    count = int(code.max()) + 1 if len(code) else 0
    if count == len(code) and not by_user:
        return None, ()
    if by_user is not False:
        return code, ()
    doubt = f"{count:,} users made {len(code):,} rounds, and the interval takes the rounds as independent"
    return None, ((CAUTION, doubt),)

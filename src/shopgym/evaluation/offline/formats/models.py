"""Policies that are no words: models, functions, matrices and series become columns of the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import AnyArray
from ....tables import as_text
from .columns import Columns
from .target import natural

if TYPE_CHECKING:
    import pandas as pd

CHOSEN = "(policy)"
"""The column with the actions that such a policy takes."""
PREFIX = "(policy) "
"""What the columns with its probabilities begin with."""
SKLEARN, PROBA = "sklearn", "sklearn-proba"
ACCEPTED = (
    "write it in a word, e.g. uniform, or give a series or an array of actions (n,), a matrix of "
    "probabilities (n, A), a scikit-learn classifier, or a function from the table to one of these"
)


def policy_columns(frame: pd.DataFrame, policy: Any, columns: Columns) -> tuple[pd.DataFrame, str]:
    """The frame with the columns of a policy, and the word for it; a policy in a word stays as it is.

    Args:
        frame: of the log, its actions as text.
        policy: a word; ``sklearn:FILE`` or ``sklearn-proba:FILE``, a classifier saved by skops that
            chooses, or draws by its probabilities; a classifier, which chooses; a series or array (n,) of
            actions; a matrix (n, A) of probabilities, its columns in the order of ``columns.actions`` or else
            of the sorted actions of the log; a table of probabilities whose columns are the actions; or a
            function from the table to one of these.
        columns: resolved.

    Raises:
        InvalidInput: none of these, a file that holds no such model, a shape that does not fit.
    """
    if isinstance(policy, str):
        kind, _, file = policy.partition(":")
        if kind not in (SKLEARN, PROBA) or policy in frame.columns:
            return frame, policy
        return _of_model(frame, load_model(file, policy), columns, draws=kind == PROBA)
    if hasattr(policy, "predict"):
        return _of_model(frame, policy, columns, draws=False)
    values = policy(frame.copy(deep=False)) if callable(policy) else policy
    return _of_values(frame, values, columns)


def load_model(file: str, policy: str) -> Any:
    """A model saved by ``skops.io.dump``; nothing in the file is run.

    Raises:
        InvalidInput: skops is not installed, there is no such file, or it holds types that are not trusted.
    """
    try:
        from skops import io
    except ImportError as error:
        fix = "skops is not installed: pip install 'shopgym[models]'"
        raise InvalidInput("--policy", policy, fix) from error
    if not Path(file).is_file():
        raise InvalidInput("--policy", policy, "there is no such file")
    try:
        untrusted = io.get_untrusted_types(file=file)
    except Exception as error:  # skops has no error class of its own
        fix = f"it is no file of skops ({error}): save the model by skops.io.dump"
        raise InvalidInput("--policy", policy, fix) from error
    if untrusted:
        fix = (
            f"it holds the types {', '.join(untrusted[:5])}, which are not trusted: load it yourself in "
            "Python and give the model as the policy"
        )
        raise InvalidInput("--policy", policy, fix)
    return io.load(file, trusted=[])


def _of_model(frame: pd.DataFrame, model: Any, columns: Columns, *, draws: bool) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    name = type(model).__name__
    classes = getattr(model, "classes_", None)
    if classes is None:
        fix = "give a fitted classifier whose classes are the actions: it has no classes_"
        raise InvalidInput("--policy", name, fix)
    features = _features(frame, model, columns, name)
    try:
        made = model.predict_proba(features) if draws else model.predict(features)
    except AttributeError as error:
        raise InvalidInput("--policy", name, f"it gives no probabilities ({error})") from error
    except (ValueError, TypeError) as error:
        raise InvalidInput("--policy", name, f"it cannot predict from {list(features)}: {error}") from error
    if not draws:
        return _of_values(frame, np.asarray(made), columns)
    labels = as_text(pd.Series(classes), "classes_").tolist()
    return _of_values(frame, pd.DataFrame(made, columns=labels, index=frame.index), columns)


def _features(frame: pd.DataFrame, model: Any, columns: Columns, name: str) -> Any:
    """The columns that the model was fitted on, or else the context."""
    fitted = getattr(model, "feature_names_in_", None)
    if fitted is None:
        names = list(columns.context)
        count = getattr(model, "n_features_in_", len(names))
        if count != len(names):
            fix = f"it was fitted on {count} columns without names: name them as context, in their order"
            raise InvalidInput("--policy", name, fix)
        return frame[names].to_numpy()
    missing = [str(column) for column in fitted if column not in frame.columns]
    if missing:
        fix = f"it was fitted on columns that the table lacks: {', '.join(missing)}"
        raise InvalidInput("--policy", name, fix)
    return frame[list(map(str, fitted))]


def _of_values(frame: pd.DataFrame, values: Any, columns: Columns) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    if isinstance(values, pd.DataFrame):
        return _with_matrix(frame, values.to_numpy(), as_text(pd.Series(values.columns), "policy").tolist())
    if isinstance(values, (pd.Series, list, tuple, np.ndarray)):
        array = np.asarray(values, dtype=object) if isinstance(values, pd.Series) else np.asarray(values)
    else:
        raise InvalidInput("--policy", type(values).__name__, ACCEPTED)
    if array.ndim == 2:
        labels = columns.actions or sorted(frame[columns.action].dropna().unique(), key=natural)
        return _with_matrix(frame, array, [str(label) for label in labels])
    if array.shape != (len(frame),):
        raise InvalidInput("--policy", array.shape, f"give one action for each of {len(frame)} rows")
    chosen = as_text(pd.Series(array.tolist(), dtype=None if array.dtype != object else object), CHOSEN)
    return frame.assign(**{CHOSEN: chosen.to_numpy()}), f"choice:{CHOSEN}"


def _with_matrix(frame: pd.DataFrame, matrix: AnyArray, labels: Sequence[str]) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    if matrix.shape != (len(frame), len(labels)):
        fix = f"give {len(frame)} rows and a column for each of the actions {', '.join(labels)}"
        raise InvalidInput("--policy", matrix.shape, fix)
    made = pd.DataFrame(matrix, columns=[PREFIX + label for label in labels], index=frame.index)
    made.attrs = frame.attrs
    return pd.concat([frame, made], axis=1), f"columns:{PREFIX}"

"""Short names for numpy array types."""

from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]
AnyArray = NDArray[Any]


def column_dtypes(table: type[Any]) -> dict[str, Any]:
    """The dtype of each field of a class whose fields are all arrays of the types above."""
    return {name: get_args(get_args(hint)[1])[0] for name, hint in get_type_hints(table).items()}

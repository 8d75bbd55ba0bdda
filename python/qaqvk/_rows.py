"""Rows of NumPy arrays, or of anything that DLPack can bring to one."""

import numpy as np

from ._library import ffi, structure

TYPES = {"f16": 0, "bf16": 1, "f32": 2}


def array(x, name="rows"):
    """x as a contiguous array of float32, float16, or of uint16 patterns of bfloat16."""
    if not isinstance(x, np.ndarray):
        x = np.from_dlpack(x) if hasattr(x, "__dlpack__") else np.asarray(x, dtype=np.float32)
    if x.dtype.name == "bfloat16":
        x = x.view(np.uint16)
    if x.dtype not in (np.float32, np.float16, np.uint16):
        raise TypeError(f"qaqvk: {name} of {x.dtype}: must be float32, float16, or uint16 for patterns of bfloat16")
    return np.ascontiguousarray(x)


_of_dtype = {"float16": "f16", "uint16": "bf16", "float32": "f32"}


def rows(a):
    """The structure of an array, which the caller keeps until the call is over."""
    return structure("qaqvk_rows", type=TYPES[_of_dtype[a.dtype.name]], host=ffi.cast("void *", a.ctypes.data), size=a.nbytes)


def dtype(name):
    """The array type of rows of a type by name."""
    if name not in TYPES:
        raise ValueError(f"qaqvk: type {name!r}: must be one of {', '.join(TYPES)}")
    return {"f16": np.float16, "bf16": np.uint16, "f32": np.float32}[name]

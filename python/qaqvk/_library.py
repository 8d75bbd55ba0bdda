"""The library, as its header declares it."""

import os
import pathlib
import re

import cffi

_here = pathlib.Path(__file__).parent


def _declarations(header):
    """The C declarations of the header, without what is for a preprocessor."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.S)
    return re.sub(r"^#.*$", "", text, flags=re.M)


_header = (_here / "qaqvk.h").read_text()
abi = int(re.search(r"#define QAQVK_ABI_VERSION (\d+)", _header)[1])
codes = {name: int(code) for name, code in re.findall(r"QAQVK_ERROR_([A-Z_]+) = (-\d+)", _header)}

ffi = cffi.FFI()
ffi.cdef(_declarations(_header))
lib = ffi.dlopen(os.environ.get("QAQVK_LIBRARY") or str(_here / f"libqaqvk.so.{abi}"))
if lib.qaqvk_abi_version() != abi:
    raise ImportError(f"qaqvk: the library has the binary interface {lib.qaqvk_abi_version()}, this package is for {abi}")
version = ffi.string(lib.qaqvk_version()).decode()


def structure(name, **fields):
    """A structure of the header with its size, and fields that are not None."""
    s = ffi.new(name + " *")
    s.struct_size = ffi.sizeof(name)
    for field, value in fields.items():
        if value is not None:
            setattr(s, field, value)
    return s


def values(s):
    """The numbers of a structure by name."""
    fields = (name for name, _ in ffi.typeof(s).item.fields)
    return {f: getattr(s, f) for f in fields if f not in ("struct_size", "reserved")}

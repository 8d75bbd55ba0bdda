"""A class for each error of the library: SHAPE is ShapeError."""

from . import _library
from ._library import ffi, lib


class Error(Exception):
    """What a call of the library said: its name ("SHAPE"), message, and VkResult (0: none)."""

    name = None

    def __init__(self, message, vk_result=0, also=()):
        super().__init__(message)
        self.message, self.vk_result, self.also = message, vk_result, frozenset(also)


def _class_name(name):
    return "".join(word.capitalize() for word in name.split("_")) + "Error"


classes = {code: type(_class_name(name), (Error,), {"name": name, "__module__": __name__}) for name, code in _library.codes.items()}
globals().update({c.__name__: c for c in classes.values()})


def check(code):
    """Raises the error of a call that failed; its `also` has the names of what it was too."""
    if code == 0:
        return
    also = (name for name, c in _library.codes.items() if c != code and lib.qaqvk_last_error_is(c))
    raise classes.get(code, Error)(ffi.string(lib.qaqvk_last_message()).decode(errors="replace"), lib.qaqvk_last_vk_result(), also)

"""The KV cache of a large language model, compressed, on any Vulkan device.

    with qaqvk.Device("") as device:
        cache = qaqvk.Cache(device, layers=30, kv_heads=3, query_heads=9, head_dim=64, capacity=8192, policy="qaq")
        text = cache.sequence()
        for layer in range(30):
            text.append(layer, k, v)
            out = text.attend(layer, q)
        text.step()

Calls raise qaqvk.Error, of a class for each error (qaqvk.errors). Any thread may call; those of one
cache wait for one another.
"""

from . import errors
from ._cache import Cache, Device, Profile, Sequence
from ._library import version as __version__
from .errors import Error

__all__ = ["Cache", "Device", "Error", "Profile", "Sequence", "errors", "__version__"]

"""Devices, profiles, caches and sequences."""

import json
import weakref

import numpy as np

from ._library import ffi, lib, structure, values
from ._rows import TYPES, array, dtype, rows
from .errors import check

LEVELS = {"head": 0, "layer": 1, "token": 2}
ADAPTATIONS = {None: 0, "synchronous": 1, "asynchronous": 2}
FORMULAS = {"paper": 0, "authors": 1}


def _choice(what, name, of):
    """The number of a name."""
    if name not in of:
        raise ValueError(f"qaqvk: {what} {name!r}: must be one of {', '.join(map(str, of))}")
    return of[name]


class _Handle:
    """A handle that is closed once, at the latest when nothing refers to it."""

    def __init__(self, handle, close, keep=None):
        self._handle, self._keep = handle, keep
        self._close = weakref.finalize(self, close, handle)

    @property
    def closed(self):
        return not self._close.alive

    def close(self):
        """Closes it. What the library says to that is raised, and it stays open."""
        if self._close.alive:
            _, close, args, _ = self._close.peek()
            check(close(*args))
            self._close.detach()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _made(call, *args):
    handle = ffi.new("uint64_t *")
    check(call(*args, handle))
    return handle[0]


def _text(s):
    return ffi.NULL if s is None else ffi.new("char[]", str(s).encode())


class Device(_Handle):
    """A device: "" the best of Vulkan, an index or a part of its name, "cpu", "both:NAME".

    memory_limit: bytes to allocate at most. validation: with the Khronos validation layer.
    pipeline_cache: a file that keeps compiled pipelines.
    """

    def __init__(self, name="", *, memory_limit=0, validation=False, minimum_limits=False, pipeline_cache=None):
        path = _text(pipeline_cache)
        options = structure("qaqvk_device_options", memory_limit=memory_limit, validation=validation,
                            minimum_limits=minimum_limits, pipeline_cache=path)
        super().__init__(_made(lib.qaqvk_device_open, name.encode(), options), lib.qaqvk_device_close)

    def info(self):
        """name, driver, vulkan (0 or 1), live_bytes, committed_bytes, peak_bytes."""
        s = structure("qaqvk_device_info")
        check(lib.qaqvk_device_get_info(self._handle, s))
        return {k: ffi.string(v).decode() if k in ("name", "driver") else v for k, v in values(s).items()}


class Profile(_Handle):
    """What the calibrated codec knows of a model: a file that `qaqvk calibrate` made."""

    def __init__(self, path, *, _open=lib.qaqvk_profile_load):
        super().__init__(_made(_open, str(path).encode()), lib.qaqvk_profile_close)

    @classmethod
    def shipped(cls, model):
        """The profile that ships for a model: "SmolLM2-135M-Instruct"."""
        return cls(model, _open=lib.qaqvk_profile_shipped)

    def info(self):
        """layers, kv_heads, head_dim, page_tokens, recent, bits, rope_halves (0 or 1)."""
        s = structure("qaqvk_profile_info")
        check(lib.qaqvk_profile_get_info(self._handle, s))
        return values(s)


class _Stats:
    def stats(self):
        """The counters of this moment, as the library's JSON has them."""
        of, size = self._stats, ffi.new("uint64_t *")
        check(of(self._handle, ffi.NULL, 0, size))
        text = ffi.new("char[]", size[0] + 256)  # counters grow meanwhile
        check(of(self._handle, text, size[0] + 256, size))
        return json.loads(ffi.string(text))


class Cache(_Handle, _Stats):
    """A cache on a device, without sequences.

    layers, kv_heads, query_heads, head_dim, capacity: as the model has them.
    type: "f16", "bf16" or "f32". policy: "none", "uniform", "qaq", "h2o", "scissorhands"; with a
    profile "levels" or "fixed". adaptation: "synchronous" or "asynchronous". level: "head", "layer" or "token".
    layer_windows: by layer. query_norms: [layers][kv_heads]. Others are fields of qaqvk_cache_config (qaqvk.h), by
    name: sequences, host_budget, reserve, max_step_tokens, bits, bytes_budget, key_error, value_error, key_bits, ...
    """

    _stats = lib.qaqvk_cache_get_stats_json

    def __init__(self, device, *, layers, kv_heads, query_heads, head_dim, capacity, type="f16", level="head", adaptation=None,
                 formula="paper", policy=None, profile=None, layer_windows=None, query_norms=None, **others):
        kept = [_text(policy)]
        if layer_windows is not None:
            if len(layer_windows) != layers:
                raise ValueError(f"qaqvk: windows of {len(layer_windows)} layers: the cache has {layers}")
            kept.append(ffi.new("uint32_t[]", list(layer_windows)))
            others["layer_windows"] = kept[-1]
        if query_norms is not None:
            norms = np.ascontiguousarray(query_norms, dtype=np.float64)
            if norms.shape != (layers, kv_heads):
                raise ValueError(f"qaqvk: query norms of shape {norms.shape}: must be ({layers}, {kv_heads})")
            kept.append(norms)
            others["query_norms"] = ffi.cast("double *", norms.ctypes.data)
        config = structure("qaqvk_cache_config", layers=layers, kv_heads=kv_heads, query_heads=query_heads, head_dim=head_dim,
                           capacity=capacity, type=_choice("type", type, TYPES), level=_choice("level", level, LEVELS),
                           adaptation=_choice("adaptation", adaptation, ADAPTATIONS),
                           formula=_choice("formula", formula, FORMULAS), policy=kept[0], profile=profile._handle if profile else 0, **others)
        super().__init__(_made(lib.qaqvk_cache_create, device._handle, config), lib.qaqvk_cache_close, device)
        self.layers, self.kv_heads, self.query_heads, self.head_dim, self.capacity = layers, kv_heads, query_heads, head_dim, capacity
        self.max_step_tokens = others.get("max_step_tokens") or 32

    def sequence(self):
        """An empty sequence."""
        return Sequence(_made(lib.qaqvk_sequence_create, self._handle), self)


class Sequence(_Handle, _Stats):
    """The K and V rows of one text (Cache.sequence)."""

    _stats = lib.qaqvk_sequence_get_stats_json

    def __init__(self, handle, cache):
        # Where the cache was closed, its sequences are too.
        super().__init__(handle, lib.qaqvk_sequence_drop, cache)
        self.cache = cache

    drop = _Handle.close

    def append(self, layer, k, v):
        """Adds rows of n tokens, [n, kv_heads, head_dim], to a layer."""
        k, v = array(k, "k"), array(v, "v")
        check(lib.qaqvk_append(self._handle, layer, rows(k), rows(v)))

    def attend(self, layer, q, out=None, *, scale=0, window=0, soft_cap=0, skip_importance=False):
        """Attention of the newest n queries, [n, query_heads, head_dim]; out is as q, or float32 for bfloat16."""
        q = array(q, "q")
        if out is None:
            out = np.empty(q.shape, np.float32 if q.dtype == np.uint16 else q.dtype)
        elif not (isinstance(out, np.ndarray) and out.flags.c_contiguous and out.flags.writeable):
            raise TypeError("qaqvk: out must be a contiguous array")
        options = structure("qaqvk_attend_options", scale=scale, window=window, soft_cap=soft_cap, skip_importance=skip_importance)
        check(lib.qaqvk_attend(self._handle, layer, rows(q), rows(array(out, "out")), options))
        return out

    def observe(self, layer, probabilities):
        """Takes attention probabilities of the newest queries, [queries, query_heads, tokens of the layer]."""
        p = np.ascontiguousarray(probabilities, dtype=np.float32)
        check(lib.qaqvk_observe(self._handle, layer, ffi.cast("float *", p.ctypes.data), p.size, p.shape[0], p.shape[1]))

    def step(self):
        """Ends a model step. errors.DeferredError: the tokens are in, a later step does what was left."""
        check(lib.qaqvk_step(self._handle))

    def adapt(self):
        """Chooses all bits anew; returns how many groups moved."""
        moved = ffi.new("uint64_t *")
        check(lib.qaqvk_adapt(self._handle, moved))
        return moved[0]

    def fork(self):
        """A sequence that equals this one and shares its pages."""
        return Sequence(_made(lib.qaqvk_sequence_fork, self._handle), self.cache)

    def rollback(self, tokens):
        """Drops the last tokens."""
        check(lib.qaqvk_rollback(self._handle, tokens))

    @property
    def tokens(self):
        """Tokens of finished steps."""
        n = ffi.new("uint32_t *")
        check(lib.qaqvk_tokens(self._handle, n))
        return n[0]

    def read(self, layer, type="f32"):
        """K and V of a layer, [tokens, kv_heads, head_dim] each, those of the current step included."""
        room = min(self.tokens + self.cache.max_step_tokens, self.cache.capacity)
        k, v = (np.empty((room, self.cache.kv_heads, self.cache.head_dim), dtype(type)) for _ in "kv")
        n = ffi.new("uint32_t *")
        check(lib.qaqvk_read(self._handle, layer, rows(k), rows(v), n))
        return k[: n[0]], v[: n[0]]

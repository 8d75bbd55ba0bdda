"""qaqvk as the cache of transformers, and the attention "qaqvk" for it.

    model.set_attn_implementation("qaqvk")
    cache = QaqvkCache(model.config, device="", policy="qaq", capacity=4096)
    model.generate(**inputs, cache=cache)

Rows that a mask pads do not enter the cache. With another attention the cache hands out its
decoded rows, which costs their copy in each step. Written for and tested with
transformers 5.24. What it refuses, it refuses by an error: masks that are not causal, attention sinks, layers without
attention. Sliding windows are computed; all of the text is kept.

A profile that `qaqvk calibrate` made of the model's GGUF file fits: where that file has RoPE
over neighbouring elements, keys and queries are brought into that order.
"""

import numpy as np
import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache as TransformersCache
from transformers.cache_utils import CacheLayerMixin
from transformers.masking_utils import AttentionMaskInterface

from . import Cache, Device
from .batch import Batch

NAME = "qaqvk"


def _array(t):
    """A tensor as an array that it may share memory with; bfloat16 as patterns."""
    t = t.detach().to("cpu")
    if t.dtype == torch.bfloat16:
        return t.contiguous().view(torch.int16).numpy().view(np.uint16)
    return np.from_dlpack(t if t.dtype in (torch.float16, torch.float32) else t.float())


def _tensor(a, like):
    return torch.from_numpy(np.ascontiguousarray(a)).to(like.device, like.dtype)


class QaqvkLayer(CacheLayerMixin):
    """A layer of a QaqvkCache."""

    is_sliding = False
    is_croppable = True
    is_compileable = False
    supports_early_init = False

    def __init__(self, of, index):
        super().__init__()
        self.of, self.index = of, index
        self.is_initialized = True

    def lazy_initialization(self, key_states, value_states):
        pass

    def update(self, key_states, value_states, *args, **kwargs):
        """For the attention "qaqvk" the rows as they came: it appends those that are no padding."""
        if self.of.attends:
            key_states._qaqvk_layer = self
            return key_states, value_states
        batch = self.of.batch(key_states.shape[1])
        batch.append(self.index, _array(key_states), _array(value_states))
        k, v = batch.read(self.index)
        return _tensor(k, key_states), _tensor(v, value_states)

    def get_seq_length(self):
        return self.of.columns(self.index)

    def get_mask_sizes(self, query_length):
        return self.get_seq_length() + query_length, 0

    def get_max_length(self):
        return self.of.options["capacity"]


class QaqvkCache(TransformersCache):
    """A cache for a model's configuration. device: a name or a qaqvk.Device; other options are those of
    qaqvk.Cache: capacity (tokens of a text, 4,096), max_step_tokens (of a forward pass, 512, at most 4,096; longer
    prompts need generation_config.prefill_chunk_size), host_budget (1 GiB), policy, profile, ..."""

    def __init__(self, config, device="", **options):
        config = config.get_text_config(decoder=True)
        self.config = config
        self.device = device if isinstance(device, Device) else Device(device)
        heads = config.num_attention_heads
        self.options = {"capacity": 4096, "max_step_tokens": 512, "host_budget": 1 << 30, "sequences": 4096,
                        "layers": config.num_hidden_layers, "query_heads": heads,
                        "kv_heads": getattr(config, "num_key_value_heads", None) or heads,
                        "head_dim": getattr(config, "head_dim", None) or config.hidden_size // heads, **options}
        self._batch = None
        super().__init__(layers=[QaqvkLayer(self, i) for i in range(config.num_hidden_layers)])

    @property
    def attends(self):
        return self.config._attn_implementation == NAME

    def batch(self, kv_heads):
        """The batch, made by the first rows."""
        if kv_heads != self.options["kv_heads"]:
            raise ValueError(f"qaqvk: rows of {kv_heads} KV heads: the configuration has {self.options['kv_heads']}")
        if self._batch is None:
            profile = self.options.get("profile")
            self._batch = Batch(Cache(self.device, **self.options), interleave=bool(profile) and not profile.info()["rope_halves"])
        return self._batch

    def columns(self, layer):
        return self._batch.lengths[layer] if self._batch else 0

    def stats(self):
        """The counters of qaqvk.Cache."""
        return self._batch.cache.stats() if self._batch else {}

    def crop(self, tokens_to_remove):
        if tokens_to_remove > 0:
            raise ValueError("qaqvk: crop takes a negative number of tokens to remove")
        if self._batch and tokens_to_remove:
            self._batch.crop(-tokens_to_remove)

    def reorder_cache(self, beam_idx):
        if self._batch:
            self._batch.select(beam_idx.tolist())

    def batch_select_indices(self, indices):
        if self._batch:
            self._batch.select(torch.arange(len(self._batch))[indices.cpu()].tolist())

    def batch_repeat_interleave(self, repeats):
        if self._batch:
            self._batch.repeat(repeats)

    def reset(self):
        if self._batch:
            self._batch.reset()

    def close(self):
        """Frees the memory; a new forward pass begins a new cache."""
        if self._batch:
            self._batch.cache.close()
        self._batch = None


def padding(batch_size, q_length, kv_length, q_offset=0, kv_offset=0, mask_function=None, attention_mask=None, **kwargs):
    """The mask of the attention "qaqvk": which columns of the batch are tokens, [batch, columns], None for all.
    That attention is causal, it knows itself."""
    if kwargs.get("use_vmap"):
        raise ValueError("qaqvk: attention with a mask that is not causal")
    if attention_mask is None:
        return None
    return attention_mask[:, -kv_length:].to(torch.bool)


def attention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, sliding_window=None, softcap=None, **kwargs):
    """The attention function of transformers over a QaqvkCache."""
    layer = getattr(key, "_qaqvk_layer", None)
    if layer is None:
        raise ValueError("qaqvk: the attention needs a QaqvkCache as its cache")
    if dropout or kwargs.get("s_aux") is not None or getattr(module, "sinks", None) is not None:
        raise ValueError("qaqvk: attention with dropout or sinks")
    if attention_mask is not None and attention_mask.ndim != 2:
        raise ValueError("qaqvk: attention with a mask that is not causal")
    valid = None if attention_mask is None else attention_mask[:, -query.shape[2] :].cpu().numpy()
    out = layer.of.batch(key.shape[1]).attend(layer.index, _array(key), _array(value), _array(query), valid,
                                              scale=scaling or 0, window=sliding_window or 0, soft_cap=softcap or 0)
    return _tensor(out, query), None


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, padding)

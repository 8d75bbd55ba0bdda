"""Attention in doubles, and rows that follow from their place."""

import numpy as np


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def attention(q, k, v, first, scale=None, window=0):
    """q [n, query heads, D] of the tokens from first on, over k and v [tokens, KV heads, D]."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    heads, kv, d = q.shape[1], k.shape[1], q.shape[2]
    k, v = (np.repeat(x, heads // kv, axis=1) for x in (k, v))
    scores = np.einsum("qhd,thd->hqt", q, k) * (scale or d**-0.5)
    at, token = first + np.arange(len(q))[:, None], np.arange(len(k))[None]
    scores = np.where((token <= at) & ((window == 0) | (token > at - window)), scores, -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.einsum("hqt,thd->qhd", p / p.sum(axis=-1, keepdims=True), v)

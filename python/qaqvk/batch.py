"""A batch of texts of equal length, with padding, as frameworks have them: [batch, heads, tokens, D]."""

import numpy as np

MAX_QUERIES = 512  # of a call


class Batch:
    """The sequences of a cache that rows of a batch go to. A column is a token of every row; where
    it is padding, the row's sequence does not get it, and its attention is zeros.

    Every layer gets the columns of a step in one call of append or attend; the last layer ends
    the step.

    interleave: keys come with RoPE over elements i and i + D/2, and the cache has those
    beside each other, which its profile asks for; attention is the same.
    """

    def __init__(self, cache, interleave=False):
        self.cache = cache
        self._order = np.arange(cache.head_dim).reshape(2, -1).T.ravel() if interleave else slice(None)
        self.sequences = []
        self.valid = np.zeros((0, 0), bool)  # [batch, columns] of finished steps
        self._pending = None  # the columns of the current step
        self.lengths = [0] * cache.layers  # columns of each layer, those of the current step included

    def __len__(self):
        return len(self.sequences)

    def _begin(self, layer, batch, columns, valid):
        """Checks the columns of a step and which of them are tokens."""
        if not self.sequences:
            self.sequences = [self.cache.sequence() for _ in range(batch)]
            self.valid = np.zeros((batch, 0), bool)
        if batch != len(self.sequences):
            raise ValueError(f"qaqvk: a batch of {batch}: the cache has one of {len(self.sequences)}")
        valid = np.ones((batch, columns), bool) if valid is None else np.asarray(valid, bool)
        if valid.shape != (batch, columns):
            raise ValueError(f"qaqvk: a mask of shape {valid.shape}: must be ({batch}, {columns})")
        if self._pending is not None and not np.array_equal(self._pending, valid):
            raise ValueError(f"qaqvk: layer {layer} has other columns than the layers before it in this step")
        if self.lengths[layer] != self.valid.shape[1]:
            raise ValueError(f"qaqvk: layer {layer} has had the columns of this step")
        self._pending = valid
        self.lengths[layer] += columns
        return valid

    def _end(self, layer):
        if layer < self.cache.layers - 1:
            return
        self.valid = np.concatenate([self.valid, self._pending], axis=1)
        self._pending = None
        for s in self.sequences:
            s.step()

    def append(self, layer, k, v, valid=None):
        """Adds k and v, [batch, kv_heads, columns, D]; valid [batch, columns] or None for all."""
        batch, _, columns, _ = k.shape
        for b, tokens in enumerate(self._begin(layer, batch, columns, valid)):
            if tokens.any():
                self.sequences[b].append(layer, _rows(k[b], tokens)[..., self._order], _rows(v[b], tokens))
        self._end(layer)

    def attend(self, layer, k, v, q, valid=None, **options):
        """Adds k and v and attends with q, [batch, query_heads, columns, D]: [batch, columns, query_heads, D]."""
        batch, heads, columns, d = q.shape
        out = np.zeros((batch, columns, heads, d), np.float32 if q.dtype == np.uint16 else q.dtype)
        for b, tokens in enumerate(self._begin(layer, batch, columns, valid)):
            for part in _parts(tokens):
                self.sequences[b].append(layer, _rows(k[b], part)[..., self._order], _rows(v[b], part))
                out[b, part] = self.sequences[b].attend(layer, _rows(q[b], part)[..., self._order], **options)
        self._end(layer)
        return out

    def read(self, layer, type="f32"):
        """K and V of a layer, [batch, kv_heads, columns, D] each, zeros where there is padding."""
        valid = self.valid if self._pending is None or self.lengths[layer] == self.valid.shape[1] else \
            np.concatenate([self.valid, self._pending], axis=1)
        out = None
        for b, s in enumerate(self.sequences):
            for i, r in enumerate(s.read(layer, type)):
                if out is None:
                    out = np.zeros((2, len(self.sequences), *valid.shape[1:], *r.shape[1:]), r.dtype)
                if i == 0 and isinstance(self._order, np.ndarray):
                    r = r[..., np.argsort(self._order)]
                out[i, b, valid[b]] = r
        return out.transpose(0, 1, 3, 2, 4)

    def crop(self, columns):
        """Drops the last columns."""
        if not 0 <= columns <= self.valid.shape[1]:
            raise ValueError(f"qaqvk: crop of {columns} columns: there are {self.valid.shape[1]}")
        if columns == 0:
            return
        for s, tokens in zip(self.sequences, self.valid[:, -columns:].sum(axis=1)):
            s.rollback(int(tokens))
        self._set(self.sequences, self.valid[:, :-columns])

    def select(self, rows):
        """Row i becomes what row rows[i] was: beams that go on fork, others are dropped."""
        rows = [int(r) for r in rows]
        for i, s in enumerate(self.sequences):
            if i not in rows:
                s.drop()
        taken, chosen = set(), []
        for r in rows:
            chosen.append(self.sequences[r].fork() if r in taken else self.sequences[r])
            taken.add(r)
        self._set(chosen, self.valid[rows])

    def repeat(self, times):
        """Each row, times times."""
        self.select([r for r in range(len(self.sequences)) for _ in range(times)])

    def reset(self):
        """Drops all rows."""
        for s in self.sequences:
            s.drop()
        self._set([], np.zeros((0, 0), bool))

    def _set(self, sequences, valid):
        self.sequences, self.valid, self._pending = sequences, valid, None
        self.lengths = [valid.shape[1]] * self.cache.layers


def _rows(x, tokens):
    """[heads, columns, D] as the rows of some columns, [tokens, heads, D]."""
    return np.ascontiguousarray(x[:, tokens].transpose(1, 0, 2))


def _parts(tokens):
    """The columns that are tokens, as many at a time as a call takes."""
    at = np.flatnonzero(tokens)
    return [at[i : i + MAX_QUERIES] for i in range(0, len(at), MAX_QUERIES)]

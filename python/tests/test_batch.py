"""Batches with padding, crops and beams."""

import unittest

import numpy as np
import qaqvk
from qaqvk.batch import Batch

from reference import attention, noise

LAYERS, KV, HEADS, D = 2, 2, 4, 32


class TestBatch(unittest.TestCase):
    def setUp(self):
        self.device = qaqvk.Device("cpu")
        cache = qaqvk.Cache(self.device, layers=LAYERS, kv_heads=KV, query_heads=HEADS, head_dim=D, capacity=700, type="f32",
                            sequences=8, host_budget=1 << 22, max_step_tokens=600)
        self.batch = Batch(cache)
        self.seed = 0

    def tearDown(self):
        self.batch.cache.close()
        self.device.close()

    def forward(self, texts, columns, valid=None):
        """A step of new rows; texts, [row][layer] of k and v, get them. Outputs are checked."""
        for layer in range(LAYERS):
            self.seed += 1
            k, v, q = (noise(self.seed + 1000 * i, len(texts), h, columns, D) for i, h in enumerate((KV, KV, HEADS)))
            out = self.batch.attend(layer, k, v, q, valid)
            for b, text in enumerate(texts):
                keep = slice(None) if valid is None else valid[b]
                text[layer] = [np.concatenate([old, new[b][:, keep].transpose(1, 0, 2)]) for old, new in zip(text[layer], (k, v))]
                want = np.zeros((columns, HEADS, D))
                first = len(text[layer][0]) - want[keep].shape[0]
                want[keep] = attention(q[b][:, keep].transpose(1, 0, 2), *text[layer], first)
                np.testing.assert_allclose(out[b], want, atol=3e-6)

    def texts(self, n):
        return [[[np.zeros((0, KV, D), np.float32)] * 2 for _ in range(LAYERS)] for _ in range(n)]

    def test_padding_crop_and_beams(self):
        texts = self.texts(3)
        valid = np.ones((3, 9), bool)
        valid[1, :4] = False
        valid[2, :8] = False
        self.forward(texts, 9, valid)
        for _ in range(20):
            self.forward(texts, 1)
        self.assertEqual([s.tokens for s in self.batch.sequences], [29, 25, 21])
        self.batch.crop(22)  # into the padding
        texts = [[[rows[: n] for rows in layer] for layer in text] for text, n in zip(texts, (7, 3, 0))]
        self.assertEqual([s.tokens for s in self.batch.sequences], [7, 3, 0])
        self.forward(texts, 3)
        self.batch.select([1, 1, 0])
        texts = [list(texts[i]) for i in (1, 1, 0)]
        for _ in range(3):
            self.forward(texts, 2)
        self.batch.repeat(2)
        self.forward([list(t) for t in texts for _ in range(2)], 1)
        self.batch.reset()
        self.forward(self.texts(1), 5)

    def test_read(self):
        k, v = noise(1, 2, KV, 6, D), noise(2, 2, KV, 6, D)
        for layer in range(LAYERS):
            self.batch.append(layer, k, v)
            got = self.batch.read(layer)
            np.testing.assert_array_equal(got[0], k)
            np.testing.assert_array_equal(got[1], v)

    def test_interleave(self):
        self.batch = Batch(self.batch.cache, interleave=True)
        self.forward(self.texts(1), 5)
        k, _ = self.batch.sequences[0].read(0)
        want = noise(1, 1, KV, 5, D)[0].transpose(1, 0, 2)  # the keys of layer 0
        np.testing.assert_array_equal(k[..., 0::2], want[..., : D // 2])
        np.testing.assert_array_equal(k[..., 1::2], want[..., D // 2 :])
        self.batch.crop(5)
        self.batch.append(0, noise(1, 1, KV, 5, D), noise(2, 1, KV, 5, D))
        np.testing.assert_array_equal(self.batch.read(0)[0], noise(1, 1, KV, 5, D))

    def test_long_prompt(self):
        self.forward(self.texts(1), 600)  # more queries than a call takes

    def test_misuse(self):
        k, q = noise(1, 2, KV, 6, D), noise(1, 2, HEADS, 6, D)
        self.batch.attend(0, k, k, q)
        with self.assertRaisesRegex(ValueError, "has had the columns"):
            self.batch.attend(0, k, k, q)
        with self.assertRaisesRegex(ValueError, "other columns"):
            self.batch.attend(1, k[:, :, :5], k[:, :, :5], q[:, :, :5])
        with self.assertRaisesRegex(ValueError, "a batch of 1"):
            self.batch.attend(1, k[:1], k[:1], q[:1])
        self.batch.attend(1, k, k, q)
        with self.assertRaisesRegex(ValueError, "crop of 7"):
            self.batch.crop(7)


if __name__ == "__main__":
    unittest.main()

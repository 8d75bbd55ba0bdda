"""Caches of NumPy rows, on the reference and llvmpipe."""

import gc
import threading
import unittest

import numpy as np
import qaqvk
from qaqvk import errors

from reference import attention, noise

SHAPE = dict(layers=2, kv_heads=2, query_heads=4, head_dim=32, capacity=128)


class DLPack:
    """Rows of another library, that NumPy knows only by DLPack."""

    def __init__(self, a):
        self.a = a

    def __dlpack__(self, **kwargs):
        return self.a.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


def decode(text, tokens, k, v, q):
    """Steps of 1 and 5 tokens; the outputs [layer, token, query head, D]."""
    out, at, step = np.zeros_like(q), text.tokens, 1
    while at < tokens:
        step = min(step, tokens - at)
        for layer in range(2):
            part = slice(at, at + step)
            text.append(layer, k[layer, part], DLPack(v[layer, part]))
            out[layer, part] = text.attend(layer, DLPack(q[layer, part]))
        text.step()
        at, step = at + step, 6 - step
    return out


class TestCache(unittest.TestCase):
    def rows(self, tokens):
        return noise(1, 2, tokens, 2, 32), noise(2, 2, tokens, 2, 32), noise(3, 2, tokens, 4, 32)

    def check(self, device):
        k, v, q = self.rows(60)
        cache = qaqvk.Cache(device, type="f32", sequences=2, host_budget=1 << 20, **SHAPE)
        text = cache.sequence()
        out = decode(text, 50, k, v, q)
        for layer in range(2):
            np.testing.assert_allclose(out[layer, :50], attention(q[layer, :50], k[layer, :50], v[layer, :50], 0), atol=3e-6)
            got = text.read(layer)
            np.testing.assert_array_equal(got[0], k[layer, :50])
            np.testing.assert_array_equal(got[1], v[layer, :50])
        fork = text.fork()
        fork.rollback(20)
        self.assertEqual((text.tokens, fork.tokens), (50, 30))
        out = decode(fork, 60, k, v, q)
        np.testing.assert_allclose(out[1, 30:], attention(q[1, 30:], k[1], v[1], 30), atol=3e-6)
        fork.drop()
        self.assertTrue(fork.closed)
        with self.assertRaises(errors.InUseError):
            device.close()
        self.assertEqual(cache.stats()["tokens"], 50)
        cache.close()
        self.assertEqual(device.info()["live_bytes"], 0)

    def test_cpu(self):
        with qaqvk.Device("cpu") as device:
            self.check(device)

    def test_llvmpipe(self):
        with qaqvk.Device("llvmpipe") as device:
            self.assertEqual(device.info()["vulkan"], 1)
            self.check(device)

    def test_quantized(self):
        k, v, q = self.rows(100)
        with qaqvk.Device("cpu") as device:
            cache = qaqvk.Cache(device, policy="qaq", outlier_fraction=0.01, host_budget=1 << 20, adaptation="synchronous",
                                query_norms=np.full((2, 2), 64.0), **SHAPE)
            text = cache.sequence()
            out = decode(text, 100, k, v, q)
            error = np.abs(out[0, -1] - attention(q[0, -1:], k[0], v[0], 99)[0]).max()
            self.assertTrue(1e-4 < error < 0.1, error)
            text.observe(0, np.full((5, 4, 100), 0.01))
            self.assertGreaterEqual(text.adapt(), 0)
            stats = text.stats()
            self.assertEqual((stats["tokens"], stats["stored"]), (100, 80))
            self.assertLess(stats["bytes"]["live"], stats["bytes"]["f16"])
            cache.close()

    def test_types(self):
        small = np.array([1, -1.5, 2, 0.5] * 16, np.float32).reshape(1, 2, 32)
        with qaqvk.Device("cpu") as device:
            cache = qaqvk.Cache(device, **SHAPE)
            text = cache.sequence()
            for layer in range(2):
                text.append(layer, small, small.tolist())
                text.append(layer, small.astype(np.float16), small.astype(np.float16))
                patterns = (small.view(np.uint32) >> 16).astype(np.uint16)
                text.append(layer, patterns, patterns)
            text.step()
            for name, want in (("f32", small), ("f16", small.astype(np.float16)), ("bf16", patterns)):
                np.testing.assert_array_equal(text.read(0, name)[0], np.repeat(want, 3, axis=0))
            out = text.attend(0, np.zeros((1, 4, 32), np.float16))
            self.assertEqual(out.dtype, np.float16)
            np.testing.assert_array_equal(out[0, 0], small[0, 0])
            with self.assertRaisesRegex(TypeError, "int64"):
                text.append(0, small.astype(np.int64), small)
            cache.close()

    def test_profile(self):
        with qaqvk.Profile.shipped("SmolLM2-135M-Instruct") as profile, qaqvk.Device("cpu") as device:
            self.assertEqual((profile.info()["layers"], profile.info()["head_dim"]), (30, 64))
            cache = qaqvk.Cache(device, layers=30, kv_heads=3, query_heads=9, head_dim=64, capacity=64, profile=profile, bits=2.5)
            self.assertGreater(cache.stats()["bytes"]["tables"], 1 << 20)
            cache.close()

    def test_errors(self):
        with qaqvk.Device("cpu", memory_limit=1 << 20) as device:
            with self.assertRaises(errors.MemoryLimitError) as failed:
                qaqvk.Cache(device, **{**SHAPE, "capacity": 1 << 20})
            self.assertEqual(failed.exception.name, "MEMORY_LIMIT")
            with self.assertRaisesRegex(errors.ConfigError, '"best"'):
                qaqvk.Cache(device, policy="best", **SHAPE)
            with self.assertRaisesRegex(ValueError, "type 'f8': must be one of f16, bf16, f32"):
                qaqvk.Cache(device, type="f8", **SHAPE)
            with self.assertRaises(AttributeError):
                qaqvk.Cache(device, no_such_field=1, **SHAPE)
            cache = qaqvk.Cache(device, **SHAPE)
            text = cache.sequence()
            with self.assertRaises(errors.RangeError):
                text.append(2, noise(1, 1, 2, 32), noise(1, 1, 2, 32))
            text.append(0, noise(1, 1, 2, 32), noise(1, 1, 2, 32))
            with self.assertRaises(errors.UnfinishedStepError):
                text.step()
            cache.close()
            with self.assertRaises(errors.HandleError):
                text.step()
        with self.assertRaises(errors.UnknownDeviceError):
            qaqvk.Device("no such device")
        self.assertTrue(issubclass(errors.ShapeError, qaqvk.Error))

    def test_forgotten(self):
        device = qaqvk.Device("cpu")
        for _ in range(3):
            qaqvk.Cache(device, **SHAPE).sequence()
        gc.collect()
        device.close()

    def test_threads(self):
        k, v, q = self.rows(40)
        with qaqvk.Device("cpu") as device:
            cache = qaqvk.Cache(device, type="f32", sequences=4, **SHAPE)
            outs = [None] * 4

            def run(i):
                outs[i] = decode(cache.sequence(), 40, k, v, q)

            threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            for out in outs:
                np.testing.assert_array_equal(out, outs[0])
            cache.close()


if __name__ == "__main__":
    unittest.main()

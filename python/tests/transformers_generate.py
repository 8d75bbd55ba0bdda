"""A small model of random weights generates the same tokens with QaqvkCache as without: greedy,
batches with padding, beams, assisted generation, prompts in parts, and with the rows handed out."""

import unittest
from unittest import mock

import qaqvk
import torch
from qaqvk.transformers import QaqvkCache
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

SHAPE = dict(vocab_size=128, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, pad_token_id=0, eos_token_id=None)


def model(of=LlamaForCausalLM, config=LlamaConfig, seed=1, **others):
    torch.manual_seed(seed)
    m = of(config(**SHAPE, **others)).eval()
    for p in m.parameters():
        p.data *= 3  # so that tokens differ
    return m


def prompts(batch=1, columns=20):
    torch.manual_seed(2)
    return torch.randint(1, 128, (batch, columns))


class TestGenerate(unittest.TestCase):
    def setUp(self):
        self.device = qaqvk.Device("cpu")
        self.caches = []

    def tearDown(self):
        for c in self.caches:
            c.close()
        self.device.close()

    def cache(self, m, **options):
        self.caches.append(QaqvkCache(m.config, device=self.device, type="f32", **{"capacity": 256, **options}))
        return self.caches[-1]

    def same(self, m, ids, attention="qaqvk", tokens=24, **options):
        config = GenerationConfig(max_new_tokens=tokens, do_sample=False, pad_token_id=0, **options.pop("generation", {}))
        m.set_attn_implementation("sdpa")
        want = m.generate(ids, generation_config=config, **options)
        m.set_attn_implementation(attention)
        cache = self.cache(m)
        got = m.generate(ids, generation_config=config, cache=cache, **options)
        self.assertEqual(got.tolist(), want.tolist())
        self.assertGreater(len(set(got[0, ids.shape[1]:].tolist())), 3)
        return cache

    def test_greedy(self):
        cache = self.same(model(), prompts())
        self.assertEqual(cache.get_seq_length(), 43)
        self.assertEqual(cache.stats()["tokens"], 43)
        self.assertGreater(cache.stats()["submits"], 3 * 24)

    def test_rows_handed_out(self):
        self.same(model(), prompts(2), attention="sdpa")

    def test_padded_batch(self):
        ids, mask = prompts(3), torch.ones(3, 20, dtype=torch.long)
        mask[1, :7] = 0
        mask[2, :19] = 0
        cache = self.same(model(), ids, attention_mask=mask)
        self.assertEqual(cache.stats()["tokens"], 3 * 43 - 26)

    def test_beams(self):
        self.same(model(), prompts(2), generation={"num_beams": 3})

    def test_prompt_in_parts(self):
        self.same(model(), prompts(1, 60), generation={"prefill_chunk_size": 16})

    def test_assisted(self):
        m = model()
        draft = model()
        for p in draft.model.layers[2].parameters():
            p.data *= 0.9  # so that some of what it proposes is taken back
        draft.set_attn_implementation("sdpa")
        cropped = []
        crop = QaqvkCache.crop
        with mock.patch.object(QaqvkCache, "crop", lambda c, n: (cropped.append(n), crop(c, n))):
            self.same(m, prompts(), assistant_model=draft)
        self.assertLess(min(cropped), 0)

    def test_sliding_window(self):
        self.same(model(MistralForCausalLM, MistralConfig, sliding_window=8), prompts())

    def test_logits(self):
        m, ids = model(), prompts(2, 30)
        for dtype, most in ((torch.float32, 1e-4), (torch.bfloat16, 0.15)):
            m = m.to(dtype)
            with torch.no_grad():
                m.set_attn_implementation("sdpa")
                want = m(ids).logits
                m.set_attn_implementation("qaqvk")
                got = m(ids, cache=self.cache(m)).logits
            self.assertLess((got - want).abs().max() / want.abs().max(), most)

    def test_quantized(self):
        m = model()
        m.set_attn_implementation("qaqvk")
        cache = self.cache(m, policy="qaq", outlier_fraction=0.01)
        m.generate(prompts(1, 100), max_new_tokens=100, do_sample=False, cache=cache)
        stats = cache.stats()
        self.assertGreater(stats["stored"], 150)
        self.assertLess(stats["k"]["mean"], 8)

    def test_misuse(self):
        m, ids = model(), prompts()
        m.set_attn_implementation("qaqvk")
        with self.assertRaisesRegex(ValueError, "needs a QaqvkCache"):
            m.generate(ids, max_new_tokens=2)
        with self.assertRaises(qaqvk.errors.CapacityError):
            m.generate(ids, max_new_tokens=8, cache=self.cache(m, capacity=24))


if __name__ == "__main__":
    unittest.main()

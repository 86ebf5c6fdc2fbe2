"""The generator in tensor operations gives NumPy's bits, and the noise made with it is the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsegdiff.diffusion import Noise, NoiseWindow
from medsegdiff.diffusion.philox import product, signed, sixteen_bits

KEYS = ((0, 0), (2**64 - 1, 2**63), (0x0123456789ABCDEF, 0xFEDCBA9876543210))


@pytest.mark.parametrize("key", KEYS)
def test_the_bits_are_numpy_s(key):
    addresses = [(0, 0, 0), (3, 25, 1000), (2, 2**40, 7)]
    for address, drawn in zip(
        addresses, sixteen_bits(key, torch.tensor(addresses), torch.arange(500)), strict=True
    ):
        counter = np.array([0, *address], dtype=np.uint64)
        words = np.random.Philox(key=np.array(key, dtype=np.uint64), counter=counter)
        expected = words.random_raw(128).astype("<u8").view("<u2")[:500]
        assert np.array_equal(drawn.numpy(), expected)


@pytest.mark.parametrize("word", [0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
def test_products_are_those_of_unsigned_words(word):
    factor = 0xD2E7470EE14C6C93
    high, low = product(factor, torch.tensor(signed(word)))
    assert (int(high) % 2**64, int(low) % 2**64) == divmod(factor * word, 2**64)


@pytest.mark.parametrize(
    ("shape", "window"),
    [
        ((2, 12, 10), None),
        ((1, 9, 8), NoiseWindow((7, 30), (-3, 25), (9, 8))),
        ((3, 4, 6, 5), NoiseWindow((6, 9, 11), (4, -2, 8), (4, 6, 5))),
    ],
)
def test_a_device_computes_the_noise_that_a_processor_looks_up(shape, window):
    noise = Noise(b"study", [0, 7], 3, shape, window)
    assert all(noise.computed(step).equal(noise()) for step in range(3))

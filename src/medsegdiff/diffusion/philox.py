"""The noise's generator in tensor operations, for devices on which NumPy does not compute.

Bit for bit what `numpy.random.Philox` gives: four words of 64 bits for each counter, ten rounds.
Every place is computed by itself, so whole fields and windows on them are the same call; that
costs sixteen times the operations, of which a GPU has plenty.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox4x64-10.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

ROUNDS = 10
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
KEY_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
LOW = 0xFFFFFFFF  # half of a word


def sixteen_bits(
    key: Sequence[int], addresses: Int[Tensor, "A 3"], places: Int[Tensor, " P"]
) -> Int[Tensor, "A P"]:
    """The 16-bit values at places of streams: 0 to 65535.

    Args:
        key: two words, unsigned.
        addresses: the upper three words of each stream's counter.
        places: in a stream, 16 to a counter.
    """
    counter = (places // 16 + 1)[None].expand(len(addresses), -1)  # NumPy counts before it draws
    upper = (addresses[:, word, None].expand_as(counter) for word in range(3))
    words = torch.stack(philox(key, (counter, *upper)))  # (4, A, P)
    lane = places % 16
    word = words.gather(0, (lane // 4)[None, None].expand(1, *counter.shape))[0]
    return word >> (16 * (lane % 4)) & 0xFFFF


def philox(key: Sequence[int], counter: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Four words for each counter of four words; words are int64 that hold unsigned bits."""
    a, b, c, d = counter
    for done in range(ROUNDS):
        first, second = (
            signed(word + done * step) for word, step in zip(key, KEY_STEPS, strict=True)
        )
        high_a, low_a = product(MULTIPLIERS[0], a)
        high_c, low_c = product(MULTIPLIERS[1], c)
        a, b, c, d = high_c ^ b ^ first, low_c, high_a ^ d ^ second, low_a
    return a, b, c, d


def product(factor: int, word: Tensor) -> tuple[Tensor, Tensor]:
    """Upper and lower 64 bits of the 128-bit product of two unsigned words."""
    high, low = factor >> 32, factor & LOW
    word_high, word_low = word >> 32 & LOW, word & LOW
    carry = high * word_low + (low * word_low >> 32 & LOW)
    other = low * word_high + (carry & LOW)
    upper = high * word_high + (carry >> 32 & LOW) + (other >> 32 & LOW)
    return upper, signed(factor) * word


def signed(word: int) -> int:
    """The int64 with the low 64 bits of a number."""
    word &= 2**64 - 1
    return word - 2**64 if word >= 2**63 else word

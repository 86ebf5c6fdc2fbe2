"""The number format follows the processor."""

from __future__ import annotations

import pytest
import torch

from medsegdiff.engine.precision import (
    autocast,
    chosen_device,
    is_bf16_fast,
    true_float32,
    uses_bf16,
)

CPU = torch.device("cpu")


def test_auto_follows_the_processor():
    fast = {"amx_bf16", "avx512_bf16", "bf16"}
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    assert uses_bf16("auto", CPU) is is_bf16_fast(CPU) is any(has.get(name) for name in fast)


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_named_format_is_taken(precision, kind):
    layer = torch.nn.Linear(2, 2)
    with autocast(precision, CPU):
        assert layer(torch.ones(1, 2)).dtype == kind


def test_auto_takes_a_gpu_where_there_is_one():
    assert chosen_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert chosen_device("cpu") == CPU


@pytest.mark.parametrize("allowed", [True, False])
def test_tensor_float_is_off_inside_and_as_it_was_outside(allowed, monkeypatch):
    settings = torch.backends.cudnn
    monkeypatch.setattr(settings, "allow_tf32", allowed)
    before = settings.enabled, settings.benchmark, settings.deterministic
    with true_float32():
        assert not settings.allow_tf32
        assert (settings.enabled, settings.benchmark, settings.deterministic) == before
    assert settings.allow_tf32 is allowed

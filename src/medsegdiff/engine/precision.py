"""Which number format the networks compute in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from medsegdiff.engine.config import Precision
from medsegdiff.errors import ConfigError

BF16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")  # of x86 and Arm processors


def is_bf16_fast(device: torch.device) -> bool:
    """Whether the device computes bfloat16 in hardware; elsewhere it is emulated and slow."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(instruction, False) for instruction in BF16_INSTRUCTIONS)


def uses_bf16(precision: Precision, device: torch.device) -> bool:
    """What "auto" comes to on this device."""
    return precision == "bf16" or (precision == "auto" and is_bf16_fast(device))


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """The context to run a network in: bfloat16 autocast, or nothing."""
    if uses_bf16(precision, device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def true_float32() -> AbstractContextManager[object]:
    """Inside, a GPU's convolutions in float32 are float32, and not TensorFloat-32 of eleven bits.

    Outside, PyTorch's settings are as they were. Matrix products are float32 unless the program
    that calls us has said otherwise.
    """
    now = torch.backends.cudnn
    return now.flags(
        enabled=now.enabled,
        benchmark=now.benchmark,
        deterministic=now.deterministic,
        allow_tf32=False,
    )


def chosen_device(name: str = "auto") -> torch.device:
    """The device by name; "auto" takes a GPU where there is one.

    Raises:
        ConfigError: there is no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        known = ["auto", "cpu", *(f"cuda:{one}" for one in range(torch.cuda.device_count()))]
        raise ConfigError(
            f"There is no device {name!r} on this machine. Choose one of: {', '.join(known)}."
        ) from None
    return device

"""Medical image segmentation with diffusion models: several plausible masks, fused into one.

The names below are the public API. They load on first use, so that `import medsegdiff` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medsegdiff.engine.pipeline import MedSegDiffPipeline
    from medsegdiff.errors import (
        CheckpointError,
        ConfigError,
        DataError,
        GridMismatch,
        Interrupted,
        MedSegDiffError,
        NumericalError,
        ResourceError,
        UnreadableStudy,
    )
    from medsegdiff.types import Geometry, Prediction, Sample

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Geometry",
    "GridMismatch",
    "Interrupted",
    "MedSegDiffError",
    "MedSegDiffPipeline",
    "NumericalError",
    "Prediction",
    "ResourceError",
    "Sample",
    "UnreadableStudy",
    "__version__",
]

_HOMES = {
    "MedSegDiffPipeline": "medsegdiff.engine.pipeline",
    "Geometry": "medsegdiff.types",
    "Prediction": "medsegdiff.types",
    "Sample": "medsegdiff.types",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module where it lives."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "medsegdiff.errors")), name)


def __dir__() -> list[str]:
    return __all__

"""The public API is small, and it changes only on purpose."""

from __future__ import annotations

import pytest

import medsegdiff

PUBLIC = {
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
}


def test_the_public_names_are_these() -> None:
    assert set(medsegdiff.__all__) == set(dir(medsegdiff)) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_loads(name: str) -> None:
    value = getattr(medsegdiff, name)
    assert name == "__version__" or value.__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Unknown'"):
        medsegdiff.Unknown  # noqa: B018

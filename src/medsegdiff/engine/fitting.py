"""How much goes through a network at once: half as much where a device's memory is too small."""

from __future__ import annotations

import torch

from medsegdiff.errors import ResourceError


class Fitting:
    """Rows that are known to be too many for a device are not tried again."""

    def __init__(self) -> None:
        self._most: int | None = None

    def rows(self, wanted: int) -> int:
        """As many as wanted, or as have been found to fit."""
        return wanted if self._most is None else min(wanted, self._most)

    def halve(self, tried: int) -> None:
        """So many did not fit; call it outside of the `except`, which keeps tensors alive.

        Raises:
            ResourceError: it was one row.
        """
        if tried <= 1:
            raise ResourceError(
                "The memory of the device is too small for one image. Use a smaller train.side or "
                "train.patch when training, a model made with one when predicting, or --device cpu."
            )
        self._most = tried // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

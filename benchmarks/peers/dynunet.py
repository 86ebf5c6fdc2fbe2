"""nnU-Net's network, as MONAI has it, in our training loop: theirs, to compare with.

Any `medsegdiff` command knows it while this folder is on Python's path, as a plug-in of the
entry-point group `medsegdiff`:

    PYTHONPATH=benchmarks/peers medsegdiff train DATA -o RUN model.network=dynunet
"""

from __future__ import annotations

import warnings
from typing import Literal

from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from medsegdiff.models import Condition, Network, SegmentationNetwork

MOST_FEATURES = {2: 512, 3: 320}  # nnU-Net's bounds


class DynUNet(Network):
    """A U-Net of plain convolutions with instance norm, without deep supervision.

    nnU-Net begins with 32 features, doubles them with each halving up to 512 (3-D: 320), and
    halves the grid while its sides stay at 4 or more. At 96 x 96 that makes five stages, 32 to
    512, down to 6 x 6, which is the default here; 256 x 256 would make seven. Left out is deep
    supervision, for the loss is that of our training loop.

    Args:
        stages: resolutions.
        first_features: at the finest one.

    Source: Isensee et al. 2021, nnU-Net, Nature Methods 18; MONAI's `DynUNet`.
    """

    name: Literal["dynunet"] = "dynunet"
    stages: int = Field(default=5, ge=2)
    first_features: int = Field(default=32, ge=1)

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """See `Network.build`."""
        return DynUNetModule(self, image_channels, mask_channels, space_dims)


class DynUNetModule(SegmentationNetwork):
    """See `DynUNet`: a condition with a head, nothing else."""

    denoises = False

    def __init__(
        self, settings: DynUNet, image_channels: int, mask_channels: int, space_dims: int
    ) -> None:
        super().__init__()
        with warnings.catch_warnings():  # MONAI's import warns of its own dependencies
            warnings.simplefilter("ignore")
            from monai.networks.nets.dynunet import DynUNet as Theirs
        halvings = settings.stages - 1
        most = MOST_FEATURES[space_dims]
        theirs = Theirs(
            spatial_dims=space_dims,
            in_channels=image_channels,
            out_channels=mask_channels,
            kernel_size=[3] * settings.stages,
            strides=[1] + [2] * halvings,
            upsample_kernel_size=[2] * halvings,
            filters=[min(settings.first_features * 2**k, most) for k in range(settings.stages)],
        )
        # The same layers stand under several names in theirs; weights are saved under one.
        self.body: nn.Module = theirs.skip_layers
        self.head: nn.Module = theirs.output_block
        self.multiple = 2**halvings

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """The mask's logits; a grid that cannot be halved so often is padded for the while."""
        pads = [pad for side in reversed(image.shape[2:]) for pad in (0, -side % self.multiple)]
        logits = self.head(self.body(functional.pad(image, pads)))
        return Condition((), logits[(..., *[slice(side) for side in image.shape[2:]])].float())

    def denoise(
        self, x_t: Float[Tensor, "B K *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """Never called: see `denoises`."""
        raise NotImplementedError("DynUNet does not denoise; use the logits of its condition.")

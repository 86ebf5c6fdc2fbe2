"""All that a person may choose, in one object; what gives the weights meaning is sealed in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SerializeAsAny, model_validator

from medsegdiff.component import Config
from medsegdiff.data import Familiar, LabelMap, Preparation, Transform
from medsegdiff.data.transforms.affine import Affine
from medsegdiff.data.transforms.blur import Blur
from medsegdiff.data.transforms.brightness import Brightness
from medsegdiff.data.transforms.contrast import Contrast
from medsegdiff.data.transforms.fit_to_grid import Aspect
from medsegdiff.data.transforms.flip import Flip
from medsegdiff.data.transforms.gamma import Gamma
from medsegdiff.data.transforms.grain import Grain
from medsegdiff.diffusion import NoiseRecipe, Objective, ProcessSettings, Sampler
from medsegdiff.diffusion.objectives.logits import Logits
from medsegdiff.diffusion.samplers.ddim import DDIM
from medsegdiff.ensemble import Ensemble
from medsegdiff.ensemble.mean import Mean
from medsegdiff.models import Network
from medsegdiff.models.medsegdiff import MedSegDiff
from medsegdiff.types import MaskCoding

Precision = Literal["auto", "fp32", "bf16"]
AUGMENTATION: tuple[Transform, ...] = (
    Flip(),
    Affine(),
    Brightness(),
    Contrast(),
    Gamma(),
    Grain(),
    Blur(),
)


class ModelSettings(Config):
    """What is chosen of a model before any data is seen."""

    network: SerializeAsAny[Network] = MedSegDiff()
    process: ProcessSettings = ProcessSettings()
    objective: SerializeAsAny[Objective] = Logits()


class ModelConfig(ModelSettings):
    """What the weights mean: sealed into the weights file, and read from there and nowhere else.

    Args:
        preparation: grid and intensities, fitted on the training studies.
        labels: names and stored values of the classes.
        channel_names: what each image channel shows.
        threshold: probability from which a voxel is foreground, for a binary task, or in a region;
            chosen on validation.
        temperature: by which the logits of the fused probability are divided, so that it comes
            true; fitted on validation, 1 changes nothing.
        familiar: what the training images look like; None does not ask.
    """

    preparation: Preparation
    labels: LabelMap
    channel_names: tuple[str, ...]
    threshold: float = Field(default=0.5, gt=0, lt=1)
    temperature: float = Field(default=1.0, gt=0)
    familiar: Familiar | None = None

    @property
    def coding(self) -> MaskCoding:
        """What the channels of a mask are."""
        return self.labels.coding

    @property
    def mask_channels(self) -> int:
        """K: 1 for a binary task, else one a region, or one a class with the background."""
        return self.coding.channels

    @property
    def grid_size(self) -> tuple[int, ...]:
        """Voxels along each axis of what the network sees at once."""
        return self.preparation.grid.network_size


class HeadLoss(Config):
    """The condition head's own loss: cross-entropy and Dice.

    Args:
        weight: of the whole of it.
        every: it counts in every so many steps (alpha of MedSegDiff-V2).
        cross_entropy: weight of the cross-entropy beside Dice (beta of MedSegDiff-V2).
    """

    weight: float = Field(default=1.0, ge=0)
    every: int = Field(default=1, ge=1)
    cross_entropy: float = Field(default=1.0, ge=0)


class TrainConfig(Config):
    """How weights are found.

    Args:
        side: geometric mean of the sides of the network's grid; None takes 96 on a CPU, 256 on a
            GPU.
        aspect: "keep" pads images of another shape than the grid's, "squeeze" squeezes them.
        batch_size: images in a step, over all processes.
        micro_batch: of these, images that go through the network at once; the gradients of such
            parts are summed, which needs less memory and changes nothing. None takes all of a
            process, and half as many wherever a GPU's memory turns out too small.
        loaders: threads that make the next batches while the network trains. None takes 4 where a
            GPU trains; a processor does not gain by them.
        dimensions: of the network for volumes; 2 sees their slices. None lets the plan choose.
        patch: voxels of the windows that the network sees, along each axis, so that (1, h, w) sees
            slices; None fits images whole and lets the plan choose for volumes.
        spacing_mm: to which volumes are brought, along each axis; None lets the plan choose.
        foreground_share: least share of each batch whose studies' own masks (no single rater's)
            outline something, for data sets in which many are empty. None takes the studies as they
            come, and with windows a third.
        raters: "consensus" trains on the mask of each study, "random" on that of one of its raters,
            drawn anew in every step, "all" on those of all its raters, each once in every pass over
            the data, so that a study of more raters is seen more often; a study without raters
            keeps its mask. Validation is always against the mask.
        learning_rate: at its highest, after the warm-up; then it follows a cosine to zero.
        warm_up: share of the steps in which it rises.
        head: the condition head's own loss.
        condition_gradient: share of the denoiser's gradient that reaches the condition network, 0
            to 1; what is kept away leaves that network to its own head.
        ema_decay: of the averaged weights, which are those that are used; smaller at first.
        clip_norm: largest norm of the gradient.
        validations: how often the model is validated during the run.
        validation_studies: at most so many, evenly spread over the validation split.
        final_studies: the same for the validation of the finished model, with all members, which
            chooses the threshold; None takes them all.
        patience: validations without a better Dice after which training stops; None never does.
        cache_gb: memory for decoded images.
        compiled: whether a GPU runs the network compiled; a minute or two later, and then faster.
    """

    side: int | None = Field(default=None, ge=16)
    aspect: Aspect = "keep"
    dimensions: Literal[2, 3] | None = None
    patch: tuple[int, ...] | None = Field(default=None, min_length=2, max_length=3)
    spacing_mm: tuple[float, ...] | None = Field(default=None, min_length=2, max_length=3)
    batch_size: int = Field(default=8, ge=1)
    micro_batch: int | None = Field(default=None, ge=1)
    loaders: int | None = Field(default=None, ge=0)
    foreground_share: float | None = Field(default=None, ge=0, le=1)
    raters: Literal["consensus", "random", "all"] = "consensus"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warm_up: float = Field(default=0.05, ge=0, lt=1)
    head: HeadLoss = HeadLoss()
    condition_gradient: float = Field(default=1.0, ge=0, le=1)
    ema_decay: float = Field(default=0.998, ge=0, lt=1)
    clip_norm: float = Field(default=1.0, gt=0)
    noise: NoiseRecipe = NoiseRecipe()
    augmentation: tuple[SerializeAsAny[Transform], ...] = AUGMENTATION
    validations: int = Field(default=8, ge=1)
    validation_studies: int = Field(default=64, ge=1)
    final_studies: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    max_steps: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    seed: int = 0
    precision: Precision = "auto"
    cache_gb: float = Field(default=2.0, gt=0)
    compiled: bool = False


class PredictConfig(Config):
    """How masks are drawn from a model; free to change at any time.

    Args:
        sampler: the walk from noise to mask, with its steps.
        members: masks drawn for each study; 0 takes the mask of the condition head alone.
        step_fusion: fuse each member's estimates of all steps, the later and surer ones with more
            weight, instead of taking the last.
        ensemble: how members are fused.
        seed: another seed, other members.
        member_batch: members that go through the network at once; less needs less memory.
        spread: how far the levels lie apart at which members are cut into labels, for images that
            several people would outline differently: 0 cuts all where the fused mask is, 1 as far
            as their probabilities say, so that (where the threshold is one half) a voxel is in
            about as many members as is likely; a single structure or region in all where that is
            more than 95 %, in none where it is less than 5 %. The fused mask, its maps and the
            quality stay the same.
        overlap: share of a window that the next one covers again, where studies are larger than
            what the network sees.
        threshold: overrides the one kept with the weights.
        calibrated: whether the temperature kept with the weights is applied.
        keep_largest: keep only the largest connected piece of each class.
        fill_holes: fill holes inside each class.
        compiled: whether a GPU runs the network compiled, and the steps as CUDA graphs; the first
            study takes a minute or two longer.
    """

    sampler: SerializeAsAny[Sampler] = DDIM(steps=3, eta=1.0)
    members: int = Field(default=8, ge=0)
    step_fusion: bool = False
    ensemble: SerializeAsAny[Ensemble] = Mean()
    seed: int = 0
    spread: float = Field(default=0.0, ge=0, le=1)
    member_batch: int = Field(default=8, ge=1)
    overlap: float = Field(default=0.5, ge=0, lt=1)
    threshold: float | None = Field(default=None, gt=0, lt=1)
    calibrated: bool = True
    keep_largest: bool = False
    fill_holes: bool = False
    precision: Precision = "auto"
    compiled: bool = False


class RunConfig(Config):
    """Everything a person may choose of a training and of the predictions that validate it."""

    model: ModelSettings = ModelSettings()
    train: TrainConfig = TrainConfig()
    predict: PredictConfig = PredictConfig()

    @model_validator(mode="after")
    def _recycling_is_stable(self) -> RunConfig:
        if self.train.noise.recycling > 0 and not self.model.objective.can_recycle:
            raise ValueError(
                f"with the objective {self.model.objective.model_dump()['name']}, masks recycled "
                "from a guess make targets without bound at low noise: set "
                "train.noise.recycling=0, or bound their weight with "
                "model.objective.min_snr_gamma=5"
            )
        return self

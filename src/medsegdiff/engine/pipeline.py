"""The Python face: weights in, and then one call a study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from medsegdiff.data.channels import with_channels
from medsegdiff.data.formats.picture import SMALLEST_SIDE, stored_values
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.export import export_model
from medsegdiff.engine.folder_prediction import StudyResult, predict_folder
from medsegdiff.engine.opening import open_images
from medsegdiff.engine.outputs import Extras, StudyPrediction
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.workers import WHOLE, Part, Workers
from medsegdiff.errors import DataError
from medsegdiff.types import Geometry, Sample


class MedSegDiffPipeline:
    """A trained model that turns images into predictions.

        pipe = MedSegDiffPipeline.from_pretrained("skin-lesion")
        prediction = pipe("lesion.jpg", members=8, steps=3, seed=0)
        prediction.save("out/")

    Args:
        model: trained weights.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.model = model

    @classmethod
    def from_pretrained(cls, where: str | Path, device: str = "auto") -> MedSegDiffPipeline:
        """Load a bundled model by its name, a MODEL or RUN folder, or a weights file.

        Raises:
            CheckpointError: there is no model, or it is damaged.
        """
        return cls(TrainedModel.load(where, device))

    def __call__(
        self, image: str | Path | Image.Image | np.ndarray, study: str = "image", **settings: Any
    ) -> StudyPrediction:
        """Predict one study.

        Args:
            image: a file, a Pillow image (both are turned upright), or an array of shape (H, W)
                or (H, W, C).
            study: its name, where it is not a file.
            settings: as in `PredictConfig`: members, sampler, ensemble, seed ... and `steps`.

        Raises:
            DataError: the image cannot be used.
            ConfigError: there is no such setting, or its value is out of range.
        """
        sample = self._sample(image, study)
        prediction = predict(sample, self.model, self.config(**settings))
        return StudyPrediction.of(prediction, self.model.config.labels)

    def predict_folder(
        self,
        images: str | Path,
        out: str | Path,
        *,
        extras: Extras | None = None,
        is_continued: bool = False,
        part: Part = WHOLE,
        workers: Workers | None = None,
        **settings: Any,
    ) -> Iterator[StudyResult]:
        """Predict a folder study by study and write OUT; a bad study is a result with its error.

        Nothing happens until the results are iterated over. Arguments as in `predict_folder`.
        """
        config = self.config(**settings)
        return predict_folder(
            images,
            out,
            self.model,
            config,
            extras=extras,
            part=part,
            is_continued=is_continued,
            workers=workers,
        )

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a MODEL folder that is usable alone.

        Raises:
            CheckpointError: the model has several folds.
        """
        export_model(self.model, Path(folder))

    def config(self, **settings: Any) -> PredictConfig:
        """The settings kept with the weights, with some changed and checked."""
        return with_predict(self.model.predict, **settings)

    def _sample(self, image: str | Path | Image.Image | np.ndarray, study: str) -> Sample:
        if isinstance(image, (str, Path)):
            if Path(image).is_dir():
                raise DataError(f"{image} is a folder: use predict_folder(images, out) for it.")
            dataset = open_images(Path(image), self.model)
            return dataset.load(dataset.ids()[0])
        if isinstance(image, Image.Image):
            image = stored_values(image)
        values = intensities(image, len(self.model.config.channel_names))
        return Sample(study, values, Geometry(tuple(values.shape[1:])))


def intensities(array: np.ndarray, channels: int) -> Float[Tensor, "C H W"]:
    """An array as an image, with as many channels as are expected where that loses nothing.

    Args:
        array: shape (H, W) or (H, W, C), any real type.
        channels: that the weights expect.

    Raises:
        DataError: another shape, or numbers that are not finite.
    """
    values = array[..., None] if array.ndim == 2 else array
    if values.ndim != 3 or min(values.shape[:2]) < SMALLEST_SIDE:
        raise _unsuited(array, channels)
    image = torch.from_numpy(np.array(values.transpose(2, 0, 1), dtype=np.float32, order="C"))
    if not bool(image.isfinite().all()):
        raise DataError("The image holds numbers that are not finite. Replace them first.")
    image = with_channels(image, channels)
    if len(image) != channels:
        raise _unsuited(array, channels)
    return image


def _unsuited(array: np.ndarray, channels: int) -> DataError:
    return DataError(
        f"An image of shape {array.shape} cannot be used. Expected (H, W) or (H, W, {channels}), "
        f"at least {SMALLEST_SIDE} pixels a side, the channels last."
    )

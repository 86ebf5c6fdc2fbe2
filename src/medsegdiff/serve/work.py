"""What a worker does for a job: lay out its files, predict, draw layers, list the result."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medsegdiff.engine.demo import samples_of
from medsegdiff.engine.folder_prediction import StudyResult, predict_folder
from medsegdiff.engine.layers import probability_names, thumbnail, write_layers
from medsegdiff.engine.model_location import bundled_models
from medsegdiff.engine.opening import open_images
from medsegdiff.engine.outputs import Extras, write_picture
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import DataError, MedSegDiffError
from medsegdiff.files import write_json
from medsegdiff.serve import results
from medsegdiff.serve.archives import ArchiveLimits
from medsegdiff.serve.description import sample_files
from medsegdiff.serve.memory import limit_memory
from medsegdiff.serve.study import arranged

Report = Callable[..., None]
ALL = Extras(probabilities=True, uncertainty=True, members=True, previews=True, dicom_seg=True)
THUMBNAIL_SIDE = 256
READ, DRAWN, WRITTEN = 0.05, 0.85, 1.0  # shares of the bar at the end of each stage


class Work:
    """Jobs for the models of one server; the model used last stays loaded.

    Args:
        order: what the server has told when it started this worker.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.root = Path(order["root"])
        self.places: dict[str, str] = order["models"]
        self._loaded: tuple[str, TrainedModel] | None = None

    def prepare(self) -> dict[str, bool]:
        """Draw the samples' small pictures, load every model, then limit this process's memory.

        Returns:
            By what masks can be fused, and whether each needs whole masks.

        Raises:
            CheckpointError: a model is damaged.
        """
        for model_id, place in self.places.items():
            if place in bundled_models():
                self._draw_samples(place, self.root / "thumbnails" / model_id)
        found: dict[str, bool] = {}
        for model_id in reversed(self.places):  # the first stays loaded
            family = self.model(model_id).predict.ensemble.members
            found = {name: getattr(one, "sees_whole_masks", False) for name, one in family.items()}
        limit_memory(self.order["memory_gb"], self.order["device"], self.order["jobs"])
        return found

    def model(self, model_id: str) -> TrainedModel:
        """A model, loaded if it is not the one that was used last."""
        if self._loaded is None or self._loaded[0] != model_id:
            self._loaded = None
            model = TrainedModel.load(self.places[model_id], self.order["device"])
            self._loaded = (model_id, model)
        return self._loaded[1]

    def _draw_samples(self, place: str, folder: Path) -> None:
        dataset = samples_of(place)
        for study in dataset.ids():
            picture = thumbnail(dataset.load(study), THUMBNAIL_SIDE)
            write_picture(folder / f"{study}.png", picture)

    def do(self, job: dict[str, Any], report: Report) -> None:
        """Carry out a job: afterwards its folder holds `out/`, `layers/` and `result.json`.

        Args:
            job: id, folder, files, given names, sample and settings.
            report: called with stage, fraction and eta_seconds; what it raises stops the job.

        Raises:
            MedSegDiffError: for a reason that the user can act on.
        """
        report(stage="reading", fraction=0.0, eta_seconds=None)
        folder, settings = Path(job["folder"]), job["settings"]
        model = self.model(settings["model"])
        images = self._images(job, folder, model)
        if len(open_images(images, model).ids()) > 1:
            raise DataError("There are several studies. Upload one at a time.")
        started = time.monotonic()

        def drawn(done: int, total: int) -> None:
            share = done / total
            left = None if done == 0 else (time.monotonic() - started) * (1 - share) / share
            fraction = READ + (DRAWN - READ) * share
            stage = "drawing" if done < total else "writing"
            report(stage=stage, fraction=round(fraction, 4), eta_seconds=left)

        named = dataclasses.replace(model, name=settings["model"])  # no path of ours in a report
        config = with_predict(model.predict, **{k: v for k, v in settings.items() if k != "model"})
        out = folder / "out"
        (result,) = predict_folder(images, out, named, config, extras=ALL, progress=drawn)
        if result.error is not None:
            raise result.error  # also what stopped it between two steps
        self._list(folder, images, result, settings)
        report(stage="writing", fraction=WRITTEN, eta_seconds=0.0)

    def told(self, error: MedSegDiffError, job: dict[str, Any]) -> str:
        """What went wrong, without folders of this machine."""
        own = re.escape(str(self.root))
        text = re.sub(rf"{own}/[0-9a-f]+/(?:(?:upload|unpacked|study|out)/?)?", "", str(error))
        text = re.sub(rf"{own}/?", "", text)
        for model_id, place in self.places.items():
            text = text.replace(place, model_id)
        return text

    def _images(self, job: dict[str, Any], folder: Path, model: TrainedModel) -> Path:
        """What is to be predicted: a file, or the folder of one study."""
        if job["sample"] is not None:
            sample = sample_files(self.places[job["settings"]["model"]])[job["sample"]]
            return Path(shutil.copyfile(sample, folder / "upload" / sample.name))
        limits = ArchiveLimits(self.order["upload_files"], self.order["unpacked_bytes"])
        files = [folder / "upload" / name for name in job["files"]]
        channels = len(model.config.channel_names)
        return arranged(files, job["given"], folder, channels, limits, job["name"])

    def _list(
        self, folder: Path, images: Path, result: StudyResult, settings: dict[str, Any]
    ) -> None:
        """Draw the layers, and write down what there is."""
        assert result.prediction is not None
        assert result.mask_file is not None
        names = probability_names(result.prediction)
        layers = write_layers(result.prediction, folder / "layers")
        offered = results.downloads(folder / "out", result.study, result.mask_file, names)
        content = results.described(result, settings, names, list(layers))
        content["downloads"] = results.as_json(offered)
        content["predicted"] = str(images.relative_to(folder))
        content["files"] = results.file_entries(layers, offered, folder)
        write_json(folder / "result.json", content)

"""Writing what was predicted of one study: whatever goes wrong is said of that study alone."""

from __future__ import annotations

import errno
from pathlib import Path

from medsegdiff.data.preparation import voxel_digest
from medsegdiff.engine.file_names import seg_file
from medsegdiff.engine.outputs import Extras, StudyPrediction
from medsegdiff.engine.run_report import StudyRecord
from medsegdiff.errors import DataError, MedSegDiffError, ResourceError


def saved(
    result: StudyPrediction | Exception, out: Path, extras: Extras
) -> tuple[Path | None, StudyRecord]:
    """Write a prediction, and say what became of the study; without a file it has failed.

    Args:
        result: what was predicted, or why nothing was.
        out: OUT.
        extras: what is written beside the mask.

    Returns:
        The file of the mask, if there is one, and the study's entry in the report.

    Raises:
        ResourceError: the disk is full.
    """
    if isinstance(result, Exception):
        return None, StudyRecord(error=result)
    try:
        path = result.save(out, extras.model_copy(update={"dicom_seg": False}))
        refused = _dicom_seg_refused(result, out, extras)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(
                f"The disk of {out} is full. Make room, and repeat the command with --continue."
            ) from None
        return None, StudyRecord(error=DataError(f"{out} cannot be written: {error}."))
    except MedSegDiffError as error:
        return None, StudyRecord(error=error)
    return path, StudyRecord(
        quality=result.quality,
        warnings=(*result.warnings, *refused),
        input_hash=voxel_digest(result.image).hex(),
        geometry=result.geometry,
        statistics=result.statistics(),
    )


def _dicom_seg_refused(result: StudyPrediction, out: Path, extras: Extras) -> list[str]:
    """Write the DICOM SEG that is wanted; why there is none is a warning, for the mask is there."""
    seg_file(out, result.study).unlink(missing_ok=True)  # an earlier run's
    if not extras.dicom_seg:
        return []
    try:
        result.save_dicom_seg(out, extras.probabilities)
    except DataError as error:
        return [str(error)]
    return []

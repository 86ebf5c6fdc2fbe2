"""A task of the Medical Segmentation Decathlon, as it is.

    ROOT/dataset.json               modality, labels, and the lists "training" and "test"
    ROOT/imagesTr/X.nii.gz          all channels in one file, along its fourth axis
    ROOT/labelsTr/X.nii.gz
    ROOT/imagesTs/Y.nii.gz

Source: medicaldecathlon.com; Antonelli et al. 2022.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.datasets.datalist import has_lists, listed
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.study_files import FoundStudies
from medsegdiff.errors import DataError


class MSD(FileDataset):
    """A task of the Decathlon, or any folder whose `dataset.json` lists its studies."""

    name: Literal["msd"] = "msd"
    specificity: ClassVar[int] = 45

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Whether `dataset.json` lists studies that are there under the listed names.

        nnU-Net's first version lists them too, but without the number of the channel.
        """
        path = root / "dataset.json"
        if not path.is_file() or not has_lists(path):
            return False
        try:
            studies = listed(path, "").studies.values()
        except DataError:
            return False
        return any(files.images[0].exists() for files in studies)

    def find(self) -> FoundStudies:
        return listed(self.root / "dataset.json", "A task of the Medical Segmentation Decathlon")

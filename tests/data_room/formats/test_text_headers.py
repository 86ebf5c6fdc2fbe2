"""Headers of NRRD and MetaImage at their edges; the damaged files of `tests/damage` do the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damage.lies_text import nrrd as nrrd_line
from damage.sound import sound

from medsegdiff.data.reader import read_image
from medsegdiff.errors import UnreadableStudy


def test_the_last_line_of_a_header_alone_needs_no_end(tmp_path: Path):
    study = sound("mhd + raw")
    assert not study.content().endswith(b"\n")
    assert np.array_equal(read_image(study.write(tmp_path)).image.numpy(), study.truth.image)


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_a_detached_nrrd_header_is_told_what_to_do(tmp_path: Path, end: bytes):
    path = tmp_path / "a.nhdr"
    path.write_bytes(b"NRRD0004\ntype: short\ndata file: a.raw" + end)
    with pytest.raises(UnreadableStudy, match=r"Save it as one \.nrrd file"):
        read_image(path)


def test_three_axes_do_not_lie_in_a_space_of_two(tmp_path: Path):
    lie = nrrd_line("space directions", "(1,0) (0,1) (0,1)")
    with pytest.raises(UnreadableStudy, match="3 axes in a space of 2"):
        read_image(lie.told(sound("nrrd")).study.write(tmp_path))


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path):
    study = sound("mhd + raw")
    path = study.with_file(study.content() + b"x" * 300).write(tmp_path)
    with pytest.raises(UnreadableStudy, match="lie in one file beside it"):
        read_image(path)

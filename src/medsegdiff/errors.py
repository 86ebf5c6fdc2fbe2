"""Everything that can go wrong for a reason the user can act on.

    MedSegDiffError
    ├── ConfigError          a setting that does not exist or is out of range        exit 2
    ├── DataError            a data set or a study that cannot be used               exit 4
    │   ├── UnreadableStudy  one file is damaged, or is not what its name says
    │   ├── GridMismatch     two grids that must agree differ in shape or spacing
    │   └── AlreadyKept      somebody has kept a correction of the same image before
    ├── CheckpointError      weights or a training state that cannot be used         exit 4
    ├── NumericalError       a loss or gradient that is not finite                   exit 4
    ├── ResourceError        more memory, disk or time than there is                 exit 5
    └── Interrupted          stopped by a signal, with the state saved               exit 130, 143

A message says what was given, what was expected, what to do, and which study or file.
"""


class MedSegDiffError(Exception):
    """Base of all errors that are reported as a sentence and not as a traceback."""

    exit_code: int = 4


class ConfigError(MedSegDiffError):
    """A setting that does not exist, or a value out of its range."""

    exit_code = 2


class DataError(MedSegDiffError):
    """A data set or a study that cannot be used as it is."""


class UnreadableStudy(DataError):
    """A file that is damaged, too large, or not what its name says."""


class GridMismatch(DataError):
    """Two grids that must agree differ in shape or spacing."""


class AlreadyKept(DataError):
    """Somebody has kept a correction of the same image before."""


class CheckpointError(MedSegDiffError):
    """Weights or a training state that cannot be used."""


class NumericalError(MedSegDiffError):
    """A loss or a gradient that is not finite."""


class ResourceError(MedSegDiffError):
    """More memory, disk or time than there is."""

    exit_code = 5


class Interrupted(MedSegDiffError):
    """Stopped by a signal after the state was saved.

    Args:
        message: where the state lies and how to go on.
        signal_number: 2 for Ctrl-C, 15 for SIGTERM; the exit code is 128 more.
    """

    def __init__(self, message: str, signal_number: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number

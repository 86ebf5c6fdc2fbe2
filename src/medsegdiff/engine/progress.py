"""What a training tells whoever watches it; the engine itself never prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingPlan:
    """What is about to happen, known before the first step.

    Args:
        steps: optimiser steps in all.
        first_step: 0, or where a resumed training goes on.
        parameters: trainable weights.
        studies: training and validation studies.
        grid_size: of the network.
        device: where it runs, with its number format.
        seconds_per_step: measured; None when a training goes on.
        memory_gb: estimate of the memory needed; None where it was not measured.
        reasons: why the data are looked at as they are, in plain words.
    """

    steps: int
    first_step: int
    parameters: int
    studies: tuple[int, int]
    grid_size: tuple[int, ...]
    device: str
    seconds_per_step: float | None
    memory_gb: float | None
    reasons: tuple[str, ...] = ()


class TrainingObserver:
    """Does nothing; a face of the engine overrides what it wants to show."""

    def started(self, plan: TrainingPlan) -> None:
        """The plan stands; the first step follows."""

    def stepped(self, step: int, total: int, loss: float, seconds_left: float) -> None:
        """One step is done."""

    def validated(self, step: int, dice: float, is_best: bool) -> None:
        """A validation is done; `dice` is the mean over studies and foreground classes, 0 to 1."""

    def noted(self, message: str) -> None:
        """Something that the user should know, in plain words."""

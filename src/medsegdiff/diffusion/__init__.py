"""The mathematics of the diffusion: schedules, noise, parametrisation, losses, samplers."""

from medsegdiff.diffusion.noise import Noise, NoiseSource, NoiseWindow
from medsegdiff.diffusion.objectives import Objective
from medsegdiff.diffusion.overlap import cross_entropy_and_dice, probability_from_logits
from medsegdiff.diffusion.process import Process, ProcessSettings
from medsegdiff.diffusion.samplers import Denoiser, Sampler
from medsegdiff.diffusion.schedules import Schedule
from medsegdiff.diffusion.training import NoiseDraw, NoiseRecipe, diffusion_loss

__all__ = [
    "Denoiser",
    "Noise",
    "NoiseDraw",
    "NoiseRecipe",
    "NoiseSource",
    "NoiseWindow",
    "Objective",
    "Process",
    "ProcessSettings",
    "Sampler",
    "Schedule",
    "cross_entropy_and_dice",
    "diffusion_loss",
    "probability_from_logits",
]

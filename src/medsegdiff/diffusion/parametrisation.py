"""x_0, eps and v are three names for one thing, given x_t and t: the conversions, and nowhere else.

With a = sqrt(alpha_bar) and s = sqrt(1 - alpha_bar):  x_t = a x_0 + s eps  and  v = a eps - s x_0.

Source: Salimans, Ho 2022, arXiv:2202.00512, appendix D.
"""

from medsegdiff.diffusion.process import Level, Process, Signal


def x_0_from_eps(eps: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
    """Clean signal from predicted noise."""
    signal, noise = process.at(t, x_t)
    return (x_t - noise * eps) / signal


def eps_from_x_0(x_0: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
    """Noise from a clean signal; t must be at least 1."""
    signal, noise = process.at(t, x_t)
    return (x_t - signal * x_0) / noise


def x_0_from_v(v: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
    """Clean signal from predicted v."""
    signal, noise = process.at(t, x_t)
    return signal * x_t - noise * v


def v_from_x_0(x_0: Signal, x_t: Signal, t: Level, process: Process) -> Signal:
    """The v that belongs to a clean signal; t must be at least 1."""
    signal, noise = process.at(t, x_t)
    return signal * eps_from_x_0(x_0, x_t, t, process) - noise * x_0

"""By what a spectrum is divided before it becomes tokens."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

SMALLEST = 1e-3  # a median below this share of a spectrum's largest value is no scale


def unit_scale(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return ones (B, 1): spectra stay as they are."""
    return torch.ones_like(values[:, :1])


def median_scale(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the magnitude of the median of what is `seen` (B, n) of every spectrum, (B, 1).

    Spectra about zero, such as derivatives, have none: they are not scaled, with a warning.
    """
    count = seen.sum(1, keepdim=True)
    ordered = values.masked_fill(~seen, torch.inf).sort(dim=1).values
    lower, upper = (ordered.gather(1, rank.clamp(min=0)) for rank in ((count - 1) // 2, count // 2))
    median = ((lower + upper) / 2).abs()
    largest = values.masked_fill(~seen, 0).abs().amax(1, keepdim=True)
    return _or_one(median, (count > 0) & (median > SMALLEST * largest), "median")


def area_scale(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the area under the magnitude of every spectrum over the width of its axis, (B, 1).

    Trapezoids between neighbours that are both `seen` (B, n) count, in the area and in the
    width. A spectrum that is divided by this has area 1 over an axis from 0 to 1, whatever the
    axis; with an area in cm-1 its values would be some 1e-4. Zero spectra stay, with a warning.
    """
    step = wavenumber.diff(dim=1).abs().masked_fill(~(seen[:, 1:] & seen[:, :-1]), 0)
    height = values.masked_fill(~seen, 0).abs().to(step)
    area = (step * (height[:, 1:] + height[:, :-1]) / 2).sum(1, keepdim=True)
    mean = (area / step.sum(1, keepdim=True)).to(values)  # NaN where there is no trapezoid
    return _or_one(mean, mean > 0, "area")


def _or_one(scale: Tensor, usable: Tensor, name: str) -> Tensor:
    """Replace scales (B, 1) that are not `usable` by 1, with one warning."""
    if not usable.all():
        warnings.warn(
            f"Some spectra are not divided by their {name}, because it is about zero. "
            "Pass spectra that are positive, such as absorbance, or do not normalise them.",
            stacklevel=3,
        )
    return torch.where(usable, scale, 1.0)


SCALES: dict[str | None, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    None: unit_scale,
    "median": median_scale,
    "area": area_scale,
}

"""Scales by which spectra are divided before they are tokenized."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

MIN_RELATIVE_MEDIAN = 1e-3  # smallest median used as a scale, relative to the largest magnitude


def unit_scale(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return ones (B, 1), which leave spectra unchanged."""
    return torch.ones_like(values[:, :1])


def median_scale(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the absolute median of the `seen` channels (B, n) of every spectrum, (B, 1).

    Spectra with a median close to zero, such as derivatives, are not scaled; a warning is issued.
    """
    count = seen.sum(1, keepdim=True)
    ordered = values.masked_fill(~seen, torch.inf).sort(dim=1).values
    lower, upper = (ordered.gather(1, rank.clamp(min=0)) for rank in ((count - 1) // 2, count // 2))
    median = ((lower + upper) / 2).abs()
    largest = values.masked_fill(~seen, 0).abs().amax(1, keepdim=True)
    return _replace_unusable(
        median, (count > 0) & (median > MIN_RELATIVE_MEDIAN * largest), "median"
    )


def area_scale(values: Tensor, seen: Tensor, wavenumber: Tensor) -> Tensor:
    """Return the area under the magnitude of every spectrum, divided by its width, (B, 1).

    Area and width are sums over trapezoids between neighbours that are both `seen` (B, n). A
    scaled spectrum has area 1 over an axis rescaled to [0, 1]; with an area in cm-1, its values
    would be about 1e-4. Spectra of zeros are not scaled; a warning is issued.
    """
    step = wavenumber.diff(dim=1).abs().masked_fill(~(seen[:, 1:] & seen[:, :-1]), 0)
    height = values.masked_fill(~seen, 0).abs().to(step)
    area = (step * (height[:, 1:] + height[:, :-1]) / 2).sum(1, keepdim=True)
    mean = (area / step.sum(1, keepdim=True)).to(values)  # NaN without a trapezoid
    return _replace_unusable(mean, mean > 0, "area")


def _replace_unusable(scale: Tensor, usable: Tensor, name: str) -> Tensor:
    """Replace scales (B, 1) that are not `usable` by 1, with one warning."""
    if not usable.all():
        warnings.warn(
            f"Some spectra are not divided by their {name}, because it is close to zero. "
            "Pass positive spectra, such as absorbance, or train with normalize=None.",
            stacklevel=3,
        )
    return torch.where(usable, scale, 1.0)


SCALES: dict[str | None, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    None: unit_scale,
    "median": median_scale,
    "area": area_scale,
}

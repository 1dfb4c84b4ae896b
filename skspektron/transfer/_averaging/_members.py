"""The ridge regressions of an ensemble, and their errors on held-out samples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...calibration._kernels import (
    RBF,
    Features,
    Kernel,
    Linear,
    LinearPredictor,
    Predictor,
    fit_features,
)
from ...calibration._ridge import RidgePath
from ...metrics._variance import nonzero_variance
from .._core._standards import Rows, Standards

# Chosen on sugarcane handhelds and on real spectra with simulated second instruments, see
# benchmarks/development.py; neighbouring values perform alike.
# On the development tasks more kernels than these two are no better, and worse on fuels.
KERNELS: tuple[Kernel, ...] = (Linear(), RBF(1.0, autoscale=True))
STRENGTHS = 10.0 ** np.arange(-5.5, -2.0)  # of ridges, per row, of features of mean square norm 1
DIFFERENCE_WEIGHT = 10.0  # of a difference, relative to 1 for a source row
LABEL_WEIGHT = 3.0  # of a labelled target spectrum
# Of linear regressions on target spectra alone. Weaker ones overfit the few standards.
TARGET_STRENGTHS = 10.0 ** np.arange(-3.5, 0.0)
MIN_TARGET_STANDARDS = 6
# More features are better, and keep a fit on 480 samples with 400 standards below five seconds.
MAX_FEATURES, MAX_FEATURES_OF_MANY, MANY_ROWS = 300, 150, 1000
DIFFERENCE_TOLERANCE = 1e-12  # relative to the norm of the spectra


@dataclass(frozen=True)
class ViewedRows:
    """Source rows and both spectra of the standards in one view.

    `held_out` are the target spectra in the view learnt without each of them, None if the view was
    not learnt from them. `between` are both spectra of pairs of two sources, and the standard of
    each pair. `rounding` are the rounding errors of the channels. If `is_mapped`, target spectra
    are images under a map to the source, and otherwise they are corrected by the mean difference.
    """

    Z: NDArray[Any]  # (n_source, n_channels of the view)
    Z_source: NDArray[Any]  # (n, n_channels)
    Z_target: NDArray[Any]  # (n, n_channels)
    held_out: NDArray[Any] | None = None
    between: tuple[NDArray[Any], NDArray[Any], NDArray[np.intp]] | None = None
    rounding: NDArray[Any] | float = 0.0
    is_mapped: bool = False

    def aligned(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return target spectra plus the mean difference, and the mean difference."""
        Z_target = self.Z_target if self.held_out is None else self.held_out
        if self.is_mapped or not weights.any():
            return Z_target, np.zeros(self.Z.shape[1])
        offset = np.average(self.Z_source - self.Z_target, axis=0, weights=weights)
        rest = self.Z_source - Z_target - offset
        size = (self.Z_source**2).sum() + (Z_target**2).sum()
        if (rest**2).sum() <= DIFFERENCE_TOLERANCE**2 * size:
            return self.Z_source, offset
        return Z_target + offset, offset


@dataclass(frozen=True)
class Member:
    """Ridge regressions of one view and kernel, under s strengths, for q targets.

    Errors (s, q) are mean squares in units of the variance of `y`: of held-out source rows
    (`source_error`), of the differences between the predictions for both spectra of held-out
    standards (`disagreement`), and of held-out standards against their reference values
    (`label_error`). `held_out` (s, n, q) are the predictions for the target spectra of held-out
    standards. The errors of regressions on target spectra alone are only those of labels.
    """

    view: str
    is_mapped: bool
    features: Features
    offset: NDArray[Any]  # (n_channels of the view,), of target rows
    coef: NDArray[Any]  # (s, k, q)
    intercept: NDArray[Any]  # (s, q)
    uses_labels: bool
    source_error: NDArray[Any]
    disagreement: NDArray[Any]
    label_error: NDArray[Any]
    held_out: NDArray[Any]

    def combine(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return coefficients (k, q) and intercepts (q,) of the sum weighted by (s, q)."""
        coef = np.einsum("skq,sq->kq", self.coef, weights)
        return coef, (self.intercept * weights).sum(axis=0)


def combine(members: Sequence[Member], weights: Sequence[NDArray[Any]]) -> list[Predictor]:
    """Return predictors for target rows of one view whose sum is that of weighted members."""
    sums: dict[int, list[Any]] = {}
    for member, part in zip(members, weights, strict=True):
        coef, intercept = member.combine(part)
        known = sums.setdefault(id(member.features), [member, 0.0, 0.0])
        known[1], known[2] = known[1] + coef, known[2] + intercept
    predictors = [
        shifted(member.features.predictor(coef, intercept), member.offset)
        for member, coef, intercept in sums.values()
    ]
    linear = [each for each in predictors if isinstance(each, LinearPredictor)]
    others: list[Predictor] = [p for p in predictors if not isinstance(p, LinearPredictor)]
    if not linear:
        return others
    coefs, intercepts = ([getattr(each, key) for each in linear] for key in ("coef", "intercept"))
    return [LinearPredictor(np.sum(coefs, axis=0), np.sum(intercepts, axis=0)), *others]


def shifted(predictor: Predictor, offset: NDArray[Any]) -> Predictor:
    """Return a predictor for rows Z that predicts as another for Z + `offset`."""
    if isinstance(predictor, LinearPredictor):
        return replace(predictor, intercept=predictor.intercept + offset @ predictor.coef)
    return replace(predictor, landmarks=predictor.landmarks - offset * predictor.scale)


@dataclass(frozen=True)
class _Features:
    """Features of the rows of one view under one kernel.

    Those of differences have the mean square norm of source rows, 1, about their mean.
    """

    features: Features
    source: NDArray[Any]  # (n_source, k)
    differences: NDArray[Any]  # (n, k)
    between: NDArray[Any]  # (m, k), differences between two sources
    target: NDArray[Any]  # (n, k)
    scale: float  # of the differences

    @classmethod
    def of(cls, kernel: Kernel, view: ViewedRows, target: NDArray[Any], weights) -> "_Features":
        """Return the features of source rows, differences, and target spectra."""
        others = [view.Z_source, target]
        is_many = len(view.Z) + 2 * len(target) > MANY_ROWS
        n_features = MAX_FEATURES_OF_MANY if is_many else MAX_FEATURES
        features = fit_features(kernel, view.Z, others, view.rounding, n_features)
        source, of_source, of_target = map(features.transform, (view.Z, *others))
        differences, scale = of_source - of_target, 1.0
        between = np.empty((0, source.shape[1]))
        if view.between is not None:
            first, second, _ = view.between
            between = features.transform(first) - features.transform(second)
        if weights.any():
            mean = np.average(differences, axis=0, weights=weights)
            power = np.average(((differences - mean) ** 2).sum(axis=1), weights=weights)
            scale = 1 / np.sqrt(power) if power > 0 else 1.0
        return cls(features, source, scale * differences, scale * between, of_target, scale)


def fit_view(name: str, view: ViewedRows, source: Rows, standards: Standards) -> list[Member]:
    """Return the members of one view.

    Regressions on mapped spectra use source rows alone. Others use differences of both spectra of
    the standards too [1]_, without or with the labelled target spectra. The last use target
    spectra alone.

    References
    ----------
    .. [1] Kalivas, Siano, Andries & Goicoechea, Appl. Spectrosc. 63 (2009) 800-809.
    """
    target, offset = view.aligned(standards.weights)
    # The difference of a single standard is the mean: none other to compare it with.
    has_differences = not view.is_mapped and int(np.count_nonzero(standards.weights)) > 1
    uses = (False, True) if has_differences else (False,)
    of_pair = np.empty(0, dtype=int) if view.between is None else view.between[2]
    members = []
    for kernel in KERNELS:
        rows = _Features.of(kernel, view, target, standards.weights)
        for uses_labels in uses:
            fit = _fit(rows, source, standards, of_pair, has_differences, uses_labels)
            members.append(Member(name, view.is_mapped, rows.features, offset, *fit))
    if not view.is_mapped and np.count_nonzero(standards.weights) >= MIN_TARGET_STANDARDS:
        used = target[standards.weights > 0]
        features = fit_features(Linear(), used, (), view.rounding, MAX_FEATURES)
        fit = _fit_target(features.transform(target), source, standards)
        members.append(Member(name, view.is_mapped, features, offset, *fit))
    return members


def _fit(
    rows: _Features,
    source: Rows,
    standards: Standards,
    of_pair: NDArray[np.intp],
    has_differences: bool,
    uses_labels: bool,
):
    """Return coefficients, intercepts and errors of regressions on source rows and standards.

    A difference x_s - x_t has the value zero up to the offset a between the instruments, a
    coefficient without a penalty: sources are predicted as b x + b0, targets as b x + b0 + a.
    """
    Phi = np.concatenate([rows.source, rows.differences, rows.between, rows.target])
    kinds = np.repeat(np.arange(4), [len(source.X), len(standards), len(of_pair), len(standards)])
    free = np.array([[1.0, 0.0], [0.0, -rows.scale], [0.0, 0.0], [1.0, 1.0]])[kinds]
    values = np.zeros((len(kinds), source.y.shape[1]))
    values[kinds == 0], values[kinds == 3] = source.y, standards.y
    pull = DIFFERENCE_WEIGHT * has_differences * standards.weights
    label_pull = LABEL_WEIGHT * uses_labels * standards.weights * standards.label_weights
    weights = np.concatenate([np.ones(len(source.X)), pull, pull[of_pair], label_pull])
    strengths = STRENGTHS * len(source.X)
    path = RidgePath.fit(Phi, values, strengths, weights, free[:, : 1 + has_differences])
    ids = np.concatenate([source.ids, standards.ids, standards.ids[of_pair], standards.ids])
    held_out = _held_out(path, values, ids)
    of_source, differences, of_target = (held_out[:, kinds == k] for k in (0, 1, 3))
    variance = nonzero_variance(source.y)
    source_error = ((of_source - source.y) ** 2).mean(axis=1) / variance
    disagreement = _mean_squares(differences / rows.scale, standards.weights) / variance
    label_error = _label_error(of_target, standards) / variance
    errors = source_error, disagreement, label_error
    return *path.coefficients(), uses_labels, *errors, of_target


def _fit_target(Phi: NDArray[Any], source: Rows, standards: Standards):
    """Return coefficients, intercepts and errors of regressions on target spectra alone."""
    weights = standards.weights * standards.label_weights
    strengths = TARGET_STRENGTHS * len(standards)
    path = RidgePath.fit(Phi, standards.y, strengths, weights)
    held_out = _held_out(path, standards.y, standards.ids)
    error = _label_error(held_out, standards) / nonzero_variance(source.y)
    unknown = np.full_like(error, np.inf)
    return *path.coefficients(), True, unknown, unknown, error, held_out


def _held_out(path: RidgePath, values: NDArray[Any], ids: NDArray[Any]) -> NDArray[Any]:
    """Return the predictions (s, N, q) of rows held out by sample, `values` for a single one."""
    if len(np.unique(ids)) < 2:
        return np.broadcast_to(values, (len(path.shrinkage), *values.shape))
    return path.held_out(ids)


def _label_error(predicted: NDArray[Any], standards: Standards) -> NDArray[Any]:
    """Return the mean squared errors (s, q) of predictions (s, n, q) for standards."""
    return _mean_squares(predicted - standards.y, standards.weights * standards.label_weights)


def _mean_squares(values: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return the weighted mean squares (s, q) of (s, n, q); 0 if there is no weight."""
    total = weights.sum()
    mean: NDArray[Any] = np.einsum("snq,n->sq", values**2, weights / (total or 1.0))
    return mean

"""Result of a comparison of remedies, as numbers, text and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ._tables import TableReport


@dataclass(frozen=True, repr=False)
class RemedyReport(TableReport):
    r"""Held-out errors of the remedies, and the simplest one that is enough.

    With :math:`e_{ri}` the error of remedy r for the held-out sample i, b the remedy with the
    smallest mean squared error and m the number of samples, the excess of r is
    :math:`d_r = \frac{1}{m} \sum_i (e_{ri}^2 - e_{bi}^2)`. A remedy is enough if its excess is at
    most one standard error of these differences [1]_.

    Attributes
    ----------
    remedy : str
        The first remedy that is enough.
    best : str
        The remedy with the smallest error.
    n_samples, n_groups : int
        Number of check samples, and of groups of them that were held out together.
    rmsep : dict of str to float
        Root mean square of the held-out errors of each remedy, simplest first.
    excess, standard_error : dict of str to float
        Excess of each remedy, in the squared unit of `y`, and its standard error.
    not_compared : dict of str to str
        Remedies that could not be compared, and why.
    slope, intercept : float or None
        Correction ``intercept + slope * prediction`` by all check samples, for a `remedy` that
        keeps the transfer; None for one that fits it again.

    See Also
    --------
    choose_remedy : Computes the report.

    References
    ----------
    .. [1] Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, Wadsworth (1984),
       section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.validation import choose_remedy
    >>> X = np.arange(8.0)[:, None]
    >>> report = choose_remedy(LinearRegression().fit(X, X[:, 0]), X, X[:, 0] + 3)
    >>> report.remedy, round(report.intercept, 6)
    ('bias', 3.0)
    """

    _columns: ClassVar[tuple[str, ...]] = ("RMSEP", "excess", "standard error", "enough")
    _width: ClassVar[int] = 16

    remedy: str
    best: str
    n_samples: int
    n_groups: int
    rmsep: dict[str, float]
    excess: dict[str, float]
    standard_error: dict[str, float]
    not_compared: dict[str, str]
    slope: float | None
    intercept: float | None

    def _title(self) -> str:
        """Return what was compared."""
        groups = "" if self.n_groups == self.n_samples else f" in {self.n_groups} groups"
        return f"Remedies, with {self.n_samples} check samples{groups}"

    def is_enough(self, remedy: str) -> bool:
        """Return whether the excess of a remedy is at most its standard error."""
        return self.excess[remedy] <= self.standard_error[remedy]

    def _rows(self) -> list[tuple[str, ...]]:
        """Return the name and the cells of each remedy."""
        return [
            (
                name,
                *(f"{x:.4g}" for x in (error, self.excess[name], self.standard_error[name])),
                "yes" if self.is_enough(name) else "no",
            )
            for name, error in self.rmsep.items()
        ]

    def _sentences(self) -> list[str]:
        """Return the choice, its correction, and what was not compared."""
        sentences = [f"Enough: {self.remedy}."]
        if self.remedy != "nothing" and self.slope is not None:
            sentences.append(
                f"Corrected prediction: {self.intercept:.4g} + {self.slope:.4g} * prediction."
            )
        left_out = (f"Not compared: {name}. {why}" for name, why in self.not_compared.items())
        return [*sentences, *left_out]

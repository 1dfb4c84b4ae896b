"""One-standard-error rule for the number of standards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._parameters import check_arguments, declares, instance_of


@declares(
    cv_results=instance_of(Mapping, "a mapping of str to arrays", "Pass cv_results_ of a search.")
)
def fewest_within_one_se(cv_results: Mapping[str, Any]) -> int:
    r"""Return the candidate with the fewest standards within one standard error of the best.

    For ``GridSearchCV(..., refit=fewest_within_one_se)``: measuring standards is expensive, and the
    best mean of a few splits is often best by chance. The one-standard-error rule [1]_ selects the
    smallest `n_transfer` whose mean test score is at least

    .. math:: \bar s_{best} - \frac{\mathrm{std}(s_{best})}{\sqrt{n_{splits}}}

    where the standard deviation (``ddof=1``) is over the splits of the best candidate.

    Parameters
    ----------
    cv_results : mapping of str to array of shape (n_candidates,)
        `cv_results_` of a search with one score (greater is better) over `n_transfer`, which may be
        the parameter of a nested estimator such as ``"transfer__n_transfer"``. None stands for all
        available standards and counts as the largest number.

    Returns
    -------
    best_index : int
        Index of the candidate. Among equal numbers of standards, the one with the best mean is
        selected, then the first. Candidates whose mean is not finite are never selected.

    Raises
    ------
    ValueError
        If the search has several scores, fewer than two splits or no finite mean, or if a
        candidate does not have exactly one parameter `n_transfer`.

    Notes
    -----
    Training samples of the splits overlap, so that the standard error is underestimated.

    References
    ----------
    .. [1] Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, Wadsworth (1984),
       section 3.4.3.

    Examples
    --------
    >>> from skspektron.model_selection import fewest_within_one_se
    >>> fewest_within_one_se({"param_n_transfer": [20, 10, 5],
    ...                       "mean_test_score": [0.90, 0.89, 0.70],
    ...                       "split0_test_score": [0.88, 0.88, 0.70],
    ...                       "split1_test_score": [0.92, 0.90, 0.70]})
    1
    """
    check_arguments(fewest_within_one_se, locals())
    if "mean_test_score" not in cv_results:
        scores = sorted(key[10:] for key in cv_results if key.startswith("mean_test_"))
        raise ValueError(
            f"cv_results must contain mean_test_score, got {len(scores)} other scores {scores}. "
            "Search with one score, or pass a callable that uses one of them as refit."
        )
    mean = np.asarray(cv_results["mean_test_score"], dtype=np.float64)
    n_transfer = _n_transfer(cv_results)
    if not np.isfinite(mean).any():
        raise ValueError(
            f"None of the {len(mean)} candidates has a finite mean test score. "
            "Search again with error_score='raise' to see the error."
        )
    mean = np.where(np.isfinite(mean), mean, -np.inf)
    best = int(np.argmax(mean))
    is_close = mean >= mean[best] - _standard_error(cv_results, best)
    by_preference = np.lexsort((-mean, n_transfer))  # stable: the first of equal candidates
    return int(by_preference[is_close[by_preference]][0])


def _n_transfer(cv_results) -> NDArray[np.float64]:
    """Return the number of standards of each candidate, infinity for None (all)."""
    parameters = [key for key in cv_results if key.startswith("param_")]
    names = [key for key in parameters if key[6:].split("__")[-1] == "n_transfer"]
    if len(names) != 1:
        raise ValueError(
            f"cv_results must have one parameter n_transfer, got {len(names)}. "
            "Search over the n_transfer of one estimator."
        )
    values = cv_results[names[0]]
    n_unset = np.count_nonzero(np.ma.getmaskarray(np.ma.asarray(values)))
    if n_unset:
        raise ValueError(
            f"{n_unset} of {len(values)} candidates do not set n_transfer. "
            "Add n_transfer to each grid of the search."
        )
    return np.array([np.inf if n is None else n for n in values], dtype=np.float64)


def _standard_error(cv_results, candidate) -> float:
    """Return the standard error of the mean test score of one candidate."""
    n_splits = sum(key.startswith("split") and key.endswith("_test_score") for key in cv_results)
    if n_splits < 2:
        raise ValueError(
            f"cv_results must have at least 2 splits for a standard error, got {n_splits}. "
            "Search with more splits."
        )
    scores = [cv_results[f"split{k}_test_score"][candidate] for k in range(n_splits)]
    return float(np.std(scores, ddof=1) / np.sqrt(n_splits))

"""Limits far in the tail: their definition, and false alarms of limits from few values."""

import numpy as np
import pytest
from scipy.stats import chi2, t

from skspektron.reliability._limits import box_limit, far_limit

LEVEL = 1 - 1 / 370


@pytest.mark.parametrize("kind", ["little skewed", "skewed", "with an outlier"])
def test_far_limit_equals_its_definition(kind):
    rng = np.random.default_rng(0)
    values = {"little skewed": 1, "skewed": 20, "with an outlier": 1}[kind] * rng.chisquare(5, 40)
    values += 100 if kind == "skewed" else 0
    values[0] += 400 if kind == "with an outlier" else 0
    n, m = 40, sum(values) / 40
    s = np.sqrt(sum((value - m) ** 2 for value in values) / (n - 1))
    b = n / ((n - 1) * (n - 2)) * sum(((value - m) / s) ** 3 for value in values)
    b = min(max(b, 2 * s / m), np.sqrt(8))
    assert (b == np.sqrt(8)) == (kind == "with an outlier")
    h = 8 / b**2
    g = s / np.sqrt(2 * h)
    dof = max((n - 1) / (1 + 0.75 * b**2), 2)
    deviate = t.ppf(LEVEL, dof) * np.sqrt(1 + 1 / n)
    chi_square = h * (1 - 2 / (9 * h) + deviate * np.sqrt(2 / (9 * h))) ** 3
    assert far_limit(values, LEVEL) == pytest.approx(m - g * h + g * chi_square)


def test_far_limit_of_many_values_is_the_quantile_of_their_distribution():
    for h in (2, 10, 500):
        values = chi2.ppf((np.arange(20_000) + 0.5) / 20_000, h)
        assert far_limit(5 * values, LEVEL) == pytest.approx(5 * chi2.ppf(LEVEL, h), rel=0.04)


def test_far_limit_of_equal_values_is_their_value():
    assert far_limit(np.full(5, 3.0), LEVEL) == 3.0
    assert far_limit(np.zeros(5), LEVEL) == 0.0


@pytest.mark.parametrize("h", [3, 10, 300])
@pytest.mark.parametrize("n", [30, 120])
def test_far_limits_of_few_values_have_the_expected_false_alarms(n, h):
    sets = np.random.default_rng(1).chisquare(h, (300, n))
    far, box = (
        370 * np.mean(chi2.sf([limit(values, LEVEL) for values in sets], h))
        for limit in (far_limit, box_limit)
    )
    assert 0.45 < far < 1.15
    assert box > 1.15

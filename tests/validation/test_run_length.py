"""Average run lengths: published tables, the Markov chain of Brook and Evans, and limits."""

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.bench_monitoring import markov_chain
from skspektron.validation import _run_length
from skspektron.validation._limits import limits_of_errors

SHIFTS = (0, 0.5, 1, 1.5, 2, 3)


@pytest.mark.parametrize(
    ("weight", "width", "expected"),
    [  # Lucas & Saccucci, Technometrics 32 (1990) 1-12
        (0.1, 2.814, (500, 31.3, 10.3, 6.08, 4.36, 2.87)),
        (0.25, 2.998, (500, 48.2, 11.1, 5.47, 3.62, 2.26)),
        (0.4, 3.054, (500, 71.2, 14.3, 5.86, 3.52, 2.02)),
    ],
)
def test_ewma_has_the_published_run_lengths(weight, width, expected):
    limit = width * np.sqrt(weight / (2 - weight))
    found = [_run_length.ewma_arl(limit, weight, shift) for shift in SHIFTS]
    np.testing.assert_allclose(found, expected, rtol=0.005)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [  # Lucas & Crosier, Technometrics 24 (1982) 199-205, two-sided charts
        (4.0, (168, 26.6, 8.38, 4.75, 3.34, 2.19)),
        (5.0, (465, 38.0, 10.4, 5.75, 4.01, 2.57)),
    ],
)
def test_cusum_has_the_published_run_lengths(limit, expected):
    found = [_run_length.cusum_arl(limit, 0.5, shift) for shift in SHIFTS]
    np.testing.assert_allclose(found, expected, rtol=0.005)


@pytest.mark.parametrize("shift", [0, 0.5, 2])
def test_markov_chain_approximates_the_same_run_lengths(shift):
    limits = limits_of_errors(370.0, 0.2, 0.5)
    chain = markov_chain(limits, shift)
    assert chain["ewma"] == pytest.approx(
        _run_length.ewma_arl(limits["ewma"], 0.2, shift), rel=0.003
    )
    assert chain["cusum"] == pytest.approx(
        _run_length.cusum_arl(limits["cusum"], 0.5, shift), rel=0.003
    )


@pytest.mark.parametrize("arl", [10, 370, 1e4])
@pytest.mark.parametrize(("weight", "k"), [(0.01, 0.25), (0.2, 0.5), (1.0, 1.0)])
def test_limits_have_their_run_length(arl, weight, k):
    limits = limits_of_errors(arl, weight, k)
    assert _run_length.shewhart_arl(limits["shewhart"]) == pytest.approx(arl)
    assert _run_length.ewma_arl(limits["ewma"], weight) == pytest.approx(arl, rel=1e-6)
    assert _run_length.cusum_arl(limits["cusum"], k) == pytest.approx(arl, rel=1e-6)


def test_an_ewma_of_weight_1_is_a_shewhart_chart():
    assert _run_length.ewma_limit(1.0, 370) == pytest.approx(_run_length.shewhart_limit(370))
    wide = _run_length.ewma_arl(3.0, 1.0, 0.7, 1.2)
    assert wide == pytest.approx(_run_length.shewhart_arl(3.0, 0.7, 1.2))
    expected = 1 / (norm.sf(2.3 / 1.2) + norm.cdf(-3.7 / 1.2))
    assert wide == pytest.approx(expected)


def test_the_sign_of_a_shift_does_not_matter():
    for arl in (_run_length.ewma_arl, _run_length.cusum_arl):
        assert arl(1.0, 0.3, 0.4) == pytest.approx(arl(1.0, 0.3, -0.4))


def test_a_cusum_without_a_limit_above_0_raises():
    with pytest.raises(ValueError, match=r"cusum_k must be below 1.64 for arl=10, got 2. Pass 0.5"):
        limits_of_errors(10, 0.2, 2)

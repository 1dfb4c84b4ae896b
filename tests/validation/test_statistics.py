"""Power by other formulas; rates of rejection are in tests/test_bench_validation.py."""

import numpy as np
import pytest
from scipy import stats

from skspektron.validation._statistics import detectable_ratio, detectable_shift


@pytest.mark.parametrize(("dof", "alpha"), [(1, 0.05), (5, 0.01), (19, 0.05), (200, 0.3)])
def test_detectable_shift_has_the_power_by_the_noncentral_t(dof, alpha):
    shift = detectable_shift(dof, alpha)
    critical = stats.t.isf(alpha / 2, dof)
    power = stats.nct.sf(critical, dof, shift) + stats.nct.cdf(-critical, dof, shift)
    assert power == pytest.approx(0.8, abs=1e-4)


def test_detectable_shift_of_many_samples_is_that_of_the_normal_distribution():
    expected = stats.norm.isf(0.025) + stats.norm.ppf(0.8)
    assert detectable_shift(10**6, 0.05) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sec_dof", [5, 60, np.inf])
def test_detectable_ratio_has_the_power(sec_dof):
    ratio = detectable_ratio(19, sec_dof, 0.05)
    known = np.isinf(sec_dof)
    law = stats.chi2(19, scale=1 / 19) if known else stats.f(19, sec_dof)
    assert law.sf(law.isf(0.05) / ratio**2) == pytest.approx(0.8)

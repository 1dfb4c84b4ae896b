"""`load_two_instruments` returns the same numbers everywhere."""

import hashlib
import re

import numpy as np

from skspektron.datasets import load_two_instruments, make_instruments


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array, dtype="<f8").tobytes()).hexdigest()[:16]


def test_the_numbers_do_not_depend_on_the_version_of_numpy():
    lab = load_two_instruments()
    found = {name: digest(array) for name, array in {**lab.X, "y": lab.y}.items()}
    assert found == {"old": "8626aff4b73efd1d", "new": "9d920af532031d11", "y": "a147bd4c1b3bb531"}


def test_it_is_the_documented_simulation():
    lab, simulated = load_two_instruments(), make_instruments(100, ("old", "new"), random_state=1)
    for name, X in simulated.X.items():
        np.testing.assert_allclose(lab.X[name], X, atol=5.1e-7)
    np.testing.assert_allclose(lab.y, simulated.y, atol=5.1e-7)
    np.testing.assert_allclose(lab.wavelength, simulated.wavelength)
    assert lab.sample_id.tolist() == list(range(1, 101))
    assert len(lab.target_names) == lab.y.shape[1] == 5


def test_a_change_does_not_reach_the_next_call():
    load_two_instruments().wavelength[:] = 0
    assert load_two_instruments().wavelength[0] == 1100


def test_the_description_lists_the_distortions():
    lab = load_two_instruments()
    rows = [line for line in lab.DESCR.splitlines() if re.search(r"\d\s*$", line) and "  " in line]
    names = ["shift", "stretch", "line_width", "gain", "offset", "drift", "stray_light", "noise"]
    for row, name in zip(rows, names, strict=True):
        numbers = re.findall(r"(?<= )-?\d+\.\d+", row)
        values = [np.unique([np.min(p[name]), np.max(p[name])]) for p in lab.parameters.values()]
        written = [
            f"{v:.{len(n.split('.')[1])}f}" for v, n in zip(np.hstack(values), numbers, strict=True)
        ]
        assert written == numbers, row

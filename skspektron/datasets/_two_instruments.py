"""A pair of simulated instruments, the same in each version."""

from __future__ import annotations

from sklearn.utils import Bunch

from ._instruments import DEFAULT_WAVELENGTH, make_instruments

# The first block of the README and its figures rest on these numbers.
N_SAMPLES, INSTRUMENTS, SEED = 100, ("old", "new"), 1
DECIMALS = 6  # hides differences in the last digits between processors; noise is 5e-4

DESCR = """Two simulated near-infrared spectrometers.

100 mixtures of five compounds, each measured once on "old" and on "new" at 1100-2498 nm. The
spectra are those of make_instruments(100, ("old", "new"), random_state=1), rounded to six
decimals. The compounds are random combinations of absorption bands, not real substances.

Distortion                              old                new
wavelength error, shift (cm-1)          0.749              6.242
wavelength error, stretch (relative)    0.00035            -0.00089
added line width (s.d., cm-1)           8.450              12.866
gain                                    0.871 to 0.954     0.968 to 1.103
offset (absorbance)                     -0.052 to -0.016   -0.089 to -0.053
drift (absorbance, to the last sample)  -0.003 to 0.002    -0.002 to 0.002
stray light (fraction of full light)    0.00284            0.00172
noise (s.d., fraction of full light)    0.00050            0.00050
"""


def load_two_instruments() -> Bunch:
    """Load two simulated spectrometers that measured the same 100 samples.

    The spectra are computed, in a tenth of a second, and are the same in each installation.
    Neither a file nor a connection is needed.

    Returns
    -------
    Bunch
        X : dict of str to ndarray of shape (100, 700)
            Absorbance on "old" and "new"; row i is the same sample on both.
        y : ndarray of shape (100, 5)
            Mass fractions of the compounds.
        wavelength : ndarray of shape (700,)
            1100 to 2498 nm in steps of 2.
        sample_id : ndarray of shape (100,)
            1 to 100.
        target_names : list of str
            Names of the columns of `y`.
        parameters : dict of str to dict
            Distortions of each instrument, as `make_instruments` returns them.
        DESCR : str
            Description of the data, with the distortions.

    See Also
    --------
    make_instruments : Other instruments, samples and distortions.
    fetch_corn, fetch_sugarcane, fetch_tablets : Public spectra of several instruments.

    Examples
    --------
    >>> from skspektron.datasets import load_two_instruments
    >>> lab = load_two_instruments()
    >>> lab.X["old"].shape, lab.X["new"].shape, lab.y.shape
    ((100, 700), (100, 700), (100, 5))
    """
    lab = make_instruments(N_SAMPLES, INSTRUMENTS, random_state=SEED)
    return Bunch(
        X={name: X.round(DECIMALS) for name, X in lab.X.items()},
        y=lab.y.round(DECIMALS),
        wavelength=DEFAULT_WAVELENGTH.copy(),
        sample_id=lab.sample_id,
        target_names=lab.target_names,
        parameters=lab.parameters,
        DESCR=DESCR,
    )

"""The wrappers of other packages use the protocol's standards, and their tables all splits."""

from inspect import signature

import numpy as np
import pytest
from chemotools.adaptation import DirectStandardization

from benchmarks import bench_transfer, tables
from benchmarks.peers import table, wrappers
from skspektron.datasets import make_instruments
from skspektron.model_selection import stack_instruments
from skspektron.transfer import DSTransfer

KNOWN = {"source": "A", "target": "B", "n_transfer": 4}
MODULES = {"diplslib": "diPLSlib", "nirs4all": "n4m"}


@pytest.fixture(scope="module")
def rows():
    """Return stacked rows of two instruments; only the standards have labels on the target."""
    data = make_instruments(16, wavelength=np.arange(1100.0, 1500.0, 10.0), random_state=0)
    spectra = {name: (data.X[name], data.y[:, 0], data.sample_id) for name in ("A", "B")}
    X, y, instrument, sample_id = stack_instruments(spectra)
    known = DSTransfer(**KNOWN).fit(X, y, instrument=instrument, sample_id=sample_id)
    unlabelled = (instrument == "B") & ~np.isin(sample_id, known.transfer_ids_)
    y = np.where(unlabelled, np.nan, y)
    return X, y, instrument, sample_id, known.transfer_ids_


def fitted(rows, name):
    X, y, instrument, sample_id, ids = rows
    n_transfer = 0 if name.startswith("diplslib_dipls") else len(ids)  # as in run.sh
    model = getattr(wrappers, name)(**KNOWN | {"n_transfer": n_transfer})
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    assert list(model.transfer_ids_) == list(ids[:n_transfer])
    return model


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # diPLSlib
@pytest.mark.parametrize("name", table.PEERS)
def test_predictions_are_finite_with_labels_of_the_standards_alone(rows, name):
    package = name.split("_")[0]
    pytest.importorskip(MODULES.get(package, package))
    if package == "nirs4all":
        pytest.importorskip("nirs4all.operators.transforms")
    X, _, instrument, *_ = rows
    assert np.isfinite(fitted(rows, name).predict(X[instrument == "B"])).all()


def test_the_map_is_that_of_the_package_and_the_calibration_that_of_the_protocol(rows):
    X, y, instrument, sample_id, ids = rows
    pairs = [
        np.array([X[(instrument == name) & (sample_id == i)][0] for i in ids]) for name in "AB"
    ]
    map_ = DirectStandardization().fit(pairs[1], X_source=pairs[0])
    pls = DSTransfer(**KNOWN).fit(X, y, instrument=instrument, sample_id=sample_id).estimator_
    new = X[instrument == "B"]
    expected = np.ravel(pls.predict(map_.transform(new)))
    np.testing.assert_allclose(fitted(rows, "chemotools_ds").predict(new), expected, rtol=1e-9)


def test_the_best_preprocessing_has_the_smallest_error_on_source_rows():
    rng = np.random.default_rng(0)
    y, gain = rng.uniform(size=30), rng.uniform(0.5, 2.0, size=30)
    peaks = np.exp(-((np.arange(60.0) - np.array([[20.0], [40.0]])) ** 2) / 50)
    X = gain[:, None] * (np.column_stack([y, 1.5 - y]) @ peaks)
    chosen = wrappers.Calibration(tuple(wrappers.preprocessings())).fit(X, y)
    errors = {
        name: wrappers.Calibration((name,)).fit(X, y).pls_.rmsecv_[0]
        for name in wrappers.preprocessings()
    }
    assert chosen.pls_.rmsecv_[0] == min(errors.values()) < errors["none"]


def test_a_stub_gets_all_target_spectra_without_standards_but_no_reference_values(rows):
    X, y, instrument, sample_id, _ = rows
    seen = []

    def learn(source, standards, pls):
        seen.append(standards)
        return lambda X: pls.predict(X)

    known = KNOWN | {"n_transfer": 0}
    model = wrappers.Peer(learn, **known).fit(X, y, instrument=instrument, sample_id=sample_id)
    assert np.isfinite(model.predict(X)).all()
    assert len(seen[0].X_target) == (instrument == "B").sum()
    assert len(seen[0].y) == 0


@pytest.mark.parametrize("name", table.PEERS)
def test_only_the_best_preprocessing_reads_the_spectra_as_measured(name):
    one, best = (f"benchmarks.peers.wrappers:{name}{end}" for end in ("", table.BEST))
    assert bench_transfer.method_of(one).derivative
    assert not bench_transfer.method_of(best).derivative
    assert "n_transfer" in signature(getattr(wrappers, name)).parameters


def test_the_tables_have_the_means_and_name_what_is_better():
    r2 = {"ds": 0.5, "nar": 0.6, "chemotools_ds": 0.7, "chemotools_ds_best": 0.4}
    rows = [
        {"task": f"s/A-B/{y}", "method": name, "n_transfer": "5", "repeat": "0"}
        | {"r2": str(value), "seconds": "0.5"}
        for name, value in r2.items()
        for y in "uv"
    ]
    results = {"s": tables.Results("s", 1, rows)}
    text = table.table(results)
    assert "**s** (tasks: 2, pairs of instruments: 1, splits: 1)" in text
    assert "| chemotools, DS | | 0.70 | | | 0.40 | | 0.50 |" in text
    assert table.comparison({"s": results["s"]}) == table.markdown(
        ["set, standards", "our best", "R2", "better in the mean"],
        [["s, 5", "`NARTransfer`", "0.60", "chemotools, DS (0.70)"]],
    )

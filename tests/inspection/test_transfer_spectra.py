"""Means and differences of paired samples; transfers that do not map spectra raise."""

import numpy as np
import pytest
import sklearn
from scipy.interpolate import PchipInterpolator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import skspektron.transfer
from skspektron import SNV, PDSTransfer, stack_instruments
from skspektron.datasets import make_instruments
from skspektron.inspection import TransferSpectraDisplay
from skspektron.inspection._transfer_rows import MAPPING_METHODS
from skspektron.transfer import (
    CORALTransfer,
    DSTransfer,
    MeanCentredTransfer,
    NARTransfer,
    NoTransfer,
)

pytest.importorskip("matplotlib")

WAVELENGTH = np.linspace(1100, 2498, 60)


@pytest.fixture
def rows(stacked):
    X, y, instrument, sample_id = stacked
    return X, y, {"instrument": instrument, "sample_id": sample_id}


@pytest.fixture
def fitted(rows):
    X, y, metadata = rows
    return DSTransfer(Ridge(), source="source", target="target", n_transfer=8).fit(X, y, **metadata)


def test_lines_and_bands(make_axes):
    rng = np.random.default_rng(0)
    source, target, transferred = rng.normal(size=(3, 7, 5))
    axes = make_axes(2)
    axis = np.arange(5.0) + 4000
    display = TransferSpectraDisplay(source, target, transferred, wavenumber=axis).plot(axes)
    for name, X in (("source", source), ("target", target), ("transferred", transferred)):
        np.testing.assert_array_equal(display.lines_[name].get_data(), [axis, X.mean(axis=0)])
    for name, X, rms in (
        ("target", target, display.rms_before_),
        ("transferred", transferred, display.rms_after_),
    ):
        difference = X - source
        np.testing.assert_allclose(
            display.difference_lines_[name].get_ydata(), difference.mean(axis=0)
        )
        vertices = display.bands_[name].get_paths()[0].vertices
        for k, at in enumerate(axis):
            drawn = vertices[vertices[:, 0] == at, 1]
            ends = difference[:, k].min(), difference[:, k].max()
            assert (drawn.min(), drawn.max()) == pytest.approx(ends)
        assert rms == pytest.approx(np.sqrt(sum(difference.ravel() ** 2) / 35))
        assert f"RMS {rms:.2g}" in display.difference_lines_[name].get_label()
    styles = {line.get_linestyle() for line in display.lines_.values()}
    assert len(styles) == 3  # distinguishable without colour
    assert axes[1].get_xlabel() == "Wavenumber / cm-1"
    assert axes[0].get_title() == "7 samples"
    assert display.figure_ is axes[0].figure
    display.figure_.canvas.draw()


def test_from_a_transfer(fitted, rows, two_instruments, make_axes):
    X, _, metadata = rows
    display = TransferSpectraDisplay.from_estimator(
        fitted, X, **metadata, wavelength=WAVELENGTH, ax=make_axes(2)
    )
    source, target = two_instruments.X["source"], two_instruments.X["target"]
    np.testing.assert_allclose(display.X_source, source)
    np.testing.assert_allclose(display.X_target, target)
    np.testing.assert_allclose(display.X_transferred, fitted.transform(target))
    assert display.rms_after_ < display.rms_before_
    assert display.ax_[0].get_title() == "40 samples, 8 of them standards"
    assert display.ax_[1].get_xlabel() == "Wavelength / nm"
    np.testing.assert_allclose(display.wavelength, WAVELENGTH)
    numbered = TransferSpectraDisplay.from_estimator(fitted, X, **metadata, ax=make_axes(2))
    assert numbered.ax_[1].get_xlabel() == "Channel"


def test_rows_are_paired_by_id_and_replicates_averaged(fitted, rows, make_axes):
    X, _, metadata = rows
    chosen = [45, 3, 5, 43, 3, 60]  # target of 6, source of 4, 6, target of 4, source of 4 again
    given = X[chosen].copy()
    given[4] += 2
    picked = {name: np.asarray(values)[chosen] for name, values in metadata.items()}
    display = TransferSpectraDisplay.from_estimator(fitted, given, **picked, ax=make_axes(2))
    np.testing.assert_allclose(display.X_source, [X[3] + 1, X[5]])
    np.testing.assert_allclose(display.X_target, X[[43, 45]])


def test_pipeline_is_plotted_after_its_first_steps(rows, make_axes):
    X, y, metadata = rows
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(SNV(), CORALTransfer(Ridge(), source="source", target="target"))
        pipeline.fit(X, y, **metadata)
    display = TransferSpectraDisplay.from_estimator(
        pipeline, X, **metadata, wavenumber=1e7 / WAVELENGTH, ax=make_axes(2)
    )
    np.testing.assert_allclose(display.X_source, SNV().fit_transform(X[:40]))
    np.testing.assert_allclose(display.X_transferred, pipeline.transform(X[40:]))
    np.testing.assert_allclose(display.wavenumber, 1e7 / WAVELENGTH)


def test_instruments_with_different_channels(make_axes):
    pytest.importorskip("pandas")
    axes = {"bench": np.arange(1100.0, 1500, 10), "handheld": np.arange(1050.0, 1450, 15)}
    lab = make_instruments(30, tuple(axes), wavelength=axes, random_state=0)
    X, y, instrument, sample_id = stack_instruments(
        {name: (X, lab.y[:, 0], lab.sample_id) for name, X in lab.X.items()}, wavelength=axes
    )
    metadata = {"instrument": instrument, "sample_id": sample_id}
    transfer = PDSTransfer(Ridge(), source="bench", target="handheld").fit(X, y, **metadata)
    display = TransferSpectraDisplay.from_estimator(transfer, X, **metadata, ax=make_axes(2))
    used = axes["bench"][(axes["bench"] >= 1050) & (axes["bench"] <= 1440)]
    np.testing.assert_allclose(display.wavelength, used)
    at, own = -1e7 / used, -1e7 / axes["handheld"]  # interpolated over wavenumbers
    expected = PchipInterpolator(own, lab.X["handheld"], axis=1)(at)
    np.testing.assert_allclose(display.X_target, expected)
    moved = MeanCentredTransfer(Ridge(), source="bench", target="handheld").fit(X, y, **metadata)
    shown = TransferSpectraDisplay.from_estimator(moved, X, **metadata, ax=make_axes(2))
    np.testing.assert_array_equal(shown.X_target, display.X_target)
    shift = shown.X_transferred - shown.X_target  # what the method adds to what is drawn
    np.testing.assert_allclose(shift, np.tile(shift[0], (len(shift), 1)), atol=1e-12)
    np.testing.assert_allclose(display.X_source, lab.X["bench"][:, : len(used)])


def test_listed_methods_are_those_that_map_spectra():
    methods = [getattr(skspektron.transfer, name) for name in dir(skspektron.transfer)]
    mapping = {
        method.__name__
        for method in methods
        if isinstance(method, type) and method.__name__.endswith("Transfer")
        if hasattr(method, "transform")
    }
    named = MAPPING_METHODS.replace(" and ", ", ").split(", ")
    assert {f"{name}Transfer" for name in named} == mapping


@pytest.mark.parametrize("method", [NARTransfer, NoTransfer])
def test_methods_that_do_not_map_spectra_raise(method, rows, make_axes):
    X, y, metadata = rows
    transfer = method(source="source", target="target", n_transfer=5).fit(X, y, **metadata)
    with pytest.raises(TypeError, match=rf"transfer that maps spectra, got {method.__name__}.*PDS"):
        TransferSpectraDisplay.from_estimator(transfer, X, **metadata, ax=make_axes(2))


def test_invalid_inputs_raise(fitted, rows, make_axes):
    X, y, metadata = rows
    draw = TransferSpectraDisplay.from_estimator
    plain = DSTransfer(Ridge()).fit(X, y)
    with pytest.raises(TypeError, match=r"got DSTransfer without source and target"):
        draw(plain, X, **metadata, ax=make_axes(2))
    with pytest.raises(
        ValueError, match=r"X has 40 rows of the source 'source' and 0 rows of the tar"
    ):
        draw(fitted, X[:40], instrument=["source"] * 40, sample_id=range(40), ax=make_axes(2))
    apart = {"instrument": metadata["instrument"], "sample_id": range(80)}
    with pytest.raises(ValueError, match=r"The 40 source rows and 40 target rows have no samp"):
        draw(fitted, X, **apart, ax=make_axes(2))
    with pytest.raises(ValueError, match=r"same shape .* got \(2, 3\), \(2, 3\), \(3, 3\)"):
        TransferSpectraDisplay(X[:2, :3], X[:2, :3], X[:3, :3]).plot(make_axes(2))
    with pytest.raises(ValueError, match=r"ax must hold 2 Axes, got 1"):
        TransferSpectraDisplay(X, X, X).plot(make_axes(1))
    with pytest.raises(ValueError, match=r"wavelength and wavenumber were both"):
        TransferSpectraDisplay(X, X, X, wavelength=WAVELENGTH, wavenumber=WAVELENGTH).plot(
            make_axes(2)
        )


@pytest.fixture(scope="module")
def on_two_axes():
    """Stack 30 samples, from a coarse axis in nm and a fine one in descending wavenumbers."""
    pytest.importorskip("pandas")
    axes = {"bench": np.arange(1100.0, 1500, 10), "handheld": 1e7 / np.arange(6900.0, 9300, 47)}
    lab = make_instruments(30, tuple(axes), wavelength=axes, random_state=0)
    X, y, instrument, sample_id = stack_instruments(
        {name: (X, lab.y[:, 0], lab.sample_id) for name, X in lab.X.items()}, wavelength=axes
    )
    return X, y, {"instrument": instrument, "sample_id": sample_id}


@pytest.mark.parametrize(
    "name", [name for name in MAPPING_METHODS.replace(" and ", ", ").split(", ") if name != "FNO"]
)
def test_the_drawn_spectra_are_those_of_the_method(name, on_two_axes, make_axes):
    X, y, metadata = on_two_axes
    method = getattr(skspektron.transfer, f"{name}Transfer")
    transfer = method(Ridge(), source="bench", target="handheld").fit(X, y, **metadata)
    display = TransferSpectraDisplay.from_estimator(transfer, X, **metadata, ax=make_axes(2))
    is_target = metadata["instrument"] == "handheld"
    on_target = X[is_target].iloc[np.argsort(metadata["sample_id"][is_target])]
    predicted = transfer.predict(on_target)
    names = X.columns[transfer.source_channels_]
    shown = type(X)(display.X_transferred, columns=names)
    np.testing.assert_allclose(transfer.estimator_.predict(shown), predicted)
    untransferred = NoTransfer(Ridge(), source="bench", target="handheld").fit(X, y, **metadata)
    predicted = untransferred.predict(on_target)
    shown = type(X)(display.X_target, columns=names)
    np.testing.assert_allclose(untransferred.estimator_.predict(shown), predicted)
    axis = display.lines_["transferred"].get_xdata()
    np.testing.assert_allclose(axis, [float(each.removesuffix(" nm")) for each in names])


def test_an_axis_other_than_that_of_the_names_raises(on_two_axes, make_axes):
    X, y, metadata = on_two_axes
    transfer = DSTransfer(Ridge(), source="bench", target="handheld").fit(X, y, **metadata)
    named = np.array([float(name.removesuffix(" nm")) for name in X.columns])
    draw = TransferSpectraDisplay.from_estimator
    for axis in ({"wavelength": named[::-1]}, {"wavenumber": named}, {"wavelength": named + 1}):
        with pytest.raises(ValueError, match=r"axis given and that in the column names, .* differ"):
            draw(transfer, X, **metadata, **axis, ax=make_axes(2))
    display = draw(transfer, X, **metadata, wavenumber=1e7 / named, ax=make_axes(2))
    assert display.ax_[1].get_xlabel() == "Wavenumber / cm-1"  # the same axis in another unit

"""stack_instruments: rows, names and ids, merged axes, errors."""

import numpy as np
import pytest

from skspektron._validation import check_axis
from skspektron.model_selection import stack_instruments


def test_rows_keep_their_order_and_names():
    X, y, instrument, sample_id = stack_instruments(
        {"b": ([[1, 2], [3, 4]], [1, 2], ["s1", "s2"]), "a": ([[5, 6]], [3], ["s1"])}
    )
    np.testing.assert_array_equal(X, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert X.dtype == y.dtype == np.float64
    assert y.tolist() == [1, 2, 3]
    assert instrument.tolist() == ["b", "b", "a"]
    assert sample_id.tolist() == ["s1", "s2", "s1"]


def test_replicate_scans_are_allowed():
    assert stack_instruments({"a": (np.ones((2, 3)), None, [7, 7])})[3].tolist() == [7, 7]


def test_large_ids_stay_different():
    """Times as ids: signed and unsigned integers would become equal floats."""
    ids = np.arange(5) + 20240101120000001
    X = np.ones((5, 2))
    stacked = stack_instruments({"a": (X, None, ids), "b": (X, None, ids.astype(np.uint64))})[3]
    assert stacked.tolist() == [*ids.tolist(), *ids.tolist()]
    with pytest.raises(ValueError, match="which are rounded"):
        stack_instruments({"a": (X, None, ids), "b": (X, None, ids.astype(float))})


def test_spectra_with_fewer_channels_are_padded_with_nan():
    wide, narrow = np.ones((2, 4)), np.full((1, 2), 2.0)
    X = stack_instruments({"wide": (wide, None, [1, 2]), "narrow": (narrow, None, [1])})[0]
    np.testing.assert_array_equal(X[:2], wide)
    np.testing.assert_array_equal(X[2], [2, 2, np.nan, np.nan])


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([None, None], [np.nan, np.nan]),
        ([[1.0], None], [1, np.nan]),
        ([None, [[1.0, 2.0]]], [[np.nan, np.nan], [1, 2]]),
    ],
)
def test_missing_references_become_nan(y, expected):
    stacked = stack_instruments({name: ([[1.0]], y[name], [name]) for name in (0, 1)})
    np.testing.assert_array_equal(stacked[1], expected)


def test_frames_with_the_same_columns_give_a_frame():
    pd = pytest.importorskip("pandas")
    first = pd.DataFrame({"1100": [1.0], "1102": [2.0]}, index=["p"])
    X = stack_instruments({"a": (first, None, [1]), "b": (first + 1, None, [1])})[0]
    pd.testing.assert_frame_equal(X, pd.DataFrame({"1100": [1.0, 2.0], "1102": [2.0, 3.0]}))
    other = first.rename(columns={"1102": "1104"})
    named = first.set_axis(["a", "b"], axis=1)
    for frame, against in ((other, first), (named[["b", "a"]], named)):
        with pytest.raises(ValueError, match="must have the same columns"):
            stack_instruments({"a": (against, None, [1]), "b": (frame, None, [1])})
    X = stack_instruments({"a": (first, None, [1]), "b": (other.to_numpy(), None, [1])})[0]
    assert isinstance(X, np.ndarray)


def test_rows_are_placed_in_the_channels_of_their_instrument():
    pd = pytest.importorskip("pandas")
    X, y, instrument, sample_id = stack_instruments(
        {
            "old": ([[1, 2, 3], [4, 5, 6]], [7, 8], [1, 2]),
            "new": ([[30, 20, 10]], None, [2]),  # descending axis
            "half": ([[200.0, np.nan]], None, [2]),
        },
        wavelength={"old": [1100, 1102, 1104], "new": [1106, 1104, 1103.5], "half": [1102, 1104]},
    )
    nan = np.nan
    expected = pd.DataFrame(
        [
            [1, 2, nan, 3, nan],
            [4, 5, nan, 6, nan],
            [nan, nan, 10, 20, 30],
            [nan, 200, nan, nan, nan],
        ],
        columns=["1100.0 nm", "1102.0 nm", "1103.5 nm", "1104.0 nm", "1106.0 nm"],
    )
    pd.testing.assert_frame_equal(X, expected)
    np.testing.assert_array_equal(y, [7, 8, nan, nan])
    assert instrument.tolist() == ["old", "old", "new", "half"]
    assert sample_id.tolist() == [1, 2, 2, 2]


@pytest.mark.parametrize(("unit", "suffix"), [("wavelength", "nm"), ("wavenumber", "cm-1")])
def test_column_names_give_the_axis(unit, suffix):
    pytest.importorskip("pandas")
    axes = {"a": 1e4 / np.arange(9.0, 1.0, -0.37), "b": np.linspace(4000, 1234.5678901, 17)}
    spectra = {name: (np.ones((1, len(axis))), None, [1]) for name, axis in axes.items()}
    X = stack_instruments(spectra, **{unit: axes})[0]
    assert all(name.endswith(f" {suffix}") for name in X.columns)
    merged = np.sort(np.concatenate(list(axes.values())))
    read = check_axis(n_features=X.shape[1], feature_names=X.columns)
    np.testing.assert_allclose(read, merged if unit == "wavenumber" else 1e7 / merged, rtol=1e-12)


@pytest.mark.parametrize(("shift", "n_columns"), [(0.0, 2), (5e-7, 2), (2e-6, 4)])
def test_equal_channels_are_one_column(shift, n_columns):
    pytest.importorskip("pandas")
    axes = {"a": [1000.0, 1001.0], "b": np.array([1000.0, 1001.0]) * (1 + shift)}
    spectra = {name: ([[1.0, 2.0]], None, [1]) for name in axes}
    X = stack_instruments(spectra, wavelength=axes)[0]
    assert X.shape == (2, n_columns)
    assert np.isfinite(X.to_numpy()).sum() == 4


def test_axes_take_precedence_over_column_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"1100": [1.0], "1102": [2.0]})
    axes = {"a": [1100, 1102], "b": [1102, 1104], "not stacked": [1, 2]}
    X = stack_instruments({"a": (frame, None, [1]), "b": (frame, None, [1])}, wavelength=axes)[0]
    np.testing.assert_array_equal(X, [[1, 2, np.nan], [np.nan, 1, 2]])


def test_handheld_spectrometers_with_different_grids(data_dir):
    pytest.importorskip("pandas")
    path = data_dir / "sugarcane_chaix.npz"
    if not path.exists():
        pytest.skip("sugarcane_chaix.npz is not available")
    data = np.load(path)
    names = [name[2:] for name in data.files if name.startswith("X_")]
    axes = {name: data[f"wavelengths_{name}"] for name in names}
    X, _, instrument, _ = stack_instruments(
        {name: (data[f"X_{name}"], data["TS"], data["sample_id"]) for name in names},
        wavelength=axes,
    )
    assert len(names) == 9 and X.shape[0] == 540
    replicates = np.char.startswith(instrument, "MicroNIR1700")
    # Their three axes agree to 7 digits.
    assert X[replicates].notna().any().sum() == 125
    read = 1e7 / check_axis(n_features=X.shape[1], feature_names=X.columns)
    for name in names:
        rows = X[instrument == name].to_numpy()
        measured = np.isfinite(rows).any(axis=0)
        np.testing.assert_array_equal(rows[:, measured], data[f"X_{name}"])
        np.testing.assert_allclose(read[measured], axes[name], rtol=1e-6)


def test_missing_pandas_raises_an_import_error(without_pandas):
    with pytest.raises(ImportError, match="pip install pandas"):
        stack_instruments({"a": ([[1.0]], None, [1])}, wavelength={"a": [1100]})


@pytest.mark.parametrize(
    ("axes", "error", "match"),
    [
        (
            {"wavelength": [1, 2, 3]},
            TypeError,
            "wavelength must be a mapping .*, got list",
        ),
        ({"wavenumber": {"a": [1, 2, 3]}}, ValueError, r"no axis for 1 of 2 instruments: \['b'\]"),
        (
            {"wavelength": {"a": [1100, 1102, 1104], "b": [1100, 1102, 1104]}},
            ValueError,
            r"Instrument 'b': wavelength has shape \(3,\), X has 2 channels",
        ),
        (
            {"wavelength": {"a": [1, 3, 2], "b": [1, 2]}},
            ValueError,
            "Instrument 'a': wavelength must be strictly monotonic",
        ),
        (
            {"wavenumber": {"a": [1, 2, 3], "b": ["x", "y"]}},
            TypeError,
            "Instrument 'b': wavenumber must be 2 numbers",
        ),
        (
            {unit: {"a": [1, 2, 3], "b": [1, 2]} for unit in ("wavelength", "wavenumber")},
            ValueError,
            "both given",
        ),
        (
            {"wavelength": {"a": [1000, 1000.0001, 1001], "b": [1100, 1102]}},
            ValueError,
            "Instrument 'a' has 1 of 3 channels within a relative distance of 1e-06",
        ),
    ],
)
def test_invalid_axes_raise(axes, error, match):
    pytest.importorskip("pandas")
    spectra = {"a": (np.ones((1, 3)), None, [1]), "b": (np.ones((1, 2)), None, [1])}
    with pytest.raises(error, match=match):
        stack_instruments(spectra, **axes)


def test_result_is_a_copy():
    X_a = np.ones((2, 2))
    X = stack_instruments({"a": (X_a, None, [1, 2])})[0]
    X[0] = 5
    np.testing.assert_array_equal(X_a, 1)


@pytest.mark.parametrize(
    ("instruments", "error", "match"),
    [
        ({}, ValueError, "at least one instrument, got 0"),
        ({"a": ([[1.0]], [1])}, ValueError, "'a' must be a tuple .*, got 2 items"),
        ({"a": np.ones((3, 3))}, ValueError, "'a' must be a tuple .*, got ndarray"),
        ({"a": ([[1.0]], [1, 2], [1])}, ValueError, r"'a' has shape \(2,\), X has 1 rows"),
        ({"a": ([[1.0]], 1.0, [1])}, ValueError, r"'a' has shape \(\), X has 1 rows"),
        ({"a": ([[1.0]], [1], [1, 2])}, ValueError, "sample_id of instrument 'a' has 2 entries"),
        ({"a": ([1.0], [1], [1])}, ValueError, "Expected 2D array"),
        ({"a": ([[np.inf]], [1], [1])}, ValueError, "infinity"),
        (
            {"a": ([[1.0]], [1], [1]), "b": ([[1.0]], [[1, 2]], [1])},
            ValueError,
            r"the same targets .*\(1,\).*\(1, 2\)",
        ),
        ({"a": ([[1.0]], [1], [1]), "b": ([[1.0]], [1], ["1"])}, TypeError, "int and str"),
        ({"a": ([[1.0]], [1], [1]), "b": ([[1.0]], ["x"], [1])}, TypeError, "names of classes"),
        ({"a": ([[1.0]], [1], [1]), 2: ([[1.0]], [1], [1])}, TypeError, "instrument name"),
    ],
)
def test_invalid_input_raises(instruments, error, match):
    with pytest.raises(error, match=match):
        stack_instruments(instruments)


@pytest.mark.parametrize("names", [["1100", "1102", "1104"], [1100.5, 1102.5, 1104.5]])
def test_columns_that_name_the_same_channels_are_put_in_order(names):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame([[1.0, 2.0, 3.0]], columns=names)
    other = X.iloc[:, ::-1].rename(columns=lambda name: f"{name} nm")
    stacked, *_ = stack_instruments({"a": (X, None, ["s"]), "b": (other, None, ["s"])})
    assert stacked.to_numpy().tolist() == [[1, 2, 3], [1, 2, 3]]
    assert list(stacked.columns) == [str(name) for name in names]


@pytest.mark.parametrize("kind", [list, np.array, "object", "category"])
def test_names_of_classes_are_stacked(kind):
    if isinstance(kind, str):
        pd = pytest.importorskip("pandas")
        names = pd.Series(["good", "bad"], dtype=kind)
    else:
        names = kind(["good", "bad"])
    X = [[1.0], [2.0]]
    _, y, *_ = stack_instruments({"a": (X, names, [1, 2]), "b": (X, None, [1, 2])})
    assert y.tolist() == ["good", "bad", None, None]
    _, y, *_ = stack_instruments({"a": (X, ["good", None], [1, 2]), "b": (X, names, [1, 2])})
    assert y.tolist() == ["good", None, "good", "bad"]


def test_text_that_stands_for_numbers_is_no_class():
    _, y, *_ = stack_instruments({"a": ([[1.0], [2.0]], ["1.5", "2"], [1, 2])})
    assert y.tolist() == [1.5, 2.0]

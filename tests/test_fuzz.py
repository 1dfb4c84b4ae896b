"""Any input gives a result of the right form or an error raised on purpose.

``HYPOTHESIS_PROFILE=long pytest tests/test_fuzz.py`` draws 30 times as many examples, and new ones
in every run. A value that fails there becomes an ``@example``, so that every run repeats it.
"""

import inspect
import linecache
import os
import tempfile
import traceback
import warnings
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

import skspektron
from skspektron import cluster, datasets, inspection, io, metrics, model_selection, transfer
from skspektron.foundation import (
    Architecture,
    SpektronEmbedder,
    SpektronImputer,
    SpektronPretrainer,
)
from skspektron.model_selection import (
    TransferGroupKFold,
    TransferShuffleSplit,
    _orderings,
    stack_instruments,
    transfer_curve,
)
from skspektron.preprocessing import SNV
from skspektron.reliability import ApplicabilityDomain, ConformalTransfer
from tests.io import layouts

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
OURS, THEIRS = (os.path.dirname(module.__file__) + os.sep for module in (skspektron, sklearn))


def fuzz(max_examples, **arguments):
    """Return a decorator that runs a test on `max_examples` examples, or 30 times as many."""
    run = settings(
        max_examples=max_examples * (30 if LONG else 1),
        derandomize=not LONG,
        deadline=None,
        database=None,
        print_blob=LONG,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: run(given(**arguments)(test))


def answer(function, *args, **kwargs):
    """Return the result of a call, or None where it rejects its arguments on purpose."""
    before = joblib.hash((args, kwargs))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)
    except (ValueError, TypeError) as error:  # also NotFittedError
        assert not isinstance(error, np.linalg.LinAlgError), error
        check_raised_on_purpose(error)
    finally:
        assert joblib.hash((args, kwargs)) == before, "the arguments were changed"


def check_raised_on_purpose(error):
    """Check that a ``raise`` statement of this package or a check of scikit-learn raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(last.filename, last.lineno).strip()
    ours = last.filename.startswith(OURS) and line.startswith("raise")
    assert ours or last.filename.startswith(THEIRS), f"{last.filename}:{last.lineno}: {error}"
    assert len(str(error)) > 20, error


def mostly(usual, *unusual):
    """Draw from the first strategy, and once in 16 times from the others.

    Hypothesis prefers 0 and shrinks towards it: a failing example keeps the usual values.
    """
    return st.integers(0, 15).flatmap(lambda turn: st.one_of(unusual) if turn == 11 else usual)


def one_of_many(usual, unusual, weight):
    """Draw `usual`, and once in `weight` times one of the list `unusual`."""
    first = len(unusual) // 2  # not 0, as in `mostly`
    turns = st.integers(0, weight * len(unusual))
    return turns.map(
        lambda turn: unusual[turn - first] if 0 <= turn - first < len(unusual) else usual
    )


def is_moderate(*arrays):
    """Return whether all values are finite and small enough for finite results."""
    try:
        numbers = np.concatenate([np.asarray(a, dtype=float).ravel() for a in arrays])
    except (TypeError, ValueError):
        return False
    return bool(np.isfinite(numbers).all() and (np.abs(numbers) < 1e6).all())


def put(value):
    """Return a function that writes a value into about a tenth of an array."""

    def write(X, rng):
        X = X.copy()
        if X.size:
            X.flat[rng.integers(X.size, size=1 + X.size // 10)] = value
        return X

    return write


def whole_column(value):
    """Return a function that writes a value into a whole channel."""

    def write(X, rng):
        X = X.copy()
        if X.size:
            X[..., rng.integers(X.shape[-1])] = value
        return X

    return write


HARMLESS = {
    "unchanged": lambda X, rng: X,
    "flat rows": lambda X, rng: np.repeat(X[..., :1], X.shape[-1], axis=-1),
    "equal rows": lambda X, rng: np.repeat(X[:1], len(X), axis=0),
    "zeros": lambda X, rng: np.zeros_like(X),
    "a dead channel": whole_column(0.0),
    "tiny": lambda X, rng: X * 1e-9,
    "large": lambda X, rng: X * 1e4,
    "float32": lambda X, rng: X.astype(np.float32),
    "float16": lambda X, rng: X.astype(np.float16),
    "integers": lambda X, rng: np.rint(10 * X).astype(np.int64),
    "unsigned": lambda X, rng: np.rint(np.abs(10 * X)).astype(np.uint8),
    "booleans": lambda X, rng: X > 0,
    "objects": lambda X, rng: X.astype(object),
    "Fortran": lambda X, rng: np.asfortranarray(X),
    "reversed": lambda X, rng: X[..., ::-1],
    "lists": lambda X, rng: X.tolist(),
}
HARMFUL = {
    "NaN": put(np.nan),
    "infinity": put(np.inf),
    "a channel of NaN": whole_column(np.nan),
    "all NaN": lambda X, rng: np.full(X.shape, np.nan),
    "huge": lambda X, rng: X * 1e60,  # fourth powers of more overflow
    "text": lambda X, rng: X.astype(str),
    "words": lambda X, rng: np.full(X.shape, "a"),
    "None": lambda X, rng: put(None)(X.astype(object), rng),
    "complex": lambda X, rng: X + 1j,
    "flat": lambda X, rng: X.ravel(),
    "three dimensions": lambda X, rng: X[None],
    "no rows": lambda X, rng: X[:0],
    "no channels": lambda X, rng: X[..., :0],
    "one row": lambda X, rng: X[:1],
    "one channel": lambda X, rng: X[..., :1],
    "one row fewer": lambda X, rng: X[1:],
    "a number": lambda X, rng: 3.0,
    "nothing": lambda X, rng: None,
    "dates": lambda X, rng: np.full(X.shape, np.datetime64("2020-01-01")),
    "ragged": lambda X, rng: [[1.0], [1.0, 2.0]],
}
KINDS = HARMLESS | HARMFUL
SEEDS = st.integers(0, 2**16)
KIND = mostly(st.sampled_from(sorted(HARMLESS)), st.sampled_from(sorted(HARMFUL)))


@st.composite
def arrays(draw, *shape):
    """Draw an array of a shape, in a dtype or with values that a user may pass by mistake."""
    rng = np.random.default_rng(draw(SEEDS))
    return KINDS[draw(KIND)](rng.normal(size=shape), rng)


def metadata(usual):
    """Draw labels of rows, mostly the usual ones."""
    n = len(usual)
    unusual = [
        None,
        usual[:-1],
        usual[:1].repeat(n),
        usual[:, None],
        np.arange(n, dtype=float),
        np.where(np.arange(n) == n // 2, np.nan, np.arange(n)),
        np.array([*usual[:-1].tolist(), None], dtype=object),
        [*usual[:-1].tolist(), 3],
        usual.tolist(),
        usual.astype(object),
        np.arange(n) + 1j,
        "A",
        3,
        {"A": 1},
    ]
    return one_of_many(usual, unusual, weight=15)


@st.composite
def stacks(draw, n_samples=(1, 9), n_channels=(1, 6)):
    """Draw the rows of two instruments: X, y, instrument, sample_id."""
    n, n_channels = draw(st.integers(*n_samples)), draw(st.integers(*n_channels))
    n_targets = draw(mostly(st.none(), st.integers(1, 3)))
    X = draw(arrays(2 * n, n_channels))
    y = draw(arrays(2 * n, *(() if n_targets is None else (n_targets,))))
    ids = np.array([f"s{i}" for i in range(n)])
    instrument = draw(metadata(np.repeat(["A", "B"], n)))
    return X, y, instrument, draw(metadata(np.concatenate([ids, ids[::-1]])))


def make_pairs():
    """Return 9 samples of 5 channels on A and on B: X, y, instrument, sample_id."""
    X = np.random.default_rng(0).normal(size=(18, 5))
    ids = np.array([f"s{i}" for i in range(9)])
    return X, X[:, 0], np.repeat(["A", "B"], 9), np.concatenate([ids, ids])


N_TRANSFER = mostly(
    st.integers(0, 4), st.sampled_from([None, 9, -1, 2.0, np.nan, "all", 10**9, np.int32(2), True])
)
INSTRUMENT = mostly(st.just("A"), st.sampled_from([None, "B", "C", 0, 1.5, ("A",)]))
NEURAL = {"LoRATransfer", "TTTTransfer", "FNOTransfer", "FNO"}  # slow; they share the checks
SLOW = {"EnsembleTransfer"}
METHODS = [
    getattr(transfer, name)
    for name in dir(transfer)
    if hasattr(getattr(transfer, name), "predict") and name not in NEURAL | SLOW
]
MAPS = [
    getattr(transfer, name)
    for name in dir(transfer)
    if inspect.isclass(getattr(transfer, name))
    and not hasattr(getattr(transfer, name), "predict")
    and name not in NEURAL
]


def check_predictions(model, stack, y_pred):
    """Check the shape of predictions, and that they are finite where the inputs are moderate."""
    X, y = stack[:2]
    if y_pred is None:
        return
    assert y_pred.shape == (len(X), *np.shape(y)[1:])
    if is_moderate(X, y):
        assert np.isfinite(y_pred).all()


def fit_and_predict(model, stack):
    """Fit a transfer method; where that succeeds, predict with and without `instrument`."""
    X, y, instrument, sample_id = stack
    fitted = answer(model.fit, X, y, instrument=instrument, sample_id=sample_id)
    if fitted is not None:
        assert fitted is model
        check_predictions(model, stack, answer(model.predict, X))
        answer(model.predict, X, instrument=instrument)


@pytest.mark.slow
@fuzz(
    350,
    method=st.sampled_from(METHODS),
    stack=stacks(),
    n_transfer=N_TRANSFER,
    source=INSTRUMENT,
    target=mostly(st.just("B"), INSTRUMENT),
    selection=mostly(st.sampled_from(list(_orderings.ORDERINGS)), st.just("x")),
)
def test_transfer(method, stack, n_transfer, source, target, selection):
    given_ = {"source": source, "target": target, "n_transfer": n_transfer, "selection": selection}
    fit_and_predict(method(Ridge(), **given_), stack)


@fuzz(80, method=st.sampled_from(METHODS), stack=stacks(), n_transfer=N_TRANSFER)
def test_transfer_with_the_default_calibration(method, stack, n_transfer):
    fit_and_predict(method(source="A", target="B", n_transfer=n_transfer), stack)


@fuzz(3, stack=stacks(), n_transfer=N_TRANSFER)
def test_ensemble(stack, n_transfer):
    model = transfer.EnsembleTransfer(source="A", target="B", n_transfer=n_transfer)
    fit_and_predict(model, stack)


@fuzz(150, method=st.sampled_from(MAPS), data=st.data())
def test_maps(method, data):
    n, n_channels = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 6))
    X = data.draw(arrays(n, n_channels))
    y = data.draw(mostly(arrays(n, n_channels), arrays(n, 3), st.none()))
    model = method()
    if answer(model.fit, X, y) is not None:
        mapped = answer(model.transform, X)
        if mapped is not None and is_moderate(X, y):
            assert mapped.ndim == 2 and len(mapped) == len(X) and np.isfinite(mapped).all()


ROWS = [
    SNV,
    SpektronImputer,
    partial(cluster.CosineKMeans, n_clusters=2, random_state=0),
    partial(cluster.VonMisesFisherMixture, n_components=2, random_state=0),
    ApplicabilityDomain,
]


@fuzz(120, make=st.sampled_from(ROWS), data=st.data())
def test_estimators_of_spectra_alone(make, data):
    shape = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 6))
    X, model = data.draw(arrays(*shape)), make()
    if answer(model.fit, X) is None:
        return
    for method in ("transform", "predict", "predict_proba", "score_samples"):
        if hasattr(model, method):
            result = answer(getattr(model, method), X)
            assert result is None or len(result) == len(X)
            if result is not None and is_moderate(X):
                assert np.isfinite(result[np.any(X, axis=1)]).all()  # zeros have no direction


@fuzz(
    100,
    stack=stacks(),
    splitter=st.sampled_from([TransferGroupKFold, TransferShuffleSplit]),
    n_splits=mostly(st.integers(2, 4), st.sampled_from([0, -1, 1.5, "a", None])),
    target=mostly(st.just("B"), INSTRUMENT),
    groups=st.booleans(),
)
def test_splitters(stack, splitter, n_splits, target, groups):
    X, y, instrument, sample_id = stack
    cv = splitter(n_splits=n_splits, target=target)
    given_ = {"instrument": instrument, "sample_id": sample_id}
    given_["groups"] = sample_id if groups else None
    splits = answer(lambda *a, **k: list(cv.split(*a, **k)), X, y, **given_)
    for train, test in splits or []:
        assert not set(train) & set(test) and len(train) and len(test)


@fuzz(100, data=st.data())
def test_stacking(data):
    parts, axes = {}, {}
    for name in data.draw(
        mostly(st.permutations("ABC"), st.sampled_from([[], ["A", 3], [None], [3, 1]]))
    ):
        n, n_channels = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
        ids = data.draw(metadata(np.arange(n)))
        parts[name] = (data.draw(arrays(n, n_channels)), data.draw(arrays(n)), ids)
        axes[name] = data.draw(axis(n_channels))
    unit = data.draw(st.sampled_from(["wavelength", "wavenumber", None]))
    stacked = answer(stack_instruments, parts, **({} if unit is None else {unit: axes}))
    if stacked is not None:
        assert len({len(part) for part in stacked}) == 1


@fuzz(5, stack=stacks(n_samples=(8, 14)), n_transfer=mostly(st.integers(9, 10), N_TRANSFER))
def test_intervals(stack, n_transfer):
    X, y, instrument, sample_id = stack
    inner = transfer.SlopeBiasTransfer(Ridge(), source="A", target="B", n_transfer=n_transfer)
    model = ConformalTransfer(inner)
    given_ = {"instrument": instrument, "sample_id": sample_id}
    if answer(model.fit, X, y, **given_) is None:
        return
    interval = answer(model.predict_interval, X)
    if interval is not None and is_moderate(X, y):
        y_pred, bounds = interval
        assert np.isfinite(y_pred).all() and len(y_pred) == len(X)
        assert bounds.shape == (len(X), 2)
        assert (bounds[:, 0] <= bounds[:, 1]).all()


LINES = st.lists(st.sampled_from(["1100.0", "a,1100,1110", "s,1,2", "1;2", "##XYDATA=", "", "x\0"]))
CONTENT = st.binary(max_size=600) | LINES.map(lambda lines: "\n".join(lines).encode())
SUFFIXES = [".csv", ".txt", ".spc", ".dx", ".jdx", ".0"]
VALID = {
    ".csv": b"sample,1100,1110,1120\na,0.1,0.2,0.3\nb,0.2,0.3,0.4\n",
    ".spc": layouts.spc([[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]]),
    ".dx": layouts.jcamp("400 0.1 0.2 0.3", 3).encode(),
    ".0": layouts.opus(layouts.opus_spectrum([0.1, 0.2, 0.3])),
}


@st.composite
def damaged_files(draw):
    """Draw the content of a valid file with up to two bytes overwritten, and its suffix."""
    suffix = draw(st.sampled_from(sorted(VALID)))
    content = bytearray(VALID[suffix])
    for place in draw(st.lists(st.integers(0, len(content) - 1), max_size=2)):
        content[place] = draw(st.integers(0, 255))
    return bytes(content), suffix


@fuzz(120, file=damaged_files() | st.tuples(CONTENT, st.sampled_from(SUFFIXES)))
def test_files_of_any_content(file):
    content, suffix = file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file" + suffix)
        path.write_bytes(content)
        spectra = answer(io.read_spectra, path)
        assert spectra is None or (spectra.X.ndim == 2 and spectra.X.size > 0)


FIGURES = [
    getattr(metrics, name) for name in ("rmsep", "bias", "sep", "slope", "r2", "rpd", "rpiq")
]


@fuzz(150, figure=st.sampled_from([*FIGURES, metrics.transfer_report]), data=st.data())
def test_figures(figure, data):
    shape = (data.draw(st.integers(1, 6)), *data.draw(st.sampled_from([(), (2,)])))
    y_true, y_pred = data.draw(arrays(*shape)), data.draw(arrays(*shape))
    result = answer(figure, y_true, y_pred)
    if figure is metrics.rmsep and result is not None and is_moderate(y_true, y_pred):
        assert np.isfinite(result) and result >= 0


WITH_REFERENCES = [model_selection.kennard_stone_pls, model_selection.spxy]
ORDERINGS = [model_selection.kennard_stone, model_selection.duplex, *WITH_REFERENCES]


@fuzz(80, ordering=st.sampled_from(ORDERINGS), data=st.data())
def test_orderings(ordering, data):
    n = data.draw(st.integers(1, 9))
    args = [data.draw(arrays(n, data.draw(st.integers(1, 4))))]
    if ordering in WITH_REFERENCES:
        args.append(data.draw(arrays(n)))
    order = answer(ordering, *args)
    if order is not None:
        assert sorted(order) == list(range(len(args[0])))


@fuzz(12, stack=stacks(n_samples=(6, 9)), counts=st.lists(N_TRANSFER, min_size=1, max_size=3))
def test_transfer_curve(stack, counts):
    X, y, instrument, sample_id = stack
    model = transfer.SlopeBiasTransfer(Ridge(), source="A", target="B")
    cv = TransferGroupKFold(2, target="B")
    given_ = {"instrument": instrument, "sample_id": sample_id, "n_transfer": counts, "cv": cv}
    curve = answer(transfer_curve, model, X, y, error_score="raise", **given_)
    if curve is not None:
        assert len(curve.n_transfer) == len(counts)
        if is_moderate(X, y):
            assert np.isfinite(curve.test_scores).all()


def axis(n_channels):
    """Draw an axis of `n_channels` channels, mostly one in nm."""
    rising = np.linspace(1000, 2500, n_channels)
    unusual = [
        rising[::-1],
        1e7 / rising,
        rising.tolist(),
        rising.astype(np.float32),
        np.arange(n_channels),
        np.full(n_channels, 1100.0),
        -rising,
        rising + 1j,
        np.where(np.arange(n_channels) == 0, np.nan, rising),
        np.where(np.arange(n_channels) == 0, np.inf, rising),
        rising[:-1],
        rising[None],
        rising.astype(str),
        np.full(n_channels, "nm"),
        None,
        1100.0,
        {"A": rising},
    ]
    return one_of_many(rising, unusual, weight=4)


@fuzz(60, data=st.data(), n_channels=st.integers(1, 40), both=st.integers(0, 9))
def test_embedder(data, n_channels, both):
    X = data.draw(arrays(data.draw(st.integers(1, 4)), n_channels))
    axes = {data.draw(st.sampled_from(["wavelength", "wavenumber"])): data.draw(axis(n_channels))}
    if both == 0:
        axes = {"wavelength": np.ones(n_channels), "wavenumber": np.ones(n_channels)}
    model = SpektronEmbedder(
        **axes,
        pooling=data.draw(mostly(st.sampled_from(["tokens", "mean"]), st.just("latent"))),
        batch_size=data.draw(mostly(st.integers(1, 5), st.sampled_from([0, -1, 2.5, None]))),
        device="cpu",
    )
    if answer(model.fit, X) is not None:
        Z = answer(model.transform, X)
        if Z is not None and is_moderate(X):
            assert Z.shape == (len(X), len(model.get_feature_names_out()))
            assert np.isfinite(Z).all()


SMALLEST = Architecture(patch_length=2, d_model=4, d_state=2, n_layers=1)
USUAL = {"wavelength": np.linspace(1000, 2500, 5), "mask_ratio": 0.5, "batch_size": 4}


@st.composite
def pretrainings(draw):
    """Draw the rows of two instruments and the parameters of a pretrainer."""
    n_channels = draw(st.integers(1, 12))
    parameters = {
        "wavelength": draw(axis(n_channels)),
        "mask_ratio": draw(mostly(st.just(0.5), st.sampled_from([0, 1, np.nan, "a", None]))),
        "batch_size": draw(mostly(st.integers(1, 9), st.sampled_from([0, 1.5, None]))),
    }
    return draw(stacks(n_channels=(n_channels, n_channels))), parameters


@fuzz(25, pretraining=pretrainings())
@example(pretraining=(make_pairs(), USUAL | {"mask_ratio": "a"}))
@example(pretraining=(([[1.0], [1.0, 2.0]], *make_pairs()[1:]), USUAL))
def test_pretrainer(pretraining):
    (X, _, instrument, sample_id), parameters = pretraining
    model = SpektronPretrainer(
        SMALLEST, **parameters, max_steps=1, warmup_steps=0, random_state=0, device="cpu"
    )
    given_ = {"instrument": instrument, "sample_id": sample_id}
    if answer(model.fit, X, **given_) is not None:
        Z = answer(model.transform, X)
        if Z is not None and is_moderate(X):
            assert Z.shape == (len(X), 4) and np.isfinite(Z).all()


@fuzz(60, data=st.data())
def test_simulator(data):
    n_channels = data.draw(st.integers(2, 12))
    given_ = {
        "n_samples": data.draw(mostly(st.integers(1, 5), st.sampled_from([0, -1, 2.5, "3"]))),
        "wavelength": data.draw(axis(n_channels)),
        "noise": data.draw(mostly(st.just(1e-3), st.sampled_from([-1, np.nan, np.inf, "a", None]))),
        "instruments": data.draw(
            mostly(st.just(("A", "B")), st.sampled_from([(), "AB", ("A", "A"), (1, 2), None]))
        ),
    }
    bunch = answer(datasets.make_instruments, random_state=0, **given_)
    if bunch is not None:
        assert all(np.isfinite(X).all() for X in bunch.X.values())


@fuzz(60, kernels=st.integers(1, 4).flatmap(lambda n: arrays(n, 7)))
def test_kernel_classes(kernels):
    classes = answer(inspection.classify_kernels, kernels)
    assert classes is None or len(classes.label) == len(kernels)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_every_method_is_fuzzed_with_rows_that_it_can_use(method):
    model = method(Ridge(), source="A", target="B", n_transfer=4)
    fit_and_predict(model, make_pairs())
    assert len(model.predict(make_pairs()[0])) == 18

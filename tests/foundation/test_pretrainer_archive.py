"""SpektronPretrainer on an archive: equality with arrays, memory use, resuming, refusals."""

import pickle

import numpy as np
import pytest
import torch

from skspektron._nn.architecture import Architecture
from skspektron._training.engine import _net
from skspektron._training.masked import _survey
from skspektron.datasets import SpektraArchive
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer
from skspektron.preprocessing import SNV
from tests.foundation.weights import weights

SIZES = {"patch_length": 6, "d_model": 8, "d_state": 4, "n_layers": 1}


@pytest.fixture
def make_archive(bunch, tmp_path):
    """Return a function that writes an archive with seven rows per file."""

    def make(X, folder="archive", wavelength=bunch.wavelength, **arrays):
        (tmp_path / folder).mkdir(exist_ok=True)
        for start in range(0, len(X), 7):
            rows = slice(start, start + 7)
            labels = {k: v[rows] if len(v) == len(X) else v for k, v in arrays.items()}
            path = tmp_path / folder / f"{start:06d}.npz"
            np.savez(path, X=X[rows], wavelength=wavelength, **labels)
        return SpektraArchive(tmp_path / folder)

    return make


def no_axis(make_pretrainer, **parameters):
    """Return a pretrainer without an axis."""
    return make_pretrainer(wavelength=None, **parameters)


def test_archive_trains_like_its_array(make_pretrainer, make_archive, pretrained, bunch, X):
    model = no_axis(make_pretrainer).fit(make_archive(X))
    assert torch.equal(weights(model), weights(pretrained))
    np.testing.assert_array_equal(model.wavenumber_, pretrained.wavenumber_)
    assert (model.n_features_in_, model.n_steps_) == (60, 10)
    for mine, other in zip(model.history_, pretrained.history_, strict=True):
        assert {k: v for k, v in mine.items() if k != "seconds"} == pytest.approx(
            {k: v for k, v in other.items() if k != "seconds"}, rel=1e-6
        )
    np.testing.assert_array_equal(model.transform(X), pretrained.transform(X))


def test_labels_noise_and_axes_are_those_of_the_files(make_pretrainer, make_archive, bunch):
    short = bunch.wavelength[:50]
    architecture = Architecture(**SIZES, latent="vib", d_latent=6, domain_token=True)
    settings = {
        "architecture": architecture,
        "objectives": {"masked": 1.0, "infonce": 0.5, "bottleneck": 0.1},
        "ema_decay": 0.9,
        "n_iter_no_change": 1,
    }
    noise, sample_id = np.linspace(1, 2, 60), np.arange(24)
    X = np.concatenate([bunch.X["a"], bunch.X["b"]])
    X[24:, 50:], X[5] = np.nan, np.nan  # another axis, and a spectrum without values
    array = make_pretrainer(
        wavelength={"a": bunch.wavelength, "b": short},
        noise={"a": noise, "b": noise[:50]},
        domain={"a": "NIR", "b": "IR"},
        **settings,
    )
    labels = {"instrument": np.repeat(["a", "b"], 24), "sample_id": np.tile(sample_id, 2)}
    with pytest.warns(UserWarning, match="in 1 of 48 spectra"):
        array.fit(X, **labels)
    files = make_archive(
        X[:24], "a", noise=noise, sample_id=sample_id, instrument=["a"] * 24, domain=["NIR"] * 24
    ).files
    files += make_archive(
        X[24:, :50],
        "b",
        wavelength=short,
        noise=noise[:50],
        sample_id=sample_id,
        instrument=["b"] * 24,
        domain=["IR"] * 24,
    ).files
    lazy = no_axis(make_pretrainer, **settings)
    with pytest.warns(UserWarning, match="in 1 of 48 spectra"):
        lazy.fit(SpektraArchive(files))
    assert torch.equal(weights(lazy), weights(array))
    assert [len(axis) for axis in lazy.wavenumber_.values()] == [60] * 4 + [50] * 4


def test_several_axes_are_saved_like_those_of_instruments(make_pretrainer, make_archive, X, bunch):
    make_archive(X[:7])
    np.savez(
        (path := make_archive(X[:7]).files[0]).with_name("short.npz"),
        X=X[7:, :50],
        wavelength=bunch.wavelength[:50],
    )
    model = no_axis(make_pretrainer).fit(SpektraArchive(path.parent))
    assert [key.rpartition("/")[2] for key in model.wavenumber_] == ["000000.npz", "short.npz"]
    model.save(path.with_name("weights"))
    loaded = SpektronPretrainer.load(path.with_name("weights"))
    assert torch.equal(weights(loaded), weights(model))
    with pytest.raises(ValueError, match="trained on several axes"):
        loaded.transform(X)


def test_partial_fit_continues_on_an_archive(make_pretrainer, make_archive, X):
    archive = make_archive(X)
    model = no_axis(make_pretrainer).partial_fit(archive).partial_fit(archive)
    assert torch.equal(weights(model), weights(make_pretrainer().fit(X).partial_fit(X)))
    embedder = SpektronEmbedder(pickle.loads(pickle.dumps(model)), wavenumber=model.wavenumber_)
    assert np.isfinite(embedder.fit_transform(X)).all()
    with pytest.raises(ValueError, match="X has 50 features, but SpektronPretrainer is expecting"):
        model.partial_fit(make_archive(X[:, :50], "short", model.wavenumber_[:50]))


def test_memory_does_not_grow_with_the_archive(make_pretrainer, make_archive, X, monkeypatch):
    monkeypatch.setattr(_survey, "CHUNK_SIZE", 30)
    archive, n_read = make_archive(np.tile(X, (20, 1))), []
    read = SpektraArchive.read
    monkeypatch.setattr(
        SpektraArchive, "read", lambda self, rows: n_read.append(len(rows)) or read(self, rows)
    )
    no_axis(make_pretrainer).fit(archive)
    looked_at, probed, steps = len(archive), 256, [8] * 10
    assert n_read == [looked_at, *[30] * 16, probed, *steps]


def test_interrupted_training_on_an_archive_resumes(
    make_pretrainer, make_archive, pretrained, X, tmp_path, monkeypatch
):
    train_step, archive = _net.StepNet.train_step_single, make_archive(X)

    def interrupted(self, *args, **kwargs):
        if self.sampler.step == 7:
            raise KeyboardInterrupt
        return train_step(self, *args, **kwargs)

    model = no_axis(make_pretrainer, checkpoint=tmp_path / "run.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(_net.StepNet, "train_step_single", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(archive)
    with pytest.raises(ValueError, match="belongs to another run: it differs in X"):
        model.fit(make_archive(X + 1e-9, "other"))
    assert torch.equal(weights(model.fit(archive)), weights(pretrained))


def test_arguments_contained_in_files_are_refused(make_pretrainer, make_archive, bunch, X):
    archive = make_archive(X)
    for given in ({"wavelength": bunch.wavelength}, {"noise": np.ones(60)}, {"domain": "NIR"}):
        model = make_pretrainer(
            **{"wavelength": None, "architecture": Architecture(**SIZES, domain_token=True)} | given
        )
        with pytest.raises(
            ValueError, match=f"is an archive and {next(iter(given))} was given too"
        ):
            model.fit(archive)
    with pytest.raises(ValueError, match="an archive and instrument, sample_id was given"):
        no_axis(make_pretrainer).fit(archive, instrument=[0] * 24, sample_id=range(24))


def test_objectives_raise_for_labels_missing_in_files(make_pretrainer, make_archive, X):
    with pytest.raises(ValueError, match="'infonce' compares the same samples"):
        no_axis(make_pretrainer, objectives={"infonce": 1.0}).fit(make_archive(X))
    archive = make_archive(SNV().fit_transform(X), "snv")
    with pytest.raises(ValueError, match=r"'smoothness' requires absorbance, and \d\d% of the"):
        no_axis(make_pretrainer, objectives={"smoothness": 1.0}).fit(archive)

"""Scores of both instruments before the transfer, and pairs of rows of one sample."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron import SNV, LoRATransfer, PDSTransfer, SpektronEmbedder
from skspektron.inspection import EmbeddingDisplay
from skspektron.transfer import DSTransfer, NARTransfer, TTTTransfer

pytest.importorskip("matplotlib")

WAVELENGTH = np.linspace(1100, 2498, 60)


@pytest.fixture
def rows(stacked):
    X, y, instrument, sample_id = stacked
    return X, y, {"instrument": instrument, "sample_id": sample_id}


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(6, 4)) * [4, 2, 1, 0.5]
    moved = source + np.array([0, 3, 0, 0])
    return source, moved, source + 0.1 * rng.normal(size=(6, 4))


def test_scores_are_principal_components_of_both_instruments_before(embeddings, make_axes):
    axes = make_axes(2)
    display = EmbeddingDisplay(*embeddings).plot(axes)
    union = np.concatenate(embeddings[:2])
    centred = union - union.mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    for name, Z in zip(("source", "target", "adapted"), embeddings, strict=True):
        expected = (Z - union.mean(axis=0)) @ directions[:2].T
        np.testing.assert_allclose(np.abs(display.scores_[name]), np.abs(expected))
    fractions = values**2 / np.sum(values**2)
    np.testing.assert_allclose(display.explained_variance_ratio_, fractions[:2])
    for ax, name in zip(axes, ("target", "adapted"), strict=True):
        source, target = ax.lines
        np.testing.assert_array_equal(source.get_xydata(), display.scores_["source"])
        np.testing.assert_array_equal(target.get_xydata(), display.scores_[name])
        assert source.get_marker() != target.get_marker()
        assert source.get_markerfacecolor() == "none" != target.get_markerfacecolor()
    assert [ax.get_title() for ax in axes] == ["Before", "After"]
    assert f"{fractions[0]:.0%}" in axes[0].get_xlabel()
    assert np.isnan(display.distance_before_)
    display.figure_.canvas.draw()


def test_pairs_are_joined_and_their_distance_is_in_the_title(embeddings, make_axes):
    source, target, adapted = embeddings
    display = EmbeddingDisplay(
        np.r_[source, source[:1] + 2],  # the first sample twice
        target[[1, 0]],
        adapted[[1, 0]],
        source_id=[*range(6), 0],
        target_id=[1, 0],
    ).plot(make_axes(2))
    twice = np.r_[source, source[:1] + 2]
    means = np.array([source[1], source[0] + 1])
    spread = np.mean(np.sum((twice - twice.mean(axis=0)) ** 2, axis=1))
    for found, moved in (
        (display.distance_before_, target),
        (display.distance_after_, adapted),
    ):
        squares = [sum((moved[1] - means[0]) ** 2), sum((moved[0] - means[1]) ** 2)]
        assert found == pytest.approx(np.sqrt(np.mean(squares) / spread))
    lines = display.ax_[0].lines
    assert len(lines) == 4  # two pairs, source, target
    scores = display.scores_
    np.testing.assert_allclose(lines[0].get_xydata(), [scores["source"][1], scores["target"][0]])
    first = scores["source"][[0, 6]].mean(axis=0)
    np.testing.assert_allclose(lines[1].get_xydata(), [first, scores["target"][1]])
    assert display.ax_[0].get_title() == f"Before: pairs {display.distance_before_:.2g} apart"


def test_lora_embeds_the_target_with_its_adapter(rows, pretrained, make_axes):
    X, y, metadata = rows
    model = make_pipeline(SNV(), SpektronEmbedder(pretrained, wavelength=WAVELENGTH), Ridge())
    lora = LoRATransfer(model, source="source", target="target", max_epochs=2, random_state=0)
    lora.fit(X, y, **metadata)
    display = EmbeddingDisplay.from_estimator(lora, X, **metadata, ax=make_axes(2))
    np.testing.assert_allclose(display.source, lora.estimator_[:2].transform(X[:40]))
    np.testing.assert_allclose(display.target, lora.estimator_[:2].transform(X[40:]))
    Z = lora.target_estimator_[:-1].transform(X[40:])  # all but the ridge: embedder and offset
    np.testing.assert_allclose(display.adapted, Z)
    assert display.distance_after_ < display.distance_before_
    lora.set_params(n_transfer=0).fit(X, y, **metadata)
    with pytest.raises(
        ValueError, match=r"LoRATransfer was fitted with 0 standards and has no emb"
    ):
        EmbeddingDisplay.from_estimator(lora, X, **metadata, ax=make_axes(2))


def test_ttt_without_alignment(rows, pretrained, make_axes):
    X, y, metadata = rows
    settings = {"source": "source", "target": "target", "max_steps": 1, "random_state": 0}
    model = make_pipeline(SNV(), SpektronEmbedder(pretrained, wavelength=WAVELENGTH), Ridge())
    ttt = TTTTransfer(model, align=None, **settings).fit(X, y, **metadata)
    display = EmbeddingDisplay.from_estimator(ttt, X, **metadata, ax=make_axes(2))
    np.testing.assert_allclose(display.adapted, ttt.target_estimator_[:-1].transform(X[40:]))


def test_mapped_spectra_are_plotted_after_the_preprocessing(rows, pretrained, make_axes):
    X, y, metadata = rows
    pds = PDSTransfer(make_pipeline(SNV(), Ridge()), source="source", target="target")
    pds.fit(X, y, **metadata)
    display = EmbeddingDisplay.from_estimator(pds, X, **metadata, ax=make_axes(2))
    np.testing.assert_allclose(display.target, SNV().fit_transform(X[40:]))
    np.testing.assert_allclose(display.adapted, SNV().fit_transform(pds.transform(X[40:])))
    embedding = make_pipeline(SNV(), SpektronEmbedder(pretrained, wavelength=WAVELENGTH)).fit(X)
    embedded = EmbeddingDisplay.from_estimator(
        pds, X, **metadata, features=embedding, ax=make_axes(2)
    )
    expected = embedding.transform(pds.transform(X[40:]))
    np.testing.assert_allclose(embedded.adapted, expected, rtol=1e-5, atol=1e-6)
    bare = DSTransfer(Ridge(), source="source", target="target").fit(X, y, **metadata)
    spectra = EmbeddingDisplay.from_estimator(bare, X, **metadata, ax=make_axes(2))
    np.testing.assert_allclose(spectra.source, X[:40])


def test_frames_keep_their_names(rows, make_axes):
    pd = pytest.importorskip("pandas")
    X, y, metadata = rows
    frame = pd.DataFrame(X, columns=[f"{nm:.2f} nm" for nm in WAVELENGTH])
    pds = PDSTransfer(make_pipeline(SNV(), Ridge()), source="source", target="target")
    named = pds.fit(frame, y, **metadata)
    display = EmbeddingDisplay.from_estimator(named, frame, **metadata, ax=make_axes(2))
    np.testing.assert_allclose(display.source, SNV().fit_transform(X[:40]))


def test_invalid_inputs_raise(rows, embeddings, make_axes):
    X, y, metadata = rows
    nar = NARTransfer(Ridge(), source="source", target="target").fit(X, y, **metadata)
    with pytest.raises(TypeError, match=r"transfer that adapts an embedding.*got NARTransfer"):
        EmbeddingDisplay.from_estimator(nar, X, **metadata, ax=make_axes(2))
    source, target, adapted = embeddings
    with pytest.raises(
        ValueError, match=r"adapted must have the shape of target, \(6, 4\), got \(5, 4\)"
    ):
        EmbeddingDisplay(source, target, adapted[:5]).plot(make_axes(2))
    with pytest.raises(ValueError, match=r"source has shape \(6, 1\) and target \(6, 1\)"):
        EmbeddingDisplay(source[:, :1], target[:, :1], adapted[:, :1]).plot(make_axes(2))
    with pytest.raises(ValueError, match=r"ax must hold 2 Axes, got 3"):
        EmbeddingDisplay(source, target, adapted).plot(make_axes(3))
    with pytest.raises(ValueError, match="target_id has 2 entries"):
        EmbeddingDisplay(source, target, adapted, source_id=range(6), target_id=[0, 1]).plot()

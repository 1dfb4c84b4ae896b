"""Pages quote the committed results; the checks of the built site report faults."""

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from benchmarks import landing_figure
from skspektron._documentation import SITE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def load_script(name):
    """Import a script of docs/, which is not in the package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_figure_shows_the_committed_results():
    paths = {
        group.get("id"): re.findall(r"([\d.]+) ([\d.]+)", group.find("{*}path").get("d"))
        for group in ElementTree.parse(landing_figure.FIGURE).findall(".//{*}g")
        if group.find("{*}path") is not None
    }
    ratios = landing_figure.read_ratios()
    drawn, expected = [], []
    for method, name in landing_figure.METHODS.items():
        curve = landing_figure.make_curve(ratios, method)
        medians = np.median(curve.test_scores, axis=1)
        drawn += np.array(paths[name], dtype=float).tolist()
        expected += np.c_[curve.n_transfer, np.log2(medians)].tolist()
    level = float(paths["recalibration"][0][1])  # where the ratio is 1
    drawn, expected = np.array(drawn), np.array(expected)
    x_scale, x_start = np.polyfit(expected[:, 0], drawn[:, 0], 1)
    np.testing.assert_allclose(drawn[:, 0], x_start + x_scale * expected[:, 0], atol=1e-3)
    y_scale = (drawn[0, 1] - level) / expected[0, 1]
    np.testing.assert_allclose(drawn[:, 1], level + y_scale * expected[:, 1], atol=1e-3)


def test_broken_and_external_links_are_reported(tmp_path):
    (tmp_path / "index.html").write_text(
        '<a href="page.html#here">a</a><a href="https://example.org">b</a><a href="#top">c</a>'
        '<h1 id="top">d</h1><img src="page.html">'
    )
    page = tmp_path / "page.html"
    page.write_text('<p id="here"></p>')
    check_links = load_script("check_links")
    assert check_links.find_faults(tmp_path) == ([], 2)
    page.write_text(
        '<a href="gone.html">a</a><a href="index.html#gone">b</a><img src="gone.png">'
        '<script src="https://example.org/x.js"></script><link rel="canonical" href="//e.org/x">'
    )
    assert check_links.find_faults(tmp_path)[0] == [
        "index.html: page.html#here: no such anchor",
        "page.html: gone.html: no such file",
        "page.html: gone.png: no such file",
        "page.html: https://example.org/x.js: is loaded from another host",
        "page.html: index.html#gone: no such anchor",
    ]
    assert check_links.main(tmp_path) == 1


def test_examples_that_exceed_their_stated_time_are_reported(tmp_path):
    stated = {"plot_a.py": 20, "plot_b.py": 20, "plot_c.py": 20}
    for name, seconds in stated.items():
        (tmp_path / name).write_text(
            f'"""\nTitle\n\nTakes about {seconds} seconds on two cores.\n"""'
        )
    (tmp_path / "plot_d.py").write_text('"""No time."""')
    (tmp_path / "timings.xml").write_text(
        '<testsuite><testcase file="x/plot_a.py" time="19.0"/>'
        '<testcase file="x/plot_b.py" time="21.4"/></testsuite>'
    )
    check_times = load_script("check_times")
    scripts = sorted(tmp_path.glob("plot_*.py"))
    assert check_times.find_faults(scripts, check_times.read_timings(tmp_path)) == [
        "plot_b.py: took 21 seconds, states 20",
        "plot_c.py: did not run in this build",
        "plot_d.py: its docstring does not say how long it takes",
    ]


def test_the_index_of_an_accented_letter_is_a_subscript():
    formula = load_script("mathml").to_mathml(r"\hat y_i \ge \sum_{j=1}^p x_j", block=True)
    tags = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(formula).iter()]
    assert tags[:6] == ["math", "msub", "mover", "mi", "mo", "mi"]
    assert tags.count("munderover") == 1  # the sum keeps its limits


def test_roles_in_notebooks_become_links():
    notebooks = load_script("notebooks")
    page = "auto_examples/how_to/plot_a.ipynb"
    text = "`~skspektron.preprocessing.SNV`, :doc:`pages </intervals>`, :doc:`plot_b`, ``~x.y`` `y`"
    assert notebooks.link_roles(text, page) == (
        f"[`SNV`]({SITE}generated/skspektron.preprocessing.SNV.html), "
        f"[pages]({SITE}intervals.html), [plot_b]({SITE}auto_examples/how_to/plot_b.html), "
        "``~x.y`` `y`"
    )


def test_the_architecture_page_names_files_and_classes_that_exist():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("## Where to add what") :]
    paths = set(re.findall(r"`((?:skspektron|docs|tests)/[\w./]+)`", table))
    examples = {path for path in paths if "my" in Path(path).name}  # files that one would add
    assert len(examples) >= 5 and len(paths - examples) >= 7
    assert [path for path in paths - examples if not (ROOT / path).exists()] == []
    assert [path for path in examples if not (ROOT / path).parent.is_dir()] == []
    source = "".join(path.read_text() for path in (ROOT / "skspektron").rglob("*.py"))
    names = re.findall(r"`((?:[A-Z]\w+)|\w+_views|_learn|_map|_predict_target)`", table)
    assert [name for name in names if not re.search(rf"(class|def) {name}\b", source)] == []
    tree = page[page.index("```text") : page.index("## Imports")]
    folders = {line.split("/")[0].split()[-1] for line in tree.splitlines() if "/" in line}
    inside = {path.name for path in (ROOT / "skspektron").rglob("_*") if path.is_dir()}
    missing = {"_adaptation", "_averaging", "_core", "_maps", "_algorithms"} - folders
    assert missing == set() and {"_training", "_bridge", "_nn"} <= folders & inside

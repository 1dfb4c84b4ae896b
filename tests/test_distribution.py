"""The source distribution has all that a repackager needs; the wheel has the package alone."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import skspektron

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "examples", "pretraining", "skspektron", "tests")
FILES = ("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "README.md", "RELEASING.md")


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return a function that builds a distribution and returns its file."""

    def run(target):
        folder = tmp_path_factory.mktemp(target)
        command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        [path] = folder.iterdir()
        return path

    return run


def files_of(*folders):
    """Return the files of folders of the repository, without what Python caches."""
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.*") if path.is_file())
    return {p.relative_to(ROOT).as_posix() for p in paths if "__pycache__" not in p.parts}


def test_the_source_distribution_has_the_whole_repository(build):
    with tarfile.open(build("sdist")) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    expected = {*FILES, "constraints.txt", "docs/conf.py", "pretraining/small.py"}
    assert sorted((files_of(*FOLDERS) | expected) - names) == []
    assert [name for name in names if "__pycache__" in name] == []


def test_the_wheel_has_the_package_alone(build):
    names = zipfile.ZipFile(build("wheel")).namelist()
    assert {name.split("/")[0].removesuffix(".dist-info") for name in names} == {
        "skspektron",
        f"skspektron-{skspektron.__version__}",
    }
    assert sorted(files_of("skspektron") - {*names}) == []
    assert {"skspektron/py.typed", "skspektron/weights/SHA256SUMS"} <= {*names}

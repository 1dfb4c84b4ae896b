"""Random tables of text: their values come back, or the file is refused; none is read wrongly.

300 tables, or 10,000 with HYPOTHESIS_PROFILE=long.
"""

import os
import warnings

import numpy as np
import pytest

from skspektron.io import read_spectra

N_TABLES = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 300
N_PARTS = 10
AXES = {  # first, last and unit of instruments
    "NIR": (1100, 2498, "nm"),
    "Vis-NIR": (285, 1200, "nm"),
    "fibre": (176.36, 893.69, "nm"),
    "handheld": (908.1, 1676.2, "nm"),
    "FT-NIR": (12493.2, 3996.4, "cm-1"),
    "FT-MIR": (4000, 400, "cm-1"),
    "fingerprint": (798.892, 1896.8085, "cm-1"),
    "Raman": (-200.5, 3200.5, "cm-1"),
}
UNITS = {
    "nm": (("nm", 1), ("NM", 1), ("µm", 1000), ("um", 1000), ("nanometers", 1)),
    "cm-1": (("cm-1", 1), ("1/cm", 1), ("cm^-1", 1), ("cm⁻¹", 1), ("cm–1", 1)),
}
LABELS = {"nm": ("Wavelength ({})", "{}", "wavelength [{}]", "λ / {}")}
LABELS["cm-1"] = ("Wavenumber ({})", "{}", "Raman shift [{}]", "Wellenzahl / {}")
IDS = {
    "text": lambda i: f"wheat {i}",
    "umlaut": lambda i: f"Größe – {i}",
    "number": lambda i: f"{101 + i}",
    "decimal": lambda i: f"1.{i}0",
    "exponent": lambda i: f"{i + 1}E1",
    "digits": lambda i: f"{12345678901234567890 + i}",
    "hash": lambda i: f"#{i}",
    "zeros": lambda i: f"{i:03d}",
    "quote": lambda i: f'lot "A", {i}',
}
ID_HEADINGS = "sample_id", "Sample", "Sample Name", "ID", "Probe", "sample-id"


def _positions(rng, n_channels):
    """Return an axis as numbers, its unit, the scale and name of the unit that is written."""
    first, last, unit = AXES[rng.choice(list(AXES))]
    name, factor = UNITS[unit][rng.integers(len(UNITS[unit]))]
    axis = np.linspace(first, last, n_channels)
    if rng.random() < 0.3:
        axis = first + np.sign(last - first) * np.arange(n_channels)
    return np.round(axis / factor, 6 if factor > 1 else 3), unit, factor, name


def _writer(rng, separator):
    """Return functions that write a number and a cell of text."""
    decimal = "," if separator != "," and rng.random() < 0.4 else "."
    if separator == "," and rng.random() < 0.1:
        decimal = ","
    form = rng.choice(["{:.6f}", "{:.4f}", "{:.6g}", "{:.7E}", "{:.3f}", "{:+.5f}"])
    every = rng.random() < 0.2

    def cell(text):
        if separator is None:
            return text.replace(" ", "_")
        if every or any(sign in text for sign in (separator, '"', "\n")):
            return '"' + text.replace('"', '""') + '"'
        return text

    return (lambda value, style=form: cell(style.format(value).replace(".", decimal))), cell


def _table(rng):
    """Return a random table as bytes, the options to read it with, and what must come back."""
    layout = rng.choice(["rows", "columns", "bare columns", "pairs"])
    n_samples, n_channels = int(rng.integers(1, 7)), int(rng.integers(4, 30))
    separator = [",", ";", "\t", None][rng.integers(4)]
    number, cell = _writer(rng, separator)
    axis, unit, factor, unit_name = _positions(rng, n_channels)
    ids = [IDS[rng.choice(list(IDS))](i) for i in range(n_samples)]
    scale = float(rng.choice([1.0, 1.0, 0.01, 1e4]))
    values = scale * rng.uniform(-0.2 if rng.random() < 0.2 else 0.05, 2, (n_samples, n_channels))
    if rng.random() < 0.3:  # smooth spectra, as those that are mistaken for an axis
        values = np.sort(values, axis=int(rng.integers(2)))
    is_bare = layout == "bare columns" or rng.random() < 0.3
    label = LABELS[unit][rng.integers(4)].format(unit_name)
    if is_bare and factor != 1:
        is_bare = layout == "bare columns"
    positions = [number(x, "{:.12g}") for x in axis]
    rows = _rows(rng, layout, cell, number, positions, values, ids, label, unit_name, is_bare)
    lines = [(separator or "  ").join(row) for row in rows]
    options = _options(rng, unit, factor, is_bare)
    text = _preamble(rng, separator, options) + str(rng.choice(["\n", "\r\n"])).join(lines) + "\n"
    encoding = str(rng.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    written = [[float(number(v).strip('"').replace(",", ".")) for v in row] for row in values]
    expected = {"X": np.array(written), "axis": axis * factor, "unit": unit, "is_bare": is_bare}
    has_ids = layout == "rows" or (layout == "columns" and n_samples > 1)
    expected["ids"] = [x.replace(" ", "_") if separator is None else x for x in ids]
    expected["ids"] = expected["ids"] if has_ids else None
    return text.encode(encoding, errors="replace"), options, expected, encoding, factor


def _rows(rng, layout, cell, number, positions, values, ids, label, unit_name, is_bare):
    """Return the cells of each line."""
    if layout == "rows":
        style = rng.choice(["suffix", "label"])
        heading = cell(str(rng.choice(ID_HEADINGS)))
        names = positions
        if not is_bare and style == "suffix":
            names = [cell(f"{x.strip(chr(34))} {unit_name}") for x in positions]
        elif not is_bare:
            heading = cell(label)
        extra = rng.random() < 0.4
        lines = [[heading, *([cell("moisture\n(%)")] if extra else []), *names]]
        for name, row in zip(ids, values, strict=True):
            lines.append([cell(name), *([number(12.5)] if extra else []), *map(number, row)])
        return lines
    if layout == "pairs":
        heading = [each for name in ids for each in (cell(label), cell(name))]
        body = [
            [each for v in column for each in (x, number(v))]
            for x, column in zip(positions, values.T, strict=True)
        ]
        return [heading, *body]
    heading = [[cell("" if is_bare and layout != "pairs" else label), *map(cell, ids)]]
    body = [[x, *map(number, column)] for x, column in zip(positions, values.T, strict=True)]
    return body if layout == "bare columns" else heading + body


def _options(rng, unit, factor, is_bare):
    """Return the options that a user may pass."""
    options = {}
    if is_bare and factor == 1 and rng.random() < 0.5:
        options["axis"] = "wavelength" if unit == "nm" else "wavenumber"
    return options


def _preamble(rng, separator, options):
    """Return lines before the table."""
    if rng.random() < 0.2:
        return "# exported, by the instrument\n#\n\n"
    if rng.random() < 0.1:
        options["skip_rows"] = 2
        return "Instrument; 7\nOperator, 2\n"
    return f"sep={separator}\n" if separator in (";", ",") and rng.random() < 0.1 else ""


def _fault(lab, said, expected):
    """Return what is wrong with a table that was read, "" if nothing is."""
    unit = "nm" if "wavelength" in lab else "cm-1"
    if unit != expected["unit"]:
        return "" if "may be in" in said and expected["is_bare"] else f"unit {unit}"
    axis = lab["wavelength" if unit == "nm" else "wavenumber"]
    if axis.shape != expected["axis"].shape or not np.allclose(axis, expected["axis"], rtol=1e-9):
        return f"axis {axis[:3]}"
    if lab.X.shape != expected["X"].shape or not np.array_equal(lab.X, expected["X"]):
        return f"values {lab.X[:2, :3]}"
    has_ids = expected["ids"] is not None and "made up" not in said
    if has_ids and lab.sample_id.tolist() != expected["ids"]:
        return f"ids {lab.sample_id.tolist()}"
    return ""


@pytest.mark.parametrize("part", range(N_PARTS))
def test_values_come_back_or_the_file_is_refused(tmp_path, part):
    file, n_read, n_tables = tmp_path / "table.csv", 0, -(-N_TABLES // N_PARTS)
    for number in range(n_tables):
        raw, options, expected, encoding, _ = _table(np.random.default_rng([part, number]))
        if encoding == "cp1252" and expected["ids"]:
            ids = [name.encode("cp1252", "replace").decode("cp1252") for name in expected["ids"]]
            expected["ids"] = ids
        file.write_bytes(raw)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                lab = read_spectra(file, **options)
            except ValueError as error:
                assert "was not read" in str(error)
                continue
        fault = _fault(lab, " ".join(str(each.message) for each in said), expected)
        assert not fault, f"table {part}, {number} {options}: {fault}\n{raw[:500]!r}\n{expected}"
        n_read += 1
    print(f"{n_read} of {n_tables} tables were read, the others refused")
    assert n_read >= 0.7 * n_tables

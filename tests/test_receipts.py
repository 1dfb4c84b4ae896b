"""Every number of the documentation is that of the committed results, or says why it is not."""

import csv
import json

import pytest

from benchmarks import network_tables, receipts, splits, tables
from benchmarks.claims import CLAIMS, SOURCES, Claim


@pytest.fixture(scope="module")
def found():
    """Return the receipts of all pages."""
    return receipts.receipts()


def test_every_number_holds(found):
    wrong = [str(each) for each in found if not each.holds]
    assert not wrong, "\n".join(["python -m benchmarks.receipts --quiet", *wrong])


def test_every_page_with_results_has_receipts(found):
    pages = {each.page for each in found}
    assert pages == {claim.page for claim in CLAIMS} | tables.tables().keys()
    assert len(found) > 2000


def test_all_sources_are_committed():
    names = {name for source in SOURCES.values() for name in source.split()}
    names |= {name for claim in CLAIMS for name in claim.source.split()}
    assert {f"{name}.csv" for name in names} <= {p.name for p in tables.RESULTS.glob("*.csv")}
    parts = {name for of_page in tables.tables().values() for name in of_page}
    assert parts == SOURCES.keys()


def test_recorded_commands_name_no_path_of_a_machine():
    for file in tables.RESULTS.glob("*.json"):
        for run in json.loads(file.read_text()):
            absolute = [word for word in run.get("arguments", "").split() if word.startswith("/")]
            assert not absolute, f"{file.name}: {absolute}"


def test_a_changed_csv_changes_the_receipts(monkeypatch):
    rows = [{**row, "r2": "0.5"} for row in network_tables.read("sources")]
    monkeypatch.setattr("benchmarks.claims_transfer.read", lambda name: rows)
    [claim] = [claim for claim in CLAIMS if claim.source == "sources"]
    changed = list(receipts.of_claim(claim, receipts.read_page(claim.page)))
    assert [each.computed for each in changed[2:]] == ["0.50"] * 6
    assert not any(each.holds for each in changed[2:])
    assert "-> 0.50  sources" in str(changed[2])


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return the path of the only page, which has one claim and no table."""
    path = tmp_path / "README.md"
    claim = Claim("README.md", "sources", "An R2 of {} on {} sets", lambda: ["0.97", "six"])
    monkeypatch.setattr(receipts, "ROOT", tmp_path)
    monkeypatch.setattr(receipts, "CLAIMS", [claim])
    monkeypatch.setattr(receipts, "NOT_MEASURED", receipts.NOT_MEASURED[:1])
    monkeypatch.setattr(receipts.tables, "tables", dict)
    monkeypatch.setattr(receipts.splits, "problems", list)
    receipts.read_page.cache_clear()
    yield path
    receipts.read_page.cache_clear()


TEXT = "1. An R2 of {} on\n{} sets (`n = 3`, {{math}}`x = 5`, [7](x.md#8)){}\n"


@pytest.mark.parametrize(
    ("numbers", "status", "shown"),
    [
        (("0.97", "six", ""), 0, "2 numbers hold, 0 do not; 1 are not from a CSV."),
        (("0.98", "six", ""), 1, "0.98 -> 0.97  sources"),
        (("0.97", "five", ""), 1, "five -> six  sources"),
        (("0.97", "six", " and 4 % more"), 1, "4 -> (none)  no receipt"),
        (("0.97", "six", "\n\n```{note}\n12 more\n```"), 1, "12 -> (none)  no receipt"),
        (("0.97", "six", "\n\n<!-- not measured: a limit -->\n\n3 or\n4\n\nno"), 0, "; 3 are not"),
        (("0.97", "six", "\n\n<!-- not measured: a limit -->\n\n3\n\n4"), 1, "4 -> (none)"),
        (("0.97", "six", "\n\n```python\n12 + 1\n```"), 0, "2 numbers hold"),
    ],
)
def test_status_and_difference(page, capsys, numbers, status, shown):
    page.write_text(TEXT.format(*numbers).replace("[7]", "[x]"))
    assert receipts.main([]) == status
    assert shown in capsys.readouterr().out


def test_a_sentence_that_has_changed_is_not_found(page, capsys):
    page.write_text("An R2 of about 0.97.\n")
    assert receipts.main(["--quiet"]) == 1
    out = capsys.readouterr().out
    assert "An R2 of 0.97 on six sets  sources: the page has no such text" in out
    assert "0.97 -> (none)  no receipt" in out


def test_a_statement_that_does_not_hold_is_named(page, monkeypatch, capsys):
    def leads():
        [data] = []
        return [data]

    monkeypatch.setattr(receipts, "CLAIMS", [Claim("README.md", "corn", "best on {}", leads)])
    page.write_text("It is best on corn.\n")
    assert receipts.main(["--quiet"]) == 1
    assert "corn: what leads says does not hold" in capsys.readouterr().out


def test_write_puts_the_numbers_into_the_page(page):
    page.write_text(TEXT.format("0.98", "eleven", ""))
    assert receipts.main(["--write", "--quiet"]) == 1  # [7] has no receipt
    assert page.read_text() == TEXT.format("0.97", "six", "")


def test_an_exemption_without_its_text_is_reported(page, monkeypatch, capsys):
    stale = receipts.NOT_MEASURED[0]._replace(page="README.md", texts=("from 3 to 4",))
    monkeypatch.setattr(receipts, "NOT_MEASURED", [stale])
    page.write_text("An R2 of 0.97 on six sets\n")
    assert receipts.main(["--quiet"]) == 1
    assert "from 3 to 4  not_measured.py: no such text" in capsys.readouterr().out


def test_cells_rest_on_the_same_splits_and_rows_on_recorded_runs():
    assert list(splits.problems()) == []


def test_other_splits_than_the_neighbours_are_named():
    compared = splits.Compared("selection", ("method",), ("selection",), ("task",))
    names = ("method", "selection", "task")
    fits = [("pds", "spxy", "a"), ("pds", "spxy", "b"), ("pds", "random", "a")]
    rows = [dict(zip(names, fit, strict=True)) for fit in fits]
    assert list(splits.ragged(rows, compared)) == ["selection: pds, random has 1 of 2 splits"]
    rows = [{"task": "a", "method": "pds", "repeat": repeat} for repeat in ("0", "2")]
    assert list(splits.gaps(rows, ("task", "method"), "repeat")) == ["a, pds has repeat [0, 2]"]


def test_a_row_that_no_run_has_made_is_named():
    run = {"arguments": "--data corn --methods pds --n-transfer 5 --repeats 2 --tasks 'corn/m5-*'"}
    names = ("task", "method", "n_transfer", "repeat")
    fit = ("corn/m5-mp6/oil", "pds", "5", "1")
    others = [
        ("corn/mp6-m5/oil", "pds", "5", "1"),
        ("tablets/m5-mp6/oil", "pds", "5", "1"),
        ("corn/m5-mp6/oil", "nar", "5", "1"),
        ("corn/m5-mp6/oil", "pds", "10", "1"),
        ("corn/m5-mp6/oil", "pds", "5", "2"),
    ]
    rows = [dict(zip(names, each, strict=True)) for each in (fit, *others)]
    assert len(list(splits.unrecorded(rows, [run]))) == len(others)
    assert list(splits.unrecorded(rows[:1], [{"arguments": "--data tablets"}, run])) == []


def test_all_files_have_the_columns_that_are_compared():
    for compared in splits.COMPARED:
        with (tables.RESULTS / f"{compared.file}.csv").open(newline="") as file:
            columns = next(csv.reader(file))
        assert {name for names in compared[1:] for name in names} <= set(columns)

"""The tables of docs/peers.md: mean R2 of other packages and of this one on the same splits."""

from collections.abc import Iterable, Mapping

import numpy as np

from benchmarks.markdown import digits, markdown

OWN = {
    "no-transfer": "no transfer",
    "mean-centring": "`MeanCentredTransfer`",
    "di-pls": "`DIPLSTransfer`",
    "ds": "`DSTransfer`",
    "pds": "`PDSTransfer`",
    "nar": "`NARTransfer`",
    "ensemble": "`EnsembleTransfer`",
}
PEERS = {
    "chemotools_ds": "chemotools, DS",
    "chemotools_pds": "chemotools, PDS",
    "chemotools_sst": "chemotools, SST",
    "pycaltransfer_ds": "pycaltransfer, DS",
    "pycaltransfer_pds": "pycaltransfer, PDS",
    "pycaltransfer_sst": "pycaltransfer, SST",
    "pycaltransfer_epo": "pycaltransfer, EPO",
    "pycaltransfer_joint_y": "pycaltransfer, Joint-Y PLS",
    "pynir_pfce_ns": "pynir, PFCE, NS",
    "pynir_pfce_ss": "pynir, PFCE, SS",
    "pynir_pfce_fs": "pynir, PFCE, FS",
    "diplslib_dipls": "diPLSlib, di-PLS",
    "diplslib_dipls_heuristic": "diPLSlib, di-PLS, heuristic",
    "diplslib_gctpls": "diPLSlib, GCT-PLS, heuristic",
    "nirs4all_ds": "nirs4all, DS",
    "nirs4all_pds": "nirs4all, PDS",
    "nirs4all_epo": "nirs4all, EPO",
}
SIZES = ("0", "5", "10")
BEST = "_best"  # the method on the preprocessing that the source rows choose


def seconds(results, method: str) -> str:
    """Return the median seconds of the fits of a method with most standards."""
    rows = [row for row in results.rows if row["method"] == method]
    most = max((int(row["n_transfer"]) for row in rows), default=0)
    values = [float(row["seconds"]) for row in rows if int(row["n_transfer"]) == most]
    return digits(float(np.median(values)), 2) if values else ""


def of_set(results) -> str:
    """Return R2 by method and number of standards, on the derivative and on the best spectra."""
    rows = []
    for method, label in (OWN | PEERS).items():
        names = (method, "" if method in OWN else method + BEST)
        cells = [results.cell(name, n) for name in names for n in SIZES]
        if any(cells):
            rows.append([label, *cells, seconds(results, method)])
    return markdown(["method", *SIZES, *(f"{n}, best" for n in SIZES), "seconds"], rows)


def better(results, n: str) -> tuple[str, float, list[tuple[str, float]]]:
    """Return the best own method with its mean R2, and the peers that are above it."""
    of_own = means(results, OWN, n)
    own = max(of_own, key=of_own.__getitem__)
    of_peers = means(results, [name + end for name in PEERS for end in ("", BEST)], n)
    above = sorted(of_peers.items(), key=lambda each: -each[1])
    return own, of_own[own], [each for each in above if each[1] > of_own[own]]


def means(results, methods: Iterable[str], n: str) -> dict[str, float]:
    """Return the mean R2 of the methods that have all splits."""
    values = {name: results.by_repeat(name, n) for name in methods}
    return {name: value.mean() for name, value in values.items() if value is not None}


def named(method: str) -> str:
    """Return the label of a method of another package, with its preprocessing."""
    peer = method.removesuffix(BEST)
    return PEERS[peer] + (", best preprocessing" if peer != method else "")


def table(results: Mapping[str, object]) -> str:
    """Return the tables of all sets."""
    parts = []
    for data, each in results.items():
        pairs = sorted({task.split("/")[1] for task in each.tasks})
        counts = f"tasks: {len(each.tasks)}, pairs of instruments: {len(pairs)}"
        parts.append(f"**{data}** ({counts}, splits: {each.n_repeats})\n\n{of_set(each)}")
    return "\n\n".join(parts)


def comparison(results: Mapping[str, object]) -> str:
    """Return the best of our methods by set and size, and every peer with a higher mean R2."""
    rows = []
    for data, each in results.items():
        for n in (n for n in SIZES if means(each, OWN, n)):
            own, value, above = better(each, n)
            names = "; ".join(f"{named(name)} ({peer:.2f})" for name, peer in above)
            rows.append([f"{data}, {n}", OWN[own], f"{value:.2f}", names or "none"])
    return markdown(["set, standards", "our best", "R2", "better in the mean"], rows)

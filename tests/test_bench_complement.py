"""The benchmark of networks trained beside other features: its figures."""

from benchmarks import bench_complement as bench


def test_ratios_are_means_over_properties_and_seeds():
    rows = [
        {"set": "a", "view": "2", "engine": "1"},
        {"set": "a", "view": "8", "engine": "1"},
        {"set": "b", "view": "1", "engine": "2"},
        {"set": "c", "view": "", "engine": "1"},
    ]
    assert bench.ratios(rows, "view", "engine") == {"a": 4.0, "b": 0.5}

"""Calibration transfer of other packages on the splits of the benchmark: see run.sh."""

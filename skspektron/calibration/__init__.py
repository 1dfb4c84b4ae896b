"""Calibration: reference values from the spectra of one instrument."""

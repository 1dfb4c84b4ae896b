"""The calibrations that an ensemble averages, and their weights."""

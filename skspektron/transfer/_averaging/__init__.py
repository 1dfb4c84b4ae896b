"""The calibrations that an ensemble averages."""

"""Training on hidden patches: masked batches, calibration episodes, the masked error."""

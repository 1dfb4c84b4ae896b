"""Functions of arrays, without estimators."""

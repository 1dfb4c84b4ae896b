"""Functions of arrays that know no estimator."""

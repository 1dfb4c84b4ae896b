"""Where the documentation of an estimator is: notebooks link to it."""

from __future__ import annotations

from sklearn.base import BaseEstimator

SITE = "https://skspektron.readthedocs.io/en/latest/"


class DocumentedEstimator(BaseEstimator):
    """An estimator whose HTML representation links to its page of the reference."""

    # Read by scikit-learn, which fills in the public module and the name of the class.
    _doc_link_module = "skspektron"
    _doc_link_template = SITE + "generated/{estimator_module}.{estimator_name}.html"

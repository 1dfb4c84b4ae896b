"""Links from the HTML representation of estimators to their documentation."""

from __future__ import annotations

from sklearn.base import BaseEstimator

SITE = "https://skspektron.readthedocs.io/en/latest/"


class DocumentedEstimator(BaseEstimator):
    """Base of estimators whose HTML representation links to their reference page."""

    # scikit-learn fills in the public module and the class name.
    _doc_link_module = "skspektron"
    _doc_link_template = SITE + "generated/{estimator_module}.{estimator_name}.html"

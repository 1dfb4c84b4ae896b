"""A warning about a transfer that is asked for and does not happen."""

import warnings


def warn_without_transfer(transfer, n_rows: int) -> None:
    """Warn if `source` or `target` is set although the rows have no instruments."""
    named = [f"{role}={getattr(transfer, role)!r}" for role in ("source", "target")]
    given = [role for role in named if not role.endswith("=None")]
    if given:
        warnings.warn(
            f"{type(transfer).__name__} has {' and '.join(given)}, but fit got no instrument=: "
            f"nothing is transferred, and the calibration is fitted on all {n_rows} rows. Pass "
            "instrument= and sample_id= to fit, also to that of a search; to that of a Pipeline "
            "as <step>__instrument=, or with metadata routing enabled.",
            UserWarning,
            stacklevel=4,
        )

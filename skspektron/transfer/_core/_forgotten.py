"""A warning about a transfer that is asked for and does not happen."""

from ..._warnings import warn_user


def warn_without_transfer(transfer) -> None:
    """Warn if `source` or `target` is set although the rows have no instruments.

    The message and the line are the same for all fits of a search, so that it is shown once.
    """
    named = [f"{role}={getattr(transfer, role)!r}" for role in ("source", "target")]
    given = [role for role in named if not role.endswith("=None")]
    if given:
        warn_user(
            f"{type(transfer).__name__} has {' and '.join(given)}, but fit got no instrument=: "
            "nothing is transferred, and the calibration is fitted on all rows. Pass "
            "instrument= and sample_id= to fit, also to that of a search; to that of a Pipeline "
            "as <step>__instrument=, or with metadata routing enabled."
        )

"""Stack instruments, order samples, split without leaks, and draw transfer curves."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_fewest_within_one_se": ["fewest_within_one_se"],
        "_orderings": ["duplex", "kennard_stone", "spxy"],
        "_stack": ["stack_instruments"],
        "_transfer_curve": ["TransferCurve", "transfer_curve"],
        "_transfer_curve_display": ["TransferCurveDisplay"],
        "_transfer_group_kfold": ["TransferGroupKFold"],
        "_transfer_shuffle_split": ["TransferShuffleSplit"],
    },
)

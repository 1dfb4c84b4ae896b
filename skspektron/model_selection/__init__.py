"""Stack instruments, order samples, split without leaks, and draw transfer curves."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_orderings": ["kennard_stone"],
        "_stack": ["stack_instruments"],
        "_transfer_curve": ["TransferCurve", "transfer_curve"],
        "_transfer_group_kfold": ["TransferGroupKFold"],
        "_transfer_shuffle_split": ["TransferShuffleSplit"],
    },
)

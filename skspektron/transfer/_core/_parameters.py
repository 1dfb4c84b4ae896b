"""Rules of the parameters that all transfer methods share."""

from ..._parameters import ARRAY, CALLABLE, Choice, Integer, Rules
from ..._typing import INSTRUMENT_NAME, MEMORY, RANDOM_STATE, REGRESSOR, SOURCES
from ...model_selection._orderings import ORDERINGS

SHARED: Rules = {
    "estimator": REGRESSOR | None,
    "source": SOURCES,
    "target": INSTRUMENT_NAME,
    "n_transfer": Integer(0) | None,
    "selection": Choice(ORDERINGS) | CALLABLE,
    "random_state": RANDOM_STATE,
    "memory": MEMORY,
    "trained_on": ARRAY | None,
    "bad_standards": Choice(("warn", "drop", "keep")),
}

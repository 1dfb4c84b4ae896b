"""Every parameter of every public class has a rule, and wrong values are refused before a fit."""

import inspect
import re
import types
import typing

import numpy as np
import pytest

from skspektron import transfer
from skspektron._parameters import check_parameters, rules_of

CLASSES = [getattr(transfer, name) for name in transfer.__all__]
REQUIRED = {}  # arguments without a default
FREE_TEXT = {"source", "target", "memory", "weights", "domain", "checkpoint", "log", "device"}
NAN, INF = float("nan"), float("inf")


class Untouched:
    """Data that no one may read before the parameters are checked."""

    def __getattribute__(self, name):
        raise AssertionError(f"{name} was read")


def make(kind, **parameters):
    return kind(**REQUIRED.get(kind.__name__, {}) | parameters)


def start(estimator):
    """Begin what checks the parameters."""
    estimator.fit(Untouched(), Untouched())


def types_of(kind, name):
    """Return the types in the annotation of a parameter."""
    parts = [typing.get_type_hints(kind.__init__)[name]]
    found = set()
    while parts:
        part = parts.pop()
        if typing.get_origin(part) in (typing.Union, types.UnionType):
            parts += typing.get_args(part)
        else:
            found.add(typing.get_origin(part) or part)
    return found


def wrong_values(kind, name):
    """Return values that the annotation and the meaning of a parameter exclude."""
    allowed = types_of(kind, name)
    wrong = [object(), NAN, INF, -INF, b"a", 1j, {1: object()}]
    wrong += ["a"] if name not in FREE_TEXT else []
    wrong += ["gpu", "cuda:99", ""] if name == "device" else []
    wrong += [None] if type(None) not in allowed else []
    wrong += [True, np.True_] if bool not in allowed else [0, 1, "True"]
    wrong += [1.5, 2.0, np.float64(1)] if float not in allowed and name not in FREE_TEXT else []
    wrong += [-1, np.int64(-1)] if name not in FREE_TEXT | {"n_jobs"} else []
    wrong += [0] if name == "n_jobs" else []
    return wrong


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_parameter_has_a_rule_and_its_default_is_valid(kind):
    assert set(rules_of(kind)) == set(inspect.signature(kind).parameters)
    check_parameters(make(kind))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_numpy_scalars_and_documented_words_are_valid(kind):
    for name, parameter in inspect.signature(kind).parameters.items():
        if type(parameter.default) in (int, float, bool):
            check_parameters(make(kind, **{name: np.asarray(parameter.default)[()]}))
        lines = re.findall(rf"^    (?:\w+, )*{name}(?:, \w+)* : (.*)", kind.__doc__, re.M)
        for word in re.findall(r'"([^"]*)"', lines[0]):
            check_parameters(make(kind, **{name: word}))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_wrong_values_are_refused_before_data_are_read(kind):
    for name in inspect.signature(kind).parameters:
        others = {"n_transfer": 0} if hasattr(kind, "_learn") and name != "n_transfer" else {}
        for value in wrong_values(kind, name):
            with pytest.raises(ValueError, match=rf"\A{name} must be .+, got .+\. .+\.\Z"):
                start(make(kind, **others, **{name: value}))

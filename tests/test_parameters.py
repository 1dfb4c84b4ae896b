"""Every parameter of the public classes has a rule, and wrong values are refused before a fit."""

import inspect
import re
import types
import typing
from fractions import Fraction
from importlib import import_module

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor

from skspektron import _parameters
from skspektron._parameters import BOOLEAN, TEXT, Choice, Integer, Number, Several
from skspektron.datasets import SpektraArchive
from skspektron.foundation import Architecture, SpektronEmbedder
from skspektron.validation import _history

ROOMS = (
    *(
        "calibration",
        "cluster",
        "datasets",
        "foundation",
        "inspection",
        "io",
        "metrics",
        "model_selection",
    ),
    *("preprocessing", "reliability", "transfer", "validation"),
)
RESULTS = {
    "TransferCurve",
    "KernelClasses",
    "OscillatorBank",
    "RemedyReport",
    "ValidationReport",
}  # made by functions
PUBLIC = [
    getattr(room, name)
    for room in (import_module(f"skspektron.{room}") for room in ROOMS)
    for name in room.__all__
]
CLASSES = [kind for kind in PUBLIC if inspect.isclass(kind) and kind.__name__ not in RESULTS]
# Arguments without a default, by name.
GIVEN = {
    "archive": object.__new__(SpektraArchive),
    "banks": {},
    "curves": {},
    "estimator": DummyRegressor(),
    "estimators": {},
    "files": "a.npz",
    "history": _history.empty_history(),
    "hotelling_t2_limit": 1.0,
    "limits": dict.fromkeys(("shewhart", "ewma", "cusum", "hotelling_t2", "q_residuals"), 1.0),
    "model": PCA(),
    "path": "a.csv",
    "q_residuals_limit": 1.0,
    "standards": {"id": [], "spectral_disagreement": [], "label_disagreement": []},
    "step": 1.0,
    "target": "B",
    "transfer": DummyRegressor(),
    "weights": "small",
    "width": 1.0,
}
ANY_TEXT = {
    *("checkpoint", "data_home", "files", "id_column", "instrument", "log", "memory", "name"),
    *("path", "pattern", "score_name", "scoring", "source", "target", "unit", "weights"),
}
ANY_NUMBER = {
    *("source", "target", "instrument", "intercept", "layer", "error_score", "bias", "shift"),
}
ANY_MAPPING = {"curves", "cv_results", "errors", "estimators", "instruments"}
NAN, INF = float("nan"), float("inf")
by_name = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


class Untouched:
    """Data that no one may read before the parameters are checked."""

    def __getattribute__(self, name):
        raise AssertionError(f"{name} was read")


def arguments_of(function):
    """Return the names of the arguments, and what stands for those without a default."""
    parameters = inspect.signature(function).parameters
    given = {
        name: GIVEN.get(name, Untouched())
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind != parameter.VAR_KEYWORD
    }
    if inspect.isclass(function):  # a display reads all of them together
        arrays = [name for name in given if complex in types_of(function, name)]
        given |= dict.fromkeys(arrays, np.ones((3, 3)))
    return list(parameters), given


def functions_of(public):
    """Return the functions, or bound methods of a class, that declare rules."""
    if inspect.isroutine(public):
        return [public] if hasattr(public, "_parameters") else []
    methods = [getattr(public, name) for name in dir(public) if name[0] != "_"]
    return [
        method if inspect.ismethod(method) else method.__get__(public(**arguments_of(public)[1]))
        for method in methods
        if hasattr(method, "_parameters")
    ]


def start(kind, parameters):
    """Make an object and begin what checks its parameters."""
    made = kind(**parameters)
    if hasattr(made, "plot"):
        made.plot()
    elif hasattr(made, "split"):
        next(made.split(Untouched(), instrument=Untouched(), sample_id=Untouched()))
    else:
        made.fit(Untouched(), Untouched())


def types_of(function, name):
    """Return the types in the annotation of a parameter."""
    function = function.__init__ if inspect.isclass(function) else function
    names = {"Architecture": Architecture, "SpektraArchive": SpektraArchive}
    parts = [typing.get_type_hints(function, localns=names)[name]]
    found = set()
    while parts:
        part = parts.pop()
        if typing.get_origin(part) in (typing.Union, types.UnionType):
            parts += typing.get_args(part)
        else:
            found.add(typing.get_origin(part) or part)
    return found


def wrong_values(function, name):
    """Return values that the annotation and the meaning of a parameter exclude."""
    allowed = types_of(function, name)
    is_array = complex in allowed  # as ArrayLike has it
    wrong = [object(), b"a", 1j] + ([] if name == "error_score" else [NAN, -INF])
    wrong += [INF] if name not in ("error_score", "penalty") else []
    wrong += [{1: object()}] if name not in ANY_MAPPING else []
    wrong += ["a"] if name not in ANY_TEXT else []
    wrong += ["gpu", "cuda:99", ""] if name == "device" else []
    wrong += [None] if type(None) not in allowed else []
    wrong += [True, np.True_] if bool not in allowed or is_array else [0, 1, "True"]
    wrong += [1.5, 2.0] if float not in allowed and name not in ANY_NUMBER else []
    wrong += [-1, np.int64(-1)] if name not in ANY_NUMBER | {"n_jobs"} else []
    wrong += [0] if name == "n_jobs" else []
    return wrong


def refusal(name):
    """Return the pattern of a message."""
    return rf"\A{name} must be .+, got .+\. .+\.\Z"


@by_name
def test_each_parameter_has_a_rule_and_its_default_is_valid(kind):
    rules = _parameters.rules_of(kind)
    names, given = arguments_of(kind)
    assert set(rules) == set(names)
    for name, parameter in inspect.signature(kind).parameters.items():
        rules[name].check(name, given.get(name, parameter.default), kind)


@by_name
def test_numpy_scalars_and_documented_words_are_valid(kind):
    rules = _parameters.rules_of(kind)
    for name, parameter in inspect.signature(kind).parameters.items():
        if type(parameter.default) in (int, float, bool):
            rules[name].check(name, np.asarray(parameter.default)[()], kind)
        line = re.search(rf"^    (?:\w+, )*{name}(?:, \w+)* : (.*)", kind.__doc__, re.M)
        for word in re.findall(r'"([^"]*)"', line[1]):
            rules[name].check(name, word, kind)


@by_name
def test_wrong_values_are_refused_before_data_are_read(kind):
    names, given = arguments_of(kind)
    for name in names:
        others = {"n_transfer": 0} if "n_transfer" in names else {}
        for value in wrong_values(kind, name):
            with pytest.raises(ValueError, match=refusal(name)):
                start(kind, given | others | {name: value})


@pytest.mark.parametrize("public", PUBLIC, ids=lambda public: public.__name__)
def test_functions_refuse_wrong_values_before_data_are_read(public):
    for function in functions_of(public):
        given = arguments_of(function)[1]
        for name in function._parameters:
            for value in wrong_values(function, name):
                with pytest.raises(ValueError, match=refusal(name)):
                    function(**given | {name: value})


def fit(rank=8):
    """Stand for what has a parameter `rank`."""


def error_of(rule, value):
    """Return the message with which a rule refuses a value, or None if it does not."""
    try:
        rule.check("rank", value, fit)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("rule", "valid", "invalid", "what"),
    [
        (Integer(1), [1, np.uint8(3)], [0, 1.0, "1", np.array(2)], "an int of at least 1"),
        (Integer(high=-1), [-1], [0], "an int of at most -1"),
        (Integer(1, 9, odd=True), [1, 9], [2, 11], "an odd int from 1 to 9"),
        (
            Integer(1) | None | "auto",
            [1, None, "auto"],
            ["no"],
            "an int of at least 1, None or 'auto'",
        ),
        (Number(), [-1e300, Fraction(1, 3)], [10**400, 1j], "a finite number"),
        (Number(above=0), [5e-324, 3], [0, -1], "a finite number above 0"),
        (Number(at_least=0, at_most=1), [0, 1], [2], "a finite number of at least 0 and at most 1"),
        (Number(below=1) | "auto", ["auto", 0], [1, "cv"], "a finite number below 1 or 'auto'"),
        (Choice((0, 1)), [0, np.int64(1), 1.0], [2, "0"], "0 or 1"),
        (Choice({"a": 1, "b": 2}), ["a", np.str_("b")], ["c", None, ["a"]], "'a' or 'b'"),
        (Choice(lambda: ("NIR",), any_case=True) | None, ["nir", None], ["IR"], "'NIR' or None"),
        (Several(Integer(1), length=2), [(1, 2), [3, 4]], [(1,), (1, 0), 12], "a sequence of such"),
        (TEXT, ["a"], [b"a", 1], "a str"),
    ],
)
def test_a_rule_names_what_is_valid(rule, valid, invalid, what):
    assert [error_of(rule, value) for value in valid] == [None] * len(valid)
    for value in [*invalid, True, np.True_, NAN, -INF]:
        message = f"rank must be {what}, got {_parameters.shown(value)}. Pass 8, the default."
        assert error_of(rule, value) == message


def test_only_bools_are_true_or_false():
    assert [error_of(BOOLEAN, value) for value in (True, np.False_)] == [None, None]
    assert error_of(BOOLEAN, 1) == "rank must be True or False, got 1. Pass 8, the default."


def test_a_wrong_type_is_a_type_error_too_and_a_wrong_value_is_not():
    for value, is_type in (("a", True), (None, True), (1.5, True), (0, False)):
        with pytest.raises(ValueError) as caught:
            SpektronEmbedder(batch_size=value).fit(Untouched())
        assert isinstance(caught.value, TypeError) == is_type


def test_long_values_are_shortened():
    assert error_of(TEXT, np.ones((9, 700))).endswith(
        "got ndarray of shape (9, 700). Pass 8, the default."
    )
    assert len(error_of(TEXT, list(range(1000)))) < 200


def test_a_subclass_may_set_parameters_itself():
    class Network(SpektronEmbedder):
        def __init__(self):
            super().__init__(batch_size=8)

    model = Network()
    _parameters.check_parameters(model)
    model.batch_size = 0
    with pytest.raises(ValueError, match=r"^batch_size must be an int of at least 1, got 0\.$"):
        _parameters.check_parameters(model)

"""Rules for parameters, and the check of an estimator or of a function against its rules.

A class declares rules by parameter in `_parameters`, which subclasses extend, and calls
`check_parameters` first in ``fit``. A function gets its rules from the decorator `declares` and
calls `check_arguments`. ``Integer(1) | "auto" | None`` allows any of the three.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeAlias, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

MAX_SHOWN = 100  # characters of a value in a message


class WrongTypeError(TypeError, ValueError):
    """A parameter has a wrong type; like scikit-learn's own error it is a ValueError too."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a parameter may be.

    `way_out` ends the message; empty: the default of the signature.
    """

    way_out: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What is allowed, in the words of the message."""
        raise NotImplementedError

    def has_type(self, value: Any) -> bool:
        """Return whether the type is right."""
        raise NotImplementedError

    def allows(self, value: Any) -> bool:
        """Return whether a value of the right type is valid."""
        return True

    def check_content(self, name: str, value: Any) -> None:
        """Raise an error that says what is wrong in a valid container, such as an axis."""

    def __or__(self, other: Any) -> AnyOf:
        """Return the rule that allows what either of the two allows; `other` may be a value."""
        other = other if isinstance(other, Rule) else Choice((other,))
        rules = [rule.rules if isinstance(rule, AnyOf) else (rule,) for rule in (self, other)]
        return AnyOf((*rules[0], *rules[1]), way_out=self.way_out or other.way_out)

    def check(self, name: str, value: Any, owner: Callable[..., Any]) -> None:
        """Raise WrongTypeError or ValueError if `value` is not valid for a parameter of `owner`."""
        is_right = self.has_type(value)
        if is_right and self.allows(value):
            self.check_content(name, value)
            return
        *first, last = self.words
        what = f"{', '.join(first)} or {last}" if first else last
        way_out = self.way_out or _default_of(owner, name)
        error = ValueError if is_right else WrongTypeError
        raise error(f"{name} must be {what}, got {shown(value)}. {way_out}".rstrip())


@dataclass(frozen=True)
class AnyOf(Rule):
    """One of several rules, made by ``|``."""

    rules: tuple[Rule, ...]

    @property
    def words(self):
        return tuple(word for rule in self.rules for word in rule.words)

    def has_type(self, value):
        return any(rule.has_type(value) for rule in self.rules)

    def allows(self, value):
        return any(rule.has_type(value) and rule.allows(value) for rule in self.rules)

    def check_content(self, name, value):
        for rule in self.rules:
            if rule.has_type(value) and rule.allows(value):
                return rule.check_content(name, value)


@dataclass(frozen=True)
class Kind(Rule):
    """A value that passes a test, named as in the message."""

    name: str
    test: Callable[[Any], bool]

    @property
    def words(self):
        return (self.name,)

    def has_type(self, value):
        return self.test(value)


@dataclass(frozen=True)
class Integer(Rule):
    """An int from `low` to `high`; a bool is none."""

    low: int | None = None
    high: int | None = None
    odd: bool = False

    @property
    def words(self):
        kind = "an odd int" if self.odd else "an int"
        if self.low is None and self.high is None:
            return (kind,)
        if self.high is None:
            return (f"{kind} of at least {self.low}",)
        if self.low is None:
            return (f"{kind} of at most {self.high}",)
        return (f"{kind} from {self.low} to {self.high}",)

    def has_type(self, value):
        return isinstance(value, Integral) and is_number(value)

    def allows(self, value):
        is_above = self.low is None or value >= self.low
        is_below = self.high is None or value <= self.high
        return bool(is_above and is_below and (value % 2 == 1 or not self.odd))


@dataclass(frozen=True)
class Number(Rule):
    """A finite number in an interval; a bool is none."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    @property
    def words(self):
        limits = {
            "above": self.above,
            "of at least": self.at_least,
            "below": self.below,
            "at most": self.at_most,
        }
        given = [f"{word} {limit:g}" for word, limit in limits.items() if limit is not None]
        return (f"a finite number {' and '.join(given)}".rstrip(),)

    def has_type(self, value):
        return is_number(value)

    def allows(self, value):
        return bool(
            _is_finite(value)
            and (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )


@dataclass(frozen=True)
class Choice(Rule):
    """One of the given values, or of those that a function returns."""

    values: Collection[Any] | Callable[[], Collection[Any]]
    any_case: bool = False  # "nir" is "NIR", if the values are in upper case

    @property
    def _values(self):
        return tuple(self.values() if callable(self.values) else self.values)

    @property
    def words(self):
        return tuple(map(repr, self._values))

    def has_type(self, value):
        return any(_of_one_type(value, choice) for choice in self._values)

    def allows(self, value):
        value = value.upper() if self.any_case else value
        return any(_of_one_type(value, choice) and value == choice for choice in self._values)


@dataclass(frozen=True)
class Several(Rule):
    """A sequence, of `length` if given, whose items meet a rule."""

    item: Rule
    length: int | None = None
    name: str = "a sequence of such"

    @property
    def words(self):
        return (self.name,)

    def has_type(self, value):
        return is_sequence(value) and all(map(self.item.has_type, value))

    def allows(self, value):
        return self.length in (None, len(value)) and all(map(self.item.allows, value))


@dataclass(frozen=True)
class ByName(Rule):
    """A mapping whose values meet a rule."""

    value: Rule
    name: str

    @property
    def words(self):
        return (self.name,)

    def has_type(self, value):
        return isinstance(value, Mapping) and all(map(self.value.has_type, value.values()))

    def allows(self, value):
        return all(map(self.value.allows, value.values()))

    def check_content(self, name, value):
        for key, item in value.items():
            self.value.check_content(f"{name}[{key!r}]", item)


def instance_of(kind: type | tuple[type, ...], name: str, way_out: str = "") -> Kind:
    """Return the rule for an instance of a class."""
    return Kind(name, lambda value: isinstance(value, kind), way_out=way_out)


def having(name: str, *methods: str, way_out: str = "") -> Kind:
    """Return the rule for an object, not a class, with methods."""

    def has_all(value: Any) -> bool:
        return not isinstance(value, type) and all(_has(value, method) for method in methods)

    return Kind(name, has_all, way_out=way_out)


def is_bool(value: Any) -> bool:
    """Return whether a value is a bool of Python or of numpy."""
    return type(value).__name__ in ("bool", "bool_")


def is_number(value: Any) -> bool:
    """Return whether a value is an int or a float, but neither a bool nor numpy's timedelta."""
    return isinstance(value, Real) and type(value).__name__ not in ("bool", "timedelta64")


def is_path(value: Any) -> bool:
    """Return whether a value is the path of a file or a folder; an empty str is none."""
    return isinstance(value, str | os.PathLike) and value != ""


def is_sequence(value: Any) -> bool:
    """Return whether a value is an array-like with one dimension or more."""
    if isinstance(value, str | bytes | Mapping | type) or getattr(value, "shape", None) == ():
        return False
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")


ANYTHING = Kind("anything", lambda value: True)
ARRAY = Kind("an array-like", is_sequence, way_out="Pass a list or an array.")
BOOLEAN = Kind("True or False", is_bool)
CALLABLE = having("a callable", "__call__")
PATH = Kind("a path", is_path, way_out="Pass a str or a pathlib.Path.")
TEXT = instance_of(str, "a str")

Rules: TypeAlias = dict[str, Rule]


def check_parameters(estimator: Any) -> None:
    """Raise WrongTypeError or ValueError unless every parameter of an estimator meets its rule."""
    owner = type(estimator)
    for name, rule in rules_of(owner).items():
        rule.check(name, getattr(estimator, name), owner)


def rules_of(owner: type) -> Rules:
    """Return the rules of a class and its bases; those of a subclass count."""
    rules: Rules = {}
    for base in reversed(owner.__mro__):
        rules |= vars(base).get("_parameters", {})
    return rules


def declares(**rules: Rule) -> Callable[[Function], Function]:
    """Return a decorator that stores the rules of a function, which `check_arguments` reads."""

    def store(function: Function) -> Function:
        function._parameters = rules  # type: ignore[attr-defined]
        return function

    return store


def check_arguments(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise WrongTypeError or ValueError unless arguments meet the rules of the function.

    `arguments` are its ``locals()`` before any other variable is set.
    """
    for name, rule in function._parameters.items():  # type: ignore[attr-defined]
        rule.check(name, arguments[name], function)


def shown(value: Any) -> str:
    """Return a value on one line, shortened; of an array its shape."""
    if getattr(value, "shape", ()) and not isinstance(value, type):
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _default_of(owner: Callable[..., Any], name: str) -> str:
    """Return "Pass 8, the default.", or nothing where the signature has none."""
    parameter = inspect.signature(owner).parameters.get(name)
    if parameter is None or parameter.default is parameter.empty:
        return ""
    return f"Pass {parameter.default!r}, the default."


def _is_finite(value: Any) -> bool:
    """Return whether a number is finite, also as a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _of_one_type(value: Any, choice: Any) -> bool:
    """Return whether a value can be compared with a choice: True is not 1."""
    if is_number(choice):
        return is_number(value)
    return isinstance(value, type(choice))


def _has(value: Any, method: str) -> bool:
    """Return whether an object has a method; a property that raises is none."""
    try:
        return callable(getattr(value, method, None))
    except Exception:  # a Pipeline without steps raises IndexError
        return False

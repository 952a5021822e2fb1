"""The DynamoDB expressions that the functions use, compiled to Python functions of an item."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

Value = dict[str, Any]  # {"S": "…"}
Item = dict[str, Value]
Names = dict[str, str]
Operand = Callable[[Item, Names, Item], Value | None]
Condition = Callable[[Item, Names, Item], bool]
Change = Callable[[Item, Names, Item], None]

_TOKEN = re.compile(r"\s*([#:]?\w+|<>|<=|>=|[=<>(),.+])")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


@cache
def condition(text: str) -> Condition:
    """Compile a condition, key condition or filter."""
    reader = _Reader(text)
    found = reader.either()
    reader.end()
    return found


@cache
def change(text: str) -> Change:
    """Compile an update expression."""
    reader = _Reader(text)
    changes: list[Change] = []
    while clause := reader.take_any("SET", "ADD", "REMOVE"):
        more = True
        while more:
            changes.append(reader.one_change(clause))
            more = bool(reader.take_any(","))
    reader.end()

    def apply(item: Item, names: Names, values: Item) -> None:
        for one in changes:
            one(item, names, values)

    return apply


class _Reader:
    """Recursive descent over the tokens of an expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = _TOKEN.findall(text)
        assert "".join(self._tokens) == re.sub(r"\s", "", text), f"unknown token in {text}"

    def take_any(self, *wanted: str) -> str | None:
        """Take the next token if it is one of these."""
        return self._tokens.pop(0) if self._tokens and self._tokens[0] in wanted else None

    def take(self, *wanted: str) -> str:
        """Take the next token, which must be one of these, or any."""
        assert self._tokens, f"the end of {self._text}"
        token = self._tokens.pop(0)
        assert not wanted or token in wanted, f"{token} in {self._text}"
        return token

    def end(self) -> None:
        assert not self._tokens, f"{self._tokens[0]} in {self._text}"

    def either(self) -> Condition:
        sides = [self._both()]
        while self.take_any("OR"):
            sides.append(self._both())
        return lambda *context: any(side(*context) for side in sides)

    def _both(self) -> Condition:
        sides = [self._one()]
        while self.take_any("AND"):
            sides.append(self._one())
        return lambda *context: all(side(*context) for side in sides)

    def _one(self) -> Condition:
        if self.take_any("NOT"):
            inner = self._one()
            return lambda *context: not inner(*context)
        if self.take_any("("):
            inner = self.either()
            self.take(")")
            return inner
        if function := self.take_any("attribute_exists", "attribute_not_exists"):
            self.take("(")
            path = self._operand()
            self.take(")")
            exists = function == "attribute_exists"
            return lambda *context: (path(*context) is not None) == exists
        if self.take_any("contains"):
            self.take("(")
            path = self._operand()
            self.take(",")
            one = self._operand()
            self.take(")")
            return lambda *context: _contains(path(*context), one(*context))
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self._operand()
        match self.take("=", "<>", "<", "<=", ">", ">=", "IN", "BETWEEN"):
            case "=":
                right = self._operand()
                return lambda *context: _equal(left(*context), right(*context))
            case "<>":
                right = self._operand()
                return lambda *context: not _equal(left(*context), right(*context))
            case "IN":
                self.take("(")
                among = [self._operand()]
                while self.take_any(","):
                    among.append(self._operand())
                self.take(")")
                return lambda *context: any(_equal(left(*context), one(*context)) for one in among)
            case "BETWEEN":
                low = self._operand()
                self.take("AND")
                high = self._operand()
                return lambda *context: (
                    _ordered("<=", low(*context), left(*context)) and _ordered("<=", left(*context), high(*context))
                )
            case operator:
                right = self._operand()
                return lambda *context: _ordered(operator, left(*context), right(*context))

    def _operand(self) -> Operand:
        token = self.take()
        if token.startswith(":"):
            return lambda _item, _names, values: values[token]
        if token == "size":
            self.take("(")
            counted = self._operand()
            self.take(")")
            return lambda *context: _size(counted(*context))
        path = self._path(token)
        return lambda item, names, _: _follow(item, path, names)

    def _value(self) -> Operand:
        """The value of a SET: an operand, a sum, or one of the functions of two operands."""
        if function := self.take_any("if_not_exists", "list_append"):
            self.take("(")
            one = self._value()
            self.take(",")
            other = self._value()
            self.take(")")
            both = _first if function == "if_not_exists" else _appended
        else:
            one = self._operand()
            return self._sum(one)
        return self._sum(lambda *context: both(one(*context), other(*context)))

    def _sum(self, one: Operand) -> Operand:
        if not self.take_any("+"):
            return one
        other = self._operand()
        return lambda *context: _added(one(*context), other(*context))

    def _path(self, first: str) -> list[str]:
        path = [first]
        while self.take_any("."):
            path.append(self.take())
        return path

    def one_change(self, clause: str) -> Change:
        path = self._path(self.take())
        if clause == "REMOVE":
            return lambda item, names, _: _write(item, path, names, None)
        if clause == "SET":
            self.take("=")
            value = self._value()
            return lambda item, names, values: _write(item, path, names, value(item, names, values))
        amount = self._operand()

        def add(item: Item, names: Names, values: Item) -> None:
            old, more = _follow(item, path, names), amount(item, names, values)
            assert more is not None
            if "NS" in more:
                members = {*(old["NS"] if old else ()), *more["NS"]}
                _write(item, path, names, {"NS": sorted(members, key=int)})
                return
            _write(item, path, names, {"N": str(int(old["N"] if old else 0) + int(more["N"]))})

        return add


def _follow(item: Item, path: list[str], names: Names) -> Value | None:
    value: Value | None = {"M": item}
    for name in path:
        if value is None or "M" not in value:
            return None
        value = value["M"].get(names[name] if name.startswith("#") else name)
    return value


def _write(item: Item, path: list[str], names: Names, value: Value | None) -> None:
    holder = _follow(item, path[:-1], names)
    assert holder is not None, f"no map at {path[:-1]}"
    name = names[path[-1]] if path[-1].startswith("#") else path[-1]
    if value is None:
        holder["M"].pop(name, None)
    else:
        holder["M"][name] = value


def _first(one: Value | None, other: Value | None) -> Value | None:
    return other if one is None else one


def _appended(one: Value | None, other: Value | None) -> Value | None:
    assert one is not None
    assert other is not None
    return {"L": [*one["L"], *other["L"]]}


def _added(one: Value | None, other: Value | None) -> Value | None:
    assert one is not None
    assert other is not None
    return {"N": str(int(one["N"]) + int(other["N"]))}


def _contains(value: Value | None, one: Value | None) -> bool:
    return value is not None and one is not None and one["N"] in value["NS"]


def _size(value: Value | None) -> Value | None:
    return None if value is None else {"N": str(len(next(iter(value.values()))))}


def _equal(one: Value | None, other: Value | None) -> bool:
    return one is not None and one == other


def _ordered(operator: str, one: Value | None, other: Value | None) -> bool:
    if one is None or other is None or one.keys() != other.keys():
        return False
    (kind,) = one
    assert kind in ("S", "N"), f"{kind} has no order here"
    read: Callable[[str], Any] = int if kind == "N" else str
    return _ORDER[operator](read(one[kind]), read(other[kind]))

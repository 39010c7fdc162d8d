"""Expressions over factors, parsed into a small closed grammar and computed on arrays; nothing is ever `eval`ed.

Every number is a 64-bit float, so integers cannot grow without bound and 1 / 0 is infinite. Numbers that differ by
less than 1e-9 of the larger one are equal, so that ``x + y <= 0.3`` keeps 0.1 and 0.2. A comparison whose operand
cannot be computed (0 / 0, the logarithm of a negative number) is undefined, and so is whatever depends on it (Kleene
1952, Introduction to Metamathematics, section 64); an undefined condition does not hold. Where a variable that the
expression names does not exist, the whole expression is answered by `where_absent`.
"""

import ast
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.errors import InvalidExpression
from kgenesis.kernel.text import say

BoolArray = NDArray[np.bool_]

Columns = Mapping[str, NDArray[Any]]
"""A column of floats, or of level names, for each variable; NaN or "" where it does not exist."""

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.true_divide,
    ast.Pow: np.power,
}
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "abs": (np.abs, 1),
    "exp": (np.exp, 1),
    "log": (np.log, 1),
    "log10": (np.log10, 1),
    "sqrt": (np.sqrt, 1),
    "min": (np.minimum, 2),
    "max": (np.maximum, 2),
}
_MAX_LENGTH, _MAX_NODES, _MAX_DEPTH = 10_000, 500, 60
_EQUAL = 1e-9

_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|`([^`]*)`|(#)|(\s+)")
"""What is not looked at by Python's parser: texts (read as written, no escapes: molecules are full of backslashes),
names in backquotes, and comments, which would swallow the rest of a condition."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: `source`, the variables it names, and how to compute it."""

    source: str
    names: frozenset[str]
    _tree: ast.expr
    _names: Mapping[str, str]
    """What a name in the tree stands for, where that is not itself."""
    _texts: Mapping[str, str]
    """Texts by the name that stands for them in the tree."""

    def holds(self, columns: Columns, *, where_absent: bool = True) -> BoolArray:
        """Return (n,) booleans.

        Args:
            columns: at least the variables in `names`, (n,) each.
            where_absent: the answer where a variable the expression names does not exist. A constraint has nothing
                to hold there, so it counts as kept; a condition of activity is not met.
        """
        named = [columns[name] for name in self.names]
        absent = np.zeros(len(named[0]), dtype=bool)
        for column in named:
            absent |= column == "" if column.dtype == object else np.isnan(column)
        with np.errstate(all="ignore"):
            is_true, _ = self._truth(self._tree, columns)
        return np.where(absent, where_absent, is_true)

    def _value(self, node: ast.expr, columns: Columns) -> Any:
        """Return a number or a text, (n,) or single."""
        match node:
            case ast.Constant(value=int() | float() as value):
                return np.float64(value)
            case ast.Name(id=name) if name in self._texts:
                return self._texts[name]
            case ast.Name(id=name):
                return columns[self._names.get(name, name)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand, columns)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._value(operand, columns)
            case ast.BinOp(left=left, op=op, right=right):
                return _ARITHMETIC[type(op)](self._value(left, columns), self._value(right, columns))
            case ast.Call(func=ast.Name(id=name), args=args):
                return _FUNCTIONS[name][0](*(self._value(arg, columns) for arg in args))
        raise AssertionError(node)  # _Reader let nothing else through

    def _truth(self, node: ast.expr, columns: Columns) -> tuple[Any, Any]:
        """Return where a condition is true and where it is false; neither where it is undefined."""
        match node:
            case ast.Constant(value=value):
                return np.bool_(value), np.bool_(not value)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                is_true, is_false = self._truth(operand, columns)
                return is_false, is_true
            case ast.BoolOp(op=op, values=values):
                parts = [self._truth(value, columns) for value in values]
                join = _and if isinstance(op, ast.And) else _or
                result = parts[0]
                for part in parts[1:]:
                    result = join(result, part)
                return result
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                result = (np.True_, np.False_)
                for a, comparison, b in zip([left, *comparators], ops, comparators, strict=False):
                    result = _and(result, self._comparison(a, comparison, b, columns))
                return result
        raise AssertionError(node)

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, columns: Columns) -> tuple[Any, Any]:
        a = self._value(left, columns)
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(right, ast.Tuple | ast.List)
            found = (np.False_, np.True_)
            for item in right.elts:
                found = _or(found, _compare(a, ast.Eq(), self._value(item, columns)))
            return found if isinstance(op, ast.In) else (found[1], found[0])
        return _compare(a, op, self._value(right, columns))


def _and(a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
    return np.logical_and(a[0], b[0]), np.logical_or(a[1], b[1])


def _or(a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
    return np.logical_or(a[0], b[0]), np.logical_and(a[1], b[1])


def _compare(a: Any, op: ast.cmpop, b: Any) -> tuple[Any, Any]:
    """Return where `a op b` is true and where it is false."""
    if isinstance(a, str) or isinstance(b, str) or object in (a.dtype, b.dtype):
        is_equal = np.asarray(np.equal(a, b, dtype=object), dtype=bool)
        is_true = is_equal if isinstance(op, ast.Eq) else ~is_equal
        return is_true, ~is_true
    is_defined = ~(np.isnan(a) | np.isnan(b))
    is_equal = (a == b) | (np.abs(a - b) <= _EQUAL * np.maximum(np.abs(a), np.abs(b)))
    is_equal &= np.isfinite(a) == np.isfinite(b)  # the tolerance of infinity is infinite
    match op:
        case ast.Lt():
            is_true = (a < b) & ~is_equal
        case ast.LtE():
            is_true = (a < b) | is_equal
        case ast.Gt():
            is_true = (a > b) & ~is_equal
        case ast.GtE():
            is_true = (a > b) | is_equal
        case ast.Eq():
            is_true = is_equal
        case _:
            is_true = ~is_equal
    return is_true & is_defined, ~is_true & is_defined


def parse(source: str, known: Mapping[str, bool | Sequence[str]]) -> Expression:
    """Parse a condition, e.g. ``"c1 >= c2 and solvent in ['DMSO', 'water']"``.

    A name that is not a plain word, or is a word of the language such as `lambda`, is written in backquotes:
    `` `Temp C` > 90 ``. A text stands in single or double quotes and is read as written.

    Args:
        source: the text of the expression.
        known: the variables it may name; for those whose values are level names their levels (or True), for numbers
            nothing (or False).

    Raises:
        InvalidExpression: it does not parse, names something unknown or nothing at all, mixes text with arithmetic,
            or compares with a level that does not exist.
    """
    if len(source) > _MAX_LENGTH:
        raise _invalid(source, f"it has more than {_MAX_LENGTH} characters", f"{_MAX_LENGTH}자가 넘습니다")
    reader = _Reader(source, known)
    if reader.kind_of(reader.tree) != "truth":
        raise _invalid(source, "it is not a condition (no comparison)", "조건식이 아닙니다(비교가 없음)")
    if not reader.found:
        raise _invalid(source, "it names no factor", "요인이 하나도 없습니다")
    return Expression(source, frozenset(reader.found), reader.tree, reader.names, reader.texts)


def _invalid(source: str, en: str, ko: str) -> InvalidExpression:
    shown = source if len(source) <= 100 else source[:100] + " …"  # noqa: PLR2004
    return InvalidExpression(say(f"expression {shown!r}: {en}", f"식 {shown!r}: {ko}"))


class _Reader:
    """One expression while it is read: its tree, and what the names in it stand for."""

    def __init__(self, source: str, known: Mapping[str, bool | Sequence[str]]) -> None:
        self.source, self.known = source, known
        self.names: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.found: set[str] = set()
        self._mark = "quoted"
        while any(self._mark in name for name in [source, *known]):
            self._mark += "_"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # about `1 is 2`, which is refused below
                self.tree = ast.parse(_QUOTED.sub(self._set_aside, source).strip(), mode="eval").body
        except SyntaxError as error:
            raise _invalid(source, f"it does not parse ({error.msg})", f"해석할 수 없습니다({error.msg})") from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise _invalid(source, "it does not parse", "해석할 수 없습니다") from error
        self._limit_size()
        # Python reads identifiers in compatibility form (PEP 3131), so a name must be found by that form too
        for name in known:
            plain = unicodedata.normalize("NFKC", name)
            if plain not in known:
                self.names.setdefault(plain, name)

    def _set_aside(self, match: re.Match[str]) -> str:
        single, double, name, comment, _ = match.groups()
        if comment:
            raise _invalid(self.source, "it has a comment", "주석(#)이 들어 있습니다")
        if name is None and single is None and double is None:
            return " "  # a line break of the file is no end of the expression
        key = f"{self._mark}{len(self.names) + len(self.texts)}_"
        if name is None:
            self.texts[key] = double if single is None else single
        else:
            self.names[key] = name
        return f" {key} "

    def _limit_size(self) -> None:
        level: list[ast.AST] = [self.tree]
        n_nodes = depth = 0
        while level:
            n_nodes, depth = n_nodes + len(level), depth + 1
            if n_nodes > _MAX_NODES or depth > _MAX_DEPTH:
                raise _invalid(
                    self.source,
                    f"it has more than {_MAX_NODES} parts or is nested more than {_MAX_DEPTH} deep",
                    f"부분이 {_MAX_NODES}개를 넘거나 {_MAX_DEPTH}겹보다 깊습니다",
                )
            level = [child for node in level for child in ast.iter_child_nodes(node)]

    def _show(self, node: ast.AST) -> str:
        text = ast.unparse(node)
        for key, name in self.names.items():
            if key.startswith(self._mark):
                text = text.replace(key, f"`{name}`")
        for key, literal in self.texts.items():
            text = text.replace(key, repr(literal))
        return text

    def kind_of(self, node: ast.expr) -> str:
        """Return the kind of a node, 'number', 'text' or 'truth'; raise on whatever the grammar does not have."""
        match node:
            case ast.Constant(value=bool()):
                return "truth"
            case ast.Constant(value=int() | float() as number):
                return self._number(number)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self._must_be(operand, "number")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._must_be(operand, "truth")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                self._must_be(left, "number")
                return self._must_be(right, "number")
            case ast.BoolOp(values=values):
                for value in values:
                    self._must_be(value, "truth")
                return "truth"
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                for a, comparison, b in zip([left, *comparators], ops, comparators, strict=False):
                    self._check_comparison(a, comparison, b)
                return "truth"
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
                return self._call(name, args)
        shown = self._show(node)
        raise _invalid(self.source, f"{shown!r} is not allowed", f"{shown!r}은(는) 쓸 수 없습니다")

    def _must_be(self, node: ast.expr, *allowed: str) -> str:
        kind = self.kind_of(node)
        if kind not in allowed:
            shown, wanted = self._show(node), " or ".join(allowed)
            raise _invalid(
                self.source, f"{shown} is a {kind} where a {wanted} is needed", f"{shown}의 종류가 맞지 않습니다"
            )
        return kind

    def _number(self, value: float) -> str:
        try:
            is_finite = bool(np.isfinite(float(value)))
        except OverflowError:
            is_finite = False
        if not is_finite:
            raise _invalid(self.source, "a number in it is too large", "너무 큰 수가 있습니다")
        return "number"

    def _name(self, name: str) -> str:
        if name in self.texts:
            return "text"
        name = self.names.get(name, name)
        if name not in self.known:
            raise _invalid(self.source, f"no factor is called {name!r}", f"{name!r}라는 요인이 없습니다")
        self.found.add(name)
        return "text" if self.known[name] else "number"

    def _call(self, name: str, args: Sequence[ast.expr]) -> str:
        wanted = _FUNCTIONS[name][1]
        if len(args) != wanted:
            raise _invalid(self.source, f"{name} takes {wanted} values", f"{name}의 인자는 {wanted}개입니다")
        for arg in args:
            self._must_be(arg, "number")
        return "number"

    def _check_comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        kind = self._must_be(left, "number", "text")
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List) or not right.elts:
                raise _invalid(self.source, "'in' needs a list", "'in' 뒤에는 목록이 필요합니다")
            for item in right.elts:
                self._must_be(item, kind)
                self._check_level(left, item)
        elif isinstance(op, _COMPARISONS):
            self._must_be(right, kind)
            if kind == "text" and not isinstance(op, ast.Eq | ast.NotEq):
                raise _invalid(self.source, "text can only be equal or not", "문자열은 같음/다름만 비교할 수 있습니다")
            self._check_level(left, right)
            self._check_level(right, left)
        else:
            raise _invalid(self.source, "that comparison is not allowed", "쓸 수 없는 비교입니다")

    def _check_level(self, variable: ast.expr, text: ast.expr) -> None:
        """Refuse a text that is not a level of the variable it is compared with: a misspelling, never true."""
        if isinstance(variable, ast.Name) and isinstance(text, ast.Name) and text.id in self.texts:
            levels = self.known.get(self.names.get(variable.id, variable.id), True)
            literal = self.texts[text.id]
            if not isinstance(levels, bool) and literal not in levels:
                name = self.names.get(variable.id, variable.id)
                raise _invalid(
                    self.source, f"{literal!r} is not a level of {name}", f"{literal!r}은(는) {name}의 수준이 아닙니다"
                )

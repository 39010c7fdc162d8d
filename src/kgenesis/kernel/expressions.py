"""Expressions over factors, parsed into a small closed grammar and computed on arrays; nothing is ever `eval`ed."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.errors import InvalidExpression
from kgenesis.kernel.text import say

Columns = Mapping[str, NDArray[Any]]
"""A column of floats, or of level names, for each variable."""

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.true_divide,
    ast.Pow: np.power,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "abs": (np.abs, 1),
    "exp": (np.exp, 1),
    "log": (np.log, 1),
    "log10": (np.log10, 1),
    "sqrt": (np.sqrt, 1),
    "min": (np.minimum, 2),
    "max": (np.maximum, 2),
}
_MAX_NODES = 500


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: `source`, the variables it names, and how to compute it."""

    source: str
    names: frozenset[str]
    _tree: ast.expr
    _quoted: Mapping[str, str]

    def holds(self, columns: Columns) -> NDArray[np.bool_]:
        """Return (n,) booleans; where an operand is missing (NaN) or undefined, False."""
        n = max((len(column) for column in columns.values()), default=0)
        with np.errstate(all="ignore"):
            value = self._compute(self._tree, columns)
        return np.broadcast_to(np.asarray(value, dtype=bool), (n,)).copy()

    def _compute(self, node: ast.expr, columns: Columns) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return columns[self._quoted.get(name, name)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._compute(operand, columns)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(self._compute(operand, columns))
            case ast.BinOp(left=left, op=op, right=right):
                return _ARITHMETIC[type(op)](self._compute(left, columns), self._compute(right, columns))
            case ast.BoolOp(op=op, values=values):
                parts = [np.asarray(self._compute(value, columns), dtype=bool) for value in values]
                return np.logical_and.reduce(np.broadcast_arrays(*parts)) if isinstance(op, ast.And) else (
                    np.logical_or.reduce(np.broadcast_arrays(*parts))
                )
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._compare([left, *comparators], ops, columns)
            case ast.Call(func=ast.Name(id=name), args=args):
                return _FUNCTIONS[name][0](*(self._compute(arg, columns) for arg in args))
        raise AssertionError(node)  # _check let nothing else through

    def _compare(self, operands: list[ast.expr], ops: list[ast.cmpop], columns: Columns) -> Any:
        result: Any = True
        for left, op, right in zip(operands, ops, operands[1:], strict=False):
            if isinstance(op, ast.In | ast.NotIn):
                assert isinstance(right, ast.Tuple | ast.List)
                value = self._compute(left, columns)
                found = np.logical_or.reduce([value == self._compute(item, columns) for item in right.elts])
                part = found if isinstance(op, ast.In) else np.logical_not(found)
            else:
                part = _COMPARISONS[type(op)](self._compute(left, columns), self._compute(right, columns))
            result = np.logical_and(result, part)
        return result


def parse(source: str, known: Mapping[str, bool]) -> Expression:
    """Parse a condition, e.g. ``"c1 >= c2 and solvent in ['DMSO', 'water']"``.

    A name that is not an identifier is written in backquotes: `` `Temp C` > 90 ``.

    Args:
        source: the text of the expression.
        known: the variables it may name; True for those whose values are level names, not numbers.

    Raises:
        InvalidExpression: it does not parse, names something unknown, or mixes text with arithmetic.
    """
    quoted: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        placeholder = f"quoted_{len(quoted)}_"
        quoted[placeholder] = match.group(1)
        return placeholder

    try:
        tree = ast.parse(re.sub(r"`([^`]+)`", replace, source).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _invalid(source, f"it does not parse ({error})", f"해석할 수 없습니다({error})") from error
    if sum(1 for _ in ast.walk(tree)) > _MAX_NODES:
        raise _invalid(source, f"it has more than {_MAX_NODES} parts", f"{_MAX_NODES}개가 넘는 부분이 있습니다")
    names: set[str] = set()
    kind = _check(tree, source, known, quoted, names)
    if kind != "truth":
        raise _invalid(source, "it is not a condition (no comparison)", "조건식이 아닙니다(비교가 없음)")
    return Expression(source, frozenset(names), tree, quoted)


def _invalid(source: str, en: str, ko: str) -> InvalidExpression:
    return InvalidExpression(say(f"expression {source!r}: {en}", f"식 {source!r}: {ko}"))


def _check(
    node: ast.expr, source: str, known: Mapping[str, bool], quoted: Mapping[str, str], names: set[str]
) -> str:
    """Return the kind of a node, 'number', 'text' or 'truth'; raise on whatever the grammar does not have."""

    def kind_of(child: ast.expr, *allowed: str) -> str:
        kind = _check(child, source, known, quoted, names)
        if kind not in allowed:
            raise _invalid(source, f"{ast.unparse(child)} is a {kind}", f"{ast.unparse(child)}의 종류가 맞지 않습니다")
        return kind

    match node:
        case ast.Constant(value=bool()):
            return "truth"
        case ast.Constant(value=int() | float()):
            return "number"
        case ast.Constant(value=str()):
            return "text"
        case ast.Name(id=name):
            name = quoted.get(name, name)
            if name not in known:
                raise _invalid(source, f"no factor is called {name!r}", f"{name!r}라는 요인이 없습니다")
            names.add(name)
            return "text" if known[name] else "number"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return kind_of(operand, "number")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return kind_of(operand, "truth")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            kind_of(left, "number")
            return kind_of(right, "number")
        case ast.BoolOp(values=values):
            for value in values:
                kind_of(value, "truth")
            return "truth"
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            _check_comparison(source, [left, *comparators], ops, kind_of)
            return "truth"
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            if len(args) != _FUNCTIONS[name][1]:
                raise _invalid(
                    source, f"{name} takes {_FUNCTIONS[name][1]} values", f"{name}의 인자는 {_FUNCTIONS[name][1]}개입니다"
                )
            for arg in args:
                kind_of(arg, "number")
            return "number"
    raise _invalid(source, f"{ast.unparse(node)!r} is not allowed", f"{ast.unparse(node)!r}은(는) 쓸 수 없습니다")


def _check_comparison(
    source: str, operands: list[ast.expr], ops: list[ast.cmpop], kind_of: Callable[..., str]
) -> None:
    for left, op, right in zip(operands, ops, operands[1:], strict=False):
        kind = kind_of(left, "number", "text")
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List) or not right.elts:
                raise _invalid(source, "'in' needs a list", "'in' 뒤에는 목록이 필요합니다")
            for item in right.elts:
                kind_of(item, kind)
        elif type(op) in _COMPARISONS:
            kind_of(right, kind)
            if kind == "text" and not isinstance(op, ast.Eq | ast.NotEq):
                raise _invalid(source, "text can only be equal or not", "문자열은 같음/다름만 비교할 수 있습니다")
        else:
            raise _invalid(source, "that comparison is not allowed", "쓸 수 없는 비교입니다")

"""Small faults that a module could have, found on its syntax tree and written as edits of its text.

Left out is what no test of behaviour can notice: annotations, code for type checkers, decorators, assertions
(`strict=True` is one), f-strings, log lines, and the texts of errors. Left out too are numbers that are
chosen and not derived: those outside functions, defaults of parameters, and patience (arguments named after
seconds and milliseconds, and what is calculated with those); whether they are good, benchmarks say. Of two
times, none is told apart from a moment later: `<` is not exchanged for `<=` there. (cosmic-ray's operators
were tried: they remove no statements, and bring 27 packages, a database toolkit and a web client among them.)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "in": "not in",
               "not in": "in", "is": "is not", "is not": "is"}  # fmt: skip
EQUALITIES = {old: new for old, new in COMPARISONS.items() if old[0] not in "<>"}
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "//", "**": "*", "<<": ">>", ">>": "<<",
              "&": "|", "|": "&", "^": "&"}  # fmt: skip
BOOLEAN = {"and": "or", "or": "and"}
EXTREMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "argmin": "argmax",
            "argmax": "argmin", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}  # fmt: skip
LOG_LINE = re.compile(r"\w*log\w*\.(debug|info|warning|error|exception)\(")
TOKEN = re.compile(r"[\s()]*(?P<word>not\s+in|is\s+not|\w+|[^\s\w()#]+)[\s()]*")
PATIENCE = re.compile(r"(^|_)(ms|s|seconds|timeout)$", re.IGNORECASE)
NOT_RUN = ("TYPE_CHECKING", "__name__ == '__main__'")


class Mutant(NamedTuple):
    """One fault.

    Parameters
    ----------
    path
        The module's file, relative to the project's folder.
    operator
        The kind of fault.
    start, end
        The bytes of the file that it replaces.
    new
        What stands there instead.
    """

    path: str
    operator: str
    start: int
    end: int
    new: str

    def applied(self, source: bytes) -> bytes:
        """Return the module's text with the fault in it.

        Examples
        --------
        >>> Mutant("a.py", "comparison", 2, 3, "<=").applied(b"a < b")
        b'a <= b'
        """
        return source[: self.start] + self.new.encode() + source[self.end :]

    def compiles(self, source: bytes) -> bool:
        """Return whether the module with the fault in it is Python; else anybody would notice."""
        with suppress(SyntaxError):
            return bool(compile(self.applied(source), self.path, "exec", dont_inherit=True))
        return False

    def diff(self, source: bytes) -> str:
        """Return where the fault is, and the lines before and after."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        after = source[first : self.start] + self.new.encode() + source[self.end : last]
        line = source.count(b"\n", 0, self.start) + 1
        return f"{self.path}:{line} {self.operator}\n- {source[first:last].decode()}\n+ {after.decode()}"


def mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """Yield all mutants of a module, in the order of its text."""
    edits = _Module(source).edits(ast.parse(source), in_function=False)
    for start, end, operator, new in sorted(edits):
        yield Mutant(path, operator, start, end, new)


Edit = tuple[int, int, str, str]
"""The first byte, the byte after the last, the operator's name, and the new text."""


class _Module:
    """Finds the edits of one module's text."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._lines = [0, *(match.end() for match in re.finditer(b"\n", source))]

    def edits(self, node: ast.AST, in_function: bool) -> Iterator[Edit]:
        """Yield the edits of a node and of what is below it."""
        if isinstance(node, ast.Expr) and LOG_LINE.match(ast.unparse(node)):
            return
        in_function |= isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if isinstance(node, ast.stmt):
            yield from self._of_statement(node)
        elif isinstance(node, ast.expr):
            yield from self._of_expression(node, in_function)
        for child in _below(node):
            yield from self.edits(child, in_function)

    def _of_statement(self, node: ast.stmt) -> Iterator[Edit]:
        match node:
            case ast.Break():
                yield self._replaced(node, "loop", "continue")
            case ast.Continue():
                yield self._replaced(node, "loop", "break")
            case ast.If(test=test) | ast.While(test=test):
                yield from self._negated(test)
            case ast.Raise() | ast.Return(value=None) | ast.Expr(value=ast.Call() | ast.Await()):
                yield self._replaced(node, "statement", "pass")
            case ast.AugAssign(target=target, value=value):
                yield self._replaced(node, "statement", "pass")
                words = {f"{old}=": f"{new}=" for old, new in ARITHMETIC.items()}
                yield from self._between(target, value, "arithmetic", words)
            # Without a name that it binds, a function would not run at all.
            case ast.Assign(targets=[target]) | ast.AnnAssign(target=target) if not _names(target):
                yield self._replaced(node, "statement", "pass")
            case ast.Delete(targets=targets) if not any(map(_names, targets)):
                yield self._replaced(node, "statement", "pass")

    def _of_expression(self, node: ast.expr, in_function: bool) -> Iterator[Edit]:
        match node:
            case ast.IfExp(test=test):
                yield from self._negated(test)
            case ast.Compare(left=left, comparators=others):
                for one, other in pairwise([left, *others]):
                    words = EQUALITIES if _time(one) or _time(other) else COMPARISONS
                    yield from self._between(one, other, "comparison", words)
            case ast.BoolOp(values=values):
                for one, other in pairwise(values):
                    yield from self._between(one, other, "boolean", BOOLEAN)
            # Outside functions `|` joins types.
            case ast.BinOp(left=left, op=op, right=right) if in_function or not isinstance(op, ast.BitOr):
                yield from self._between(left, right, "arithmetic", ARITHMETIC)
            case ast.UnaryOp(operand=operand):
                start, end = self._span(node)[0], self._span(operand)[0]
                yield from self._swapped(start, end, "sign", {"not": "", "-": "", "~": ""})
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name) as function):
                end = self._span(function)[1]
                yield from self._swapped(end - len(name), end, "extreme", EXTREMES)
            case ast.Constant(value=bool(value)):
                yield self._replaced(node, "constant", str(not value))
            case ast.Constant(value=int(value) | float(value)) if in_function:
                yield self._replaced(node, "constant", repr(value + 1))
                yield self._replaced(node, "constant", f"({value - 1!r})")

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _replaced(self, node: ast.expr | ast.stmt, operator: str, new: str) -> Edit:
        return (*self._span(node), operator, new)

    def _negated(self, test: ast.expr) -> Iterator[Edit]:
        # Of the others, comparisons, `and`, `or` and `not` have edits of their own.
        if isinstance(test, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
            start, end = self._span(test)
            yield start, end, "condition", f"(not {self._source[start:end].decode()})"

    def _between(
        self, left: ast.expr, right: ast.expr, operator: str, words: dict[str, str]
    ) -> Iterator[Edit]:
        return self._swapped(self._span(left)[1], self._span(right)[0], operator, words)

    def _swapped(self, start: int, end: int, operator: str, words: dict[str, str]) -> Iterator[Edit]:
        """Exchange the one token between two positions, if it is among some words; brackets stay."""
        token = TOKEN.fullmatch(self._source[start:end].decode())
        if token and (new := words.get(" ".join(token["word"].split()))) is not None:
            at = start + token.start("word")
            yield at, at + len(token["word"]), operator, new


def _below(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children of a node in which a fault could be noticed."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = (*node.args.defaults, *filter(None, node.args.kw_defaults))
            yield from (*(each for each in defaults if not _number(each)), *node.body)
        case ast.ClassDef():
            yield from node.body
        case ast.AnnAssign():
            yield from filter(None, [node.value])
        case ast.If(test=test) if ast.unparse(test) in NOT_RUN:
            yield from node.orelse
        case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "NewType")) | ast.Raise():
            pass
        case ast.keyword(arg=str(name)) if name == "strict" or PATIENCE.search(name):
            pass
        # There, each number below zero means what -1 does.
        case ast.Call(func=ast.Attribute(attr="reshape") as function):
            yield from (function, *(each for each in node.args if ast.unparse(each) != "-1"))
        case ast.BinOp(left=left, right=right) if _time(node):
            yield from (each for each in (left, right) if not _number(each))
        # Positions inside f-strings are not told before Python 3.12.
        case ast.Assert() | ast.JoinedStr():
            pass
        case _:
            yield from ast.iter_child_nodes(node)


def _time(node: ast.expr) -> bool:
    """Return whether an expression is a duration by its name, or what a clock tells."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return bool(PATIENCE.search(name))
        case ast.Call(func=ast.Attribute(attr="monotonic" | "time" | "perf_counter")):
            return True
        case ast.BinOp(left=left, right=right):
            return _time(left) or _time(right)
    return False


def _number(node: ast.expr) -> bool:
    """Return whether an expression is a number, or numbers that are calculated with."""
    return all(
        isinstance(each, ast.UnaryOp | ast.BinOp | ast.operator | ast.unaryop)
        or (isinstance(each, ast.Constant) and type(each.value) in (int, float))
        for each in ast.walk(node)
    )


def _names(target: ast.expr) -> bool:
    """Return whether assigning to a target, or to a part of it, binds a name."""
    match target:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(map(_names, parts))
        case ast.Starred(value=value):
            return _names(value)
    return isinstance(target, ast.Name)

"""Formulas over series: + - * / and brackets, nothing else."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import polars as pl

from journeys.display import shorten_name
from journeys.errors import ArgumentError, UnknownNameError, unknown_message

_TOO_LARGE = 1e100
_MAX_DEPTH = 100
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-"})


def parse_formula(text: str, *, names: Sequence[str]) -> pl.Expr:
    """Turn a formula into an expression over columns named as the series.

    A division by zero is null; `explain_nulls` says why. Names that are not Python identifiers cannot be used in a
    formula.

    Raise UnknownNameError when the formula uses a name that is not a series. Raise ArgumentError when it has anything
    but names, numbers, + - * / and brackets.

    Examples
    --------
    >>> rate = parse_formula("100 * A / B", names=["A", "B"])
    >>> pl.DataFrame({"A": [1.0, 2.0], "B": [4.0, 0.0]}).select(rate).to_series().to_list()
    [25.0, None]
    """
    tree = _parse_text(text)
    used = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})
    wrong = [name for name in used if name not in names]
    if wrong:
        raise UnknownNameError(unknown_message("formula", wrong, available=list(names), what="series"))
    return _build_expression(tree, text=text).alias("value")


def explain_nulls(text: str) -> pl.Expr:
    """Say why a formula that `parse_formula` has accepted has no value; null where it has one.

    Examples
    --------
    >>> series = pl.DataFrame({"A": [1.0, 2.0, None], "B": [4.0, 0.0, 1.0]})
    >>> series.select(explain_nulls("100 * A / B")).to_series().to_list()
    [None, 'B is 0', 'A has no value']
    """
    nodes = list(ast.walk(_parse_text(text)))
    names = dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name))
    divisors = [node.right for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    reasons = [
        *(pl.when(pl.col(name).is_null()).then(pl.lit(f"{name} has no value")) for name in names),
        *(
            pl.when(_build_expression(one, text=text) == 0).then(
                pl.lit("it divides by 0" if isinstance(one, ast.Constant) else f"{ast.unparse(one)} is 0")
            )
            for one in divisors
            if not isinstance(one, ast.Constant) or not one.value
        ),
    ]
    return pl.coalesce(*reasons, pl.lit(None, dtype=pl.String)).alias("null_reason")


def _parse_text(text: str) -> ast.expr:
    if not isinstance(text, str):
        raise ArgumentError(f"formula: {text!r} must be text such as 'A / B'.")
    try:
        tree = ast.parse(text.translate(_SIGNS), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ArgumentError(f"formula: {_quote(text)} cannot be parsed; write e.g. 'A / B'.") from error
    level: list[ast.AST] = [tree]
    for _ in range(_MAX_DEPTH):
        level = [one for node in level for one in ast.iter_child_nodes(node)]
    if level:
        raise ArgumentError(f"formula: {_quote(text)} has more than {_MAX_DEPTH} operations in or after each other.")
    return tree


def _build_expression(node: ast.expr, *, text: str) -> pl.Expr:
    """Build the expression of one node of a parsed formula."""
    if isinstance(node, ast.Name):
        return pl.col(node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        if node.value >= _TOO_LARGE:
            raise ArgumentError(f"formula: {_quote(text)} holds a number that is too large.")
        return pl.lit(float(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _build_expression(node.operand, text=text)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        left, right = _build_expression(node.left, text=text), _build_expression(node.right, text=text)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        return left / right.replace(0.0, None)
    raise ArgumentError(f"formula: {_quote(text)} may only hold names of series, numbers, + - * / and brackets.")


def _quote(text: str) -> str:
    return repr(shorten_name(text, 80))

"""What one model adds to another one, lacks and changes, module by module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

from archlab.analyze.flops import uncounted
from archlab.analyze.header import header
from archlab.analyze.matching import Match, Side, match
from archlab.analyze.tree import ancestors
from archlab.fold.names import title
from archlab.fold.union import MAKES, WEIGHTS
from archlab.ir.graph import Graph, Node
from archlab.result import Column, Missing, Result, Table, si

SIGNS = {"added": "+", "removed": "−", "changed": "≠"}
_JOINS = {"+": "⊕", "−": "⊖", "×": "⊗", "÷": "⊘"}


@dataclass(frozen=True, slots=True)
class DifferenceTotals:
    """How many modules differ, each with all that is in it, and what both models cost."""

    added: int
    removed: int
    changed: int
    renamed: int  # the same, under another path
    params_before: int
    params_after: int
    macs_before: int
    macs_after: int


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One module: added or removed with all below it, or changed in itself."""

    change: str  # added, removed, changed
    path: str
    was: str  # its path in the first model, where that is another one
    type: str
    what: str
    params_before: int
    params_after: int
    macs_before: int
    macs_after: int


@dataclass(frozen=True)
class Difference(Result[DifferenceTotals, DifferenceRow]):
    """The modules in which two models differ, in the order in which they run."""

    def table(self) -> Table:
        """Return one row a module, with its numbers before and after in one cell."""
        table = super().table()
        if not self.rows:
            return table
        columns = (
            Column("sign", ""), Column("path", "module"), Column("what", "what"),
            Column("params", "params"), Column("macs", "MACs"),
        )  # fmt: skip
        return replace(table, columns=columns, rows=tuple(map(_cells, self.rows)))


def _cells(row: DifferenceRow) -> dict[str, str]:
    return {
        "sign": SIGNS[row.change],
        "path": (row.path or "(model)") + (f" ← {row.was}" if row.was else ""),
        "what": ": ".join(dict.fromkeys(filter(None, (row.type, row.what)))),
        "params": _change(row.params_before, row.params_after),
        "macs": _change(row.macs_before, row.macs_after),
    }


def _change(before: int, after: int) -> str:
    if before == after:
        return si(before, 3) if before else "-"
    return f"{si(before, 3)} → {si(after, 3)}"


def difference(first: Graph, second: Graph) -> Difference:
    """Return the modules that the second graph adds, lacks and changes.

    Operators are matched as in a drawing of the difference; a module is the one of the first graph
    with which it shares most of them, else the one of the same path.
    """
    found = match(first, second)
    placed = [*_alone(found, found.old), *_changed(found), *_alone(found, found.new)]
    rows = tuple(row for _, row in sorted(placed, key=lambda pair: pair[0]))
    counts = {change: sum(row.change == change for row in rows) for change in SIGNS}
    named = {row.path for row in rows}
    renamed = [a for a, b in found.modules.items() if a != b and a not in named]
    sides = found.old, found.new
    params = [side.params(side.inside.get("", [])) for side in sides]
    macs = [side.macs(side.inside.get("", [])) for side in sides]
    totals = DifferenceTotals(
        **counts,
        renamed=len(renamed),
        params_before=params[0],
        params_after=params[1],
        macs_before=macs[0],
        macs_after=macs[1],
    )
    return Difference(
        name="diff",
        header=replace(
            header(second, "1 MAC = 1 multiply-add of conv, linear, matmul, attention, RNN gates"),
            model=f"{first.name} → {second.name}",
            input=_both(first.input_text(), second.input_text()),
            build=_both(first.build, second.build),
        ),
        totals=totals,
        rows=rows,
        columns=tuple(Column(part.name, part.name) for part in fields(DifferenceRow)),
        missing=tuple(_missing(first, second)),
        footer=tuple(_footer(totals, first, second)),
    )


def _both(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _missing(first: Graph, second: Graph) -> Iterator[Missing]:
    for graph in (first, second):
        for gap in uncounted(graph):
            yield replace(gap, why=f"{graph.name}: {gap.why}")


def _footer(totals: DifferenceTotals, first: Graph, second: Graph) -> Iterator[str]:
    counts = {name: getattr(totals, name) for name in SIGNS}
    if any(counts.values()):
        listed = ", ".join(f"{SIGNS[name]} {count} {name}" for name, count in counts.items())
        yield f"modules: {listed}"
    else:
        yield "no differences: the same modules, sizes and connections"
    if totals.renamed:
        yield f"{totals.renamed} modules are the same under another path"
    for what, before, after in (
        ("parameters", totals.params_before, totals.params_after),
        ("MACs", totals.macs_before, totals.macs_after),
    ):
        share = f" ({100 * (after / before - 1):+.1f} %)" if before else ""
        more = f" → {after:,}{share}" if before != after else ""
        yield f"{what} {before:,}{more}"
    if first.input_text() != second.input_text():
        yield "the inputs differ: sizes of maps are not compared, and MACs are of different work"


def _alone(found: Match, side: Side) -> Iterator[tuple[tuple[int, int], DifferenceRow]]:
    """Yield the modules that the other graph lacks, each with all in it that the other lacks."""
    is_new = side is found.new
    matched = set(found.modules if is_new else found.modules.values())
    alone = {path for path, below in side.inside.items() if matched.isdisjoint(below)}
    for path in side.inside:
        if path in matched or not alone.isdisjoint(list(ancestors(path))[1:]):
            continue
        # A frame around modules that both graphs have stands for nothing but itself.
        inside = side.inside[path] if path in alone else [path]
        if path not in alone and not (side.nodes.get(path) or side.weights.get(path)):
            continue
        params, macs = side.params(inside), side.macs(inside)
        row = DifferenceRow(
            change="added" if is_new else "removed",
            path=path,
            was="",
            type=side.types.get(path, ""),
            what=_summary(side, inside),
            params_before=0 if is_new else params,
            params_after=params if is_new else 0,
            macs_before=0 if is_new else macs,
            macs_after=macs if is_new else 0,
        )
        yield side.order[path], row


def _summary(side: Side, inside: Sequence[str]) -> str:
    """Return what modules are: their operator, or how many there are in them."""
    nodes = [node for each in inside for node in side.nodes.get(each, ())]
    shown = [node for node in nodes if node.id in side.flow.drawn]
    if not nodes:
        weights = any(side.weights.get(each) for each in inside)
        return "does not run" if weights else ""
    if len(shown) > 1:
        return f"{len(shown)} operators"
    return _title(side, shown[0]) if shown else ""


def _changed(found: Match) -> Iterator[tuple[tuple[int, int], DifferenceRow]]:
    old, new = found.old, found.new
    for after, before in found.modules.items():
        what = list(dict.fromkeys(filter(None, _changes(found, before, after))))
        types = old.types.get(before, ""), new.types.get(after, "")
        macs = old.macs([before]), new.macs([after])
        if not what and types[0] == types[1] and macs[0] != macs[1] and found.same_inputs:
            what = list(_sizes(found, after))
        elif not what and types[0] == types[1]:
            continue  # at most it passes on a map of another size
        row = DifferenceRow(
            change="changed",
            path=after,
            was="" if before == after else before,
            type=_both(*types),
            what=", ".join(what),
            params_before=old.params([before]),
            params_after=new.params([after]),
            macs_before=macs[0],
            macs_after=macs[1],
        )
        yield new.order[after], row


def _changes(found: Match, before: str, after: str) -> Iterator[str]:
    """Yield what is different in a module itself, in words."""
    old, new = found.old, found.new
    partners = {found.operators.get(node.id) for node in new.nodes.get(after, ())}
    ours = {node.id for node in old.nodes.get(before, ())}
    yield from (
        reason for reason in _reasons(found, after) if not reason.startswith((MAKES, WEIGHTS))
    )
    yield from _operators(found, before, after, ours, partners)
    shapes = old.weights.get(before, {}), new.weights.get(after, {})
    for name in dict.fromkeys([*shapes[0], *shapes[1]]):
        sizes = ["×".join(map(str, each[name])) if name in each else "none" for each in shapes]
        if sizes[0] != sizes[1]:
            yield f"{name} {sizes[0]} → {sizes[1]}"
    yield from _connections(found, after)


def _reasons(found: Match, after: str) -> Iterator[str]:
    for node in found.new.nodes.get(after, ()):
        yield found.both.reasons.get(found.new.places[node.id], "")


def _sizes(found: Match, after: str) -> Iterator[str]:
    """Yield what is said of a module that costs more or less on maps of another size alone."""
    makes = (reason for reason in _reasons(found, after) if reason.startswith(MAKES))
    yield next(makes, "reads maps of another size")


def _operators(
    found: Match, before: str, after: str, ours: set[int], partners: set[int | None]
) -> Iterator[str]:
    """Yield the operators that one of two modules lacks."""
    old, new = found.old, found.new
    gone = [
        _title(old, node)
        for node in old.nodes.get(before, ())
        if node.id in old.flow.drawn and node.id not in partners
    ]
    come = [
        _title(new, node)
        for node in new.nodes.get(after, ())
        if node.id in new.flow.drawn and found.operators.get(node.id) not in ours
    ]
    lost, won = Counter(gone) - Counter(come), Counter(come) - Counter(gone)
    if lost.total() == won.total() == 1:
        yield f"{next(iter(lost))} → {next(iter(won))}"
    else:
        yield from (f"− {each}" for each in lost.elements())
        yield from (f"+ {each}" for each in won.elements())


def _title(side: Side, node: Node) -> str:
    """Return what an operator is; of a join also the shortcuts that it ends."""
    name = title(side.graph, node, side.types.get(node.path, ""))
    roles = {str(role) for (_, reader), role in side.flow.roles.items() if reader == node.id}
    shortcuts = f" ({', '.join(sorted(roles))})" if roles else ""
    return _JOINS.get(name, name) + shortcuts


def _connections(found: Match, after: str) -> Iterator[str]:
    """Yield the inputs that an operator of both graphs reads in one of them alone."""
    both = found.both
    own = {found.new.places[node.id] for node in found.new.nodes.get(after, ())}
    for (source, reader), mark in both.edges.items():
        if reader in own and not {both.marks.get(source), both.marks.get(reader)} & {mark}:
            yield f"+ input from {_source(found, source)}"
    for source, reader, _ in both.gone:
        if reader in own and both.marks.get(source) != "removed":
            yield f"− input from {_source(found, source)}"


def _source(found: Match, place: int) -> str:
    if place < 0:
        return "the model's input"
    return found.both.graph.nodes[place].path or "the model itself"

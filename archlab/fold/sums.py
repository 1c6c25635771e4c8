"""Chains of sums as one join: a + b + c + … is one Σ with all its terms.

A sum that only the next sum of the same code reads is a step of it. Where a shortcut joins, the sum
stays on its own, and so does that of each turn of a loop. Rows added, or put, into one tensor one
after the other (experts that get some of the tokens) are such a chain, too.
"""

from __future__ import annotations

from dataclasses import replace

from archlab.fold.drawing import Role
from archlab.fold.flow import SAME, Flow, Operand, distinct_sources, function, is_sum, readers
from archlab.fold.turns import Turns
from archlab.ir.graph import Graph, Node

_INTO = {"index_add": "add", "scatter_add": "add", "index_put": "index_put"}
_LEAST = 3  # terms
_SHORTCUTS = frozenset({Role.IDENTITY, Role.PAD, Role.BYPASS})


def summed(graph: Graph, flow: Flow, turns: Turns) -> Flow:
    """Return the flow with each chain of sums in its last node; `joined` has all of a chain."""
    steps: dict[int, list[int]] = {}  # last node so far -> the whole chain
    for number in sorted(flow.drawn):
        if _family(graph.nodes[number], flow):
            before = [s for s in flow.sources[number] if _is_step(graph, flow, turns, s, number)]
            steps[number] = [step for s in before for step in steps.pop(s, [s])] + [number]
    terms = {last: _terms(flow, chain) for last, chain in steps.items() if len(chain) > 1}
    joined = {last: tuple(steps[last]) for last in terms if len(terms[last]) >= _LEAST}
    inner = {step for last, chain in joined.items() for step in chain if step != last}
    operands = {
        node: terms[node] if node in joined else read
        for node, read in flow.operands.items()
        if node not in inner
    }
    sources = {node: distinct_sources(read) for node, read in operands.items()}
    heads = inner | set(joined)
    roles = {edge: role for edge, role in flow.roles.items() if edge[1] not in heads}
    return replace(
        flow,
        drawn=flow.drawn - inner,
        operands=operands,
        sources=sources,
        readers=readers(sources, flow.outputs),
        roles=roles,
        joined=joined,
    )


def _terms(flow: Flow, chain: list[int]) -> tuple[Operand, ...]:
    inside = set(chain)
    read = (operand for node in chain for operand in flow.operands[node])
    return tuple(operand for operand in read if not inside.issuperset(operand.sources or (-1,)))


def _family(node: Node, flow: Flow) -> str:
    """Return what kind of chain a node can be the end of: sums, or rows put into a tensor."""
    if is_sum(node):
        whole = function(node) == "add" and len(flow.operands[node.id]) > 1
        way_round = any(flow.roles.get((s, node.id)) in _SHORTCUTS for s in flow.sources[node.id])
        return "add" if whole and not way_round else ""
    return _INTO.get(function(node), "")


def _is_step(graph: Graph, flow: Flow, turns: Turns, source: int, number: int) -> bool:
    """Whether a node is a step of the chain that another one continues."""
    if source < 0 or flow.readers.get(source) != (number,):
        return False
    before, node = graph.nodes[source], graph.nodes[number]
    same_code = (before.path, before.call) == (node.path, node.call)
    same_turn = turns.turn.get(source) == turns.turn.get(number)
    same_mark = turns.marks.get(source) == turns.marks.get(number)
    if not (same_code and same_turn and same_mark):
        return False
    operand = next(each for each in flow.operands[number] if source in each.sources)
    if operand.sources != (source,) or not operand.passed <= SAME:
        return False
    # Python's sum() begins with 0 + the first term.
    zero = is_sum(before) and function(before) == "add" and len(flow.operands[source]) == 1
    begins = zero and getattr(before.attrs, "scalar", False) and operand.tensor == node.inputs[0]
    return begins or _family(before, flow) == _family(node, flow)

"""Why a module cannot be opened: it is one box, it draws nothing, it did not run, it is not there.

`choose` opens modules; this file has the words for those that it cannot open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archlab.errors import OptionError, did_you_mean, keyword
from archlab.fold import names
from archlab.fold.tree import Item, Leaf, module_type
from archlab.ir.graph import Graph

_LISTED = 12  # paths that a message lists


def not_opened(graph: Graph, root: Item, path: str, known: Sequence[str]) -> OptionError:
    """Return the error for a path at which nothing can be opened.

    `known` are the paths of the modules that can be opened.
    """
    if path not in graph.module:
        return OptionError(
            f"{keyword('expand', path)}: no module of this picture has that path."
            f"{did_you_mean(path, known)} Modules that can be opened: {_listed(known)}."
        )
    inside = {node.id for node in graph.nodes if _within(node.path, path)}
    leaf = next((leaf for leaf in _leaves(root) if not inside.isdisjoint(leaf.nodes)), None)
    if not inside:
        called = any(call.path == path for call in graph.calls)
        why = f"{path} does {'nothing' if called else 'not run'} in {graph.mode} mode"
    elif leaf is None:
        why = f"nothing that {path} does is drawn, such as a reshape or a copy"
    else:
        why = f"{path} is one box already, {_title(graph, leaf)}: there is nothing in it to open"
    near = _neighbours(path, known)
    beside = f" Beside it these can be opened: {_listed(near)}." if near else ""
    return OptionError(f"{keyword('expand', path)}: {why}.{beside}")


def _within(path: str, around: str) -> bool:
    return path == around or path.startswith(f"{around}.")


def _leaves(item: Item) -> Iterator[Leaf]:
    """Yield what is drawn as single operators."""
    if isinstance(item, Leaf):
        yield item
    else:
        # A row of equal items is drawn once, but a path may lie in any of them.
        for child in getattr(item, "members", ()) or getattr(item, "children", ()):
            yield from _leaves(child)


def _title(graph: Graph, leaf: Leaf) -> str:
    """Return what stands on the box of an item: `Conv 3×3 · BN · ReLU`."""
    parts = (graph.nodes[part] for part in leaf.parts)
    return " · ".join(names.title(graph, part, module_type(graph, part.path)) for part in parts)


def _neighbours(path: str, known: Sequence[str]) -> list[str]:
    """Return the paths beside a path; where there are none, those beside the module around it."""
    while path:
        path = path.rpartition(".")[0]
        depth = path.count(".") + 2 if path else 1
        near = [k for k in known if _within(k, path or k) and k.count(".") + 1 == depth]
        if near:
            return near
    return []


def _listed(paths: Sequence[str]) -> str:
    return f"{', '.join(paths[:_LISTED])}{' …' if len(paths) > _LISTED else ''}"

"""Which tensor is which: by storage and geometry, so that views and in-place writes flow.

Two tensor objects with the same storage, offset, shape and strides hold the same elements, however
autograd re-wraps them. A write through one view makes every other view of that storage stale; the
next read of a stale one inserts an `archlab.update` node that joins the old value and the writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from archlab.ir.graph import TensorSpec

Geometry = tuple[int, tuple[int, ...], tuple[int, ...]]


@dataclass(slots=True)
class Storage:
    """One allocation: its id in the graph, its known tensors, and the writes into it."""

    id: int
    known: dict[Geometry, tuple[int, int]] = field(default_factory=dict)  # -> tensor id, clock
    written: list[tuple[int, Geometry, int]] = field(default_factory=list)  # clock, where, tensor
    weight: bool = False


@dataclass(frozen=True, slots=True)
class Stale:
    """A tensor read after another view of its storage was written."""

    old: int
    writes: tuple[int, ...]


class TensorTable:
    """Gives every tensor of a trace its id; tensors are found again by storage and geometry."""

    def __init__(self) -> None:
        self.specs: list[TensorSpec] = []
        self.sizes: list[int] = []
        self._storages: dict[int, Storage] = {}
        self._clock = 0
        self._kept: list[
            torch.Tensor
        ] = []  # outside tensors: their storage address must not be reused

    def storage(self, tensor: torch.Tensor) -> Storage | None:
        """Return the known storage of a tensor."""
        return self._storages.get(tensor.untyped_storage()._cdata)

    def address(self, tensor: torch.Tensor) -> int:
        """Return what identifies the tensor's allocation while it lives."""
        return int(tensor.untyped_storage()._cdata)

    def is_weight(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is a parameter, or a view of one."""
        storage = self.storage(tensor)
        return storage is not None and storage.weight

    def add_outside(self, tensor: torch.Tensor, source: str, name: str) -> int:
        """Register a tensor that no node made: an input, a parameter, a buffer, a constant."""
        self._kept.append(tensor)
        storage = self.storage(tensor) or self._allocate(tensor)
        storage.weight = storage.weight or source == "param"
        return self._define(tensor, storage, source, name)

    def add_output(self, tensor: torch.Tensor, *, fresh: bool) -> int:
        """Register what a node made: a fresh allocation, or a view of a known one."""
        storage = None if fresh else self.storage(tensor)
        return self._define(tensor, storage or self._allocate(tensor))

    def add_write(self, tensor: torch.Tensor) -> int:
        """Register the new value of a tensor that a node wrote in place."""
        storage = self.storage(tensor) or self._allocate(tensor)
        made = self._define(tensor, storage)
        storage.written.append((self._clock, _geometry(tensor), made))
        return made

    def read(self, tensor: torch.Tensor) -> int | Stale | None:
        """Return the tensor's id; Stale if its storage was written elsewhere; None if unknown."""
        storage = self.storage(tensor)
        if storage is None:
            return None
        where = _geometry(tensor)
        found = storage.known.get(where)
        if found is None:
            return None
        made, clock = found
        if not storage.written or storage.written[-1][0] <= clock:
            return made
        later = tuple(
            item for when, place, item in storage.written if when > clock and place != where
        )
        return Stale(made, later) if later else made

    def refresh(self, tensor: torch.Tensor) -> int:
        """Register a stale tensor anew, after its writes were joined."""
        storage = self.storage(tensor)
        assert storage is not None
        return self._define(tensor, storage)

    def _allocate(self, tensor: torch.Tensor) -> Storage:
        storage = Storage(len(self.sizes))
        self.sizes.append(tensor.untyped_storage().nbytes())
        self._storages[self.address(tensor)] = storage
        return storage

    def _define(
        self, tensor: torch.Tensor, storage: Storage, source: str = "", name: str = ""
    ) -> int:
        self._clock += 1
        spec = TensorSpec(
            id=len(self.specs),
            shape=tuple(tensor.shape),
            dtype=_DTYPES.get(tensor.dtype) or str(tensor.dtype).removeprefix("torch."),
            storage=storage.id,
            source=source,
            name=name,
        )
        self.specs.append(spec)
        storage.known[_geometry(tensor)] = (spec.id, self._clock)
        return spec.id


_DTYPES = {torch.float32: "float32", torch.float16: "float16", torch.int64: "int64"}


def _geometry(tensor: torch.Tensor) -> Geometry:
    return int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride()

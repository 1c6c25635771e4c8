"""Which tensor is which: by storage and geometry, so that views and in-place writes flow.

Two tensor objects with the same storage, offset, shape and strides hold the same elements, however
autograd re-wraps them. A write through one view makes the views that share elements with it stale;
the next read of a stale one inserts an `archlab.update` node that joins the old value and the
writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from archlab.ir.graph import TensorSpec

Geometry = tuple[int, int, tuple[int, ...], tuple[int, ...]]  # item size, offset, shape, strides
_MANY = 10_000_000  # elements of a storage above which views are taken to share some


@dataclass(slots=True)
class Storage:
    """One allocation: its id in the graph, its known tensors, and the writes into it.

    The weak reference lets the memory go but not the address, by which the storage is found.
    """

    id: int
    reference: StorageWeakRef
    known: dict[Geometry, tuple[int, int]] = field(default_factory=dict)  # -> tensor id, clock
    written: list[tuple[int, Geometry, int]] = field(default_factory=list)  # clock, where, tensor
    weight: bool = False


@dataclass(frozen=True, slots=True)
class Stale:
    """A tensor read after another view of its storage was written; `whole`: the first covers it."""

    old: int
    writes: tuple[int, ...]
    whole: bool


class TensorTable:
    """Gives every tensor of a trace its id; tensors are found again by storage and geometry."""

    def __init__(self) -> None:
        self.specs: list[TensorSpec] = []
        self.sizes: list[int] = []
        self._storages: dict[int, Storage] = {}
        self._clock = 0

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
        size = self.sizes[storage.id]
        later = [
            (item, *_shared(size, place, where))
            for when, place, item in storage.written
            if when > clock and place != where
        ]
        touching = [(item, covers) for item, touches, covers in later if touches]
        if not touching:
            storage.known[where] = (made, self._clock)
            return made
        covering = [i for i, (_, covers) in enumerate(touching) if covers]
        writes = touching[covering[-1] :] if covering else touching
        return Stale(made, tuple(item for item, _ in writes), bool(covering))

    def refresh(self, tensor: torch.Tensor) -> int:
        """Register a stale tensor anew, after its writes were joined."""
        storage = self.storage(tensor)
        assert storage is not None
        return self._define(tensor, storage)

    def _allocate(self, tensor: torch.Tensor) -> Storage:
        reference = StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
        storage = Storage(len(self.sizes), reference)
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
    return tensor.itemsize, int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride()


def _shared(nbytes: int, written: Geometry, read: Geometry) -> tuple[bool, bool]:
    """Whether a write touches a view of the same storage, and whether it covers all of it."""
    size = nbytes // written[0]
    known = written[0] == read[0] and size <= _MANY
    if not known or max(_end(written), _end(read)) > size:  # a storage can grow
        return True, False
    marks = np.zeros(size, dtype=bool)
    _view(marks, written)[...] = True
    seen = _view(marks, read)
    return bool(seen.any()), bool(seen.all())


def _end(where: Geometry) -> int:
    _, offset, shape, strides = where
    return offset + 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))


def _view(marks: np.ndarray[tuple[int], np.dtype[np.bool_]], where: Geometry) -> Any:
    _, offset, shape, strides = where
    return np.lib.stride_tricks.as_strided(marks[offset:], shape, strides)

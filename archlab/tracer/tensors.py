"""Identifies tensors by storage and geometry, so that the graph follows views and in-place writes.

Two tensor objects with the same storage, offset, shape and strides hold the same elements, also
where autograd wraps a tensor in a new object. A write through one view makes the views that share
elements with it stale; the next read of a stale view inserts an `archlab.update` node that joins
the old value and the writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from archlab.ir.graph import TensorSpec
from archlab.ir.kinds import Box
from archlab.tracer.boxes import Geometry, box, whole

# Elements of a storage above which two views count as sharing some, without a look at each element.
_MANY = 10_000_000
_MANY_ALIVE = 256  # storages whose release is looked for at every node


@dataclass(slots=True)
class Storage:
    """One allocation: its id in the graph, its known tensors, and the writes into it."""

    id: int
    # A weak reference frees the memory, but keeps torch from giving its address, by which the
    # storage is found, to another allocation.
    reference: StorageWeakRef
    known: dict[Geometry, tuple[int, int]] = field(default_factory=dict)  # -> tensor id, clock
    writes: list[tuple[int, Geometry, int]] = field(default_factory=list)  # clock, -, tensor id
    weight: bool = False
    values: bool = True  # False: the forward wrote into it what it computed on meta


@dataclass(frozen=True, slots=True)
class Stale:
    """A tensor that is read after other views of its storage were written."""

    sources: tuple[int, ...]  # the old value, unless nothing is left of it, and the writes
    boxes: tuple[Box | None, ...]  # where each source lies
    old: int
    whole: bool  # nothing is left of the old value


class TensorTable:
    """Gives every tensor of a trace its id; tensors are found again by storage and geometry."""

    def __init__(self) -> None:
        self.specs: list[TensorSpec] = []
        self.sizes: list[int] = []
        self._storages: dict[int, Storage] = {}
        self._alive: dict[int, int] = {}  # storage -> the address of its weak reference
        self._released: dict[int, int] = {}  # storage -> nodes that had run
        self._clock = 0

    def storage(self, tensor: torch.Tensor) -> Storage | None:
        """Return the known storage of a tensor."""
        return self._storages.get(_memory(tensor)._cdata)

    def address(self, tensor: torch.Tensor) -> int:
        """Return a number that identifies the tensor's allocation while it lives."""
        return int(_memory(tensor)._cdata)

    def is_weight(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is a parameter, or a view of one."""
        storage = self.storage(tensor)
        return storage is not None and storage.weight

    def add_outside(self, tensor: torch.Tensor, source: str, name: str) -> int:
        """Register a tensor that no node made: an input, a parameter, a buffer, a constant."""
        storage = self.storage(tensor) or self._allocate(tensor)
        storage.weight = storage.weight or source == "param"
        if source in ("param", "buffer"):
            self._alive.pop(storage.id, None)  # the model holds it
        # Two parameters may be of the same elements (`head.weight.data = embedding.weight.data`).
        known = storage.known.get(_geometry(tensor))
        return self._define(tensor, storage, source, name) if known is None else known[0]

    def add_output(self, tensor: torch.Tensor, *, fresh: bool) -> int:
        """Register what a node made: a fresh allocation, or a view of a known one."""
        storage = None if fresh else self.storage(tensor)
        return self._define(tensor, storage or self._allocate(tensor))

    def add_write(self, tensor: torch.Tensor) -> int:
        """Register the new value of a tensor that a node wrote in place."""
        storage = self.storage(tensor) or self._allocate(tensor)
        number = self._define(tensor, storage)
        storage.writes.append((self._clock, _geometry(tensor), number))
        return number

    def read(self, tensor: torch.Tensor) -> int | Stale | None:
        """Return the tensor's id; Stale if its storage was written elsewhere; None if unknown."""
        storage = self.storage(tensor)
        if storage is None:
            return None
        if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            tensor = _elements(tensor)
        geometry = _geometry(tensor)
        if geometry not in storage.known:
            return None
        number, clock = storage.known[geometry]
        if not storage.writes or storage.writes[-1][0] <= clock:
            return number
        size = self.sizes[storage.id]
        later = [
            (writer, written, *_shared(size, written, geometry))
            for time, written, writer in storage.writes
            if time > clock and written != geometry
        ]
        touching = [
            (writer, box(written, geometry), covers)
            for writer, written, touches, covers in later
            if touches
        ]
        if not touching:
            storage.known[geometry] = (number, self._clock)
            return number
        # Of what was written before a write that covers everything, nothing is left.
        covering = [i for i, (*_, covers) in enumerate(touching) if covers]
        old = [] if covering else [(number, whole(tensor.shape), True)]
        sources, boxes, _ = zip(*old, *touching[covering[-1] if covering else 0 :], strict=True)
        return Stale(sources, boxes, number, bool(covering))

    def forget_values(self, tensor: torch.Tensor) -> None:
        """Note that a tensor on the CPU no longer holds the values that the forward gives it."""
        storage = self.storage(tensor)
        assert storage is not None
        storage.values = False

    def without_values(self, tensor: torch.Tensor) -> bool:
        """Whether the values of a tensor on the CPU are not those that the forward gives it."""
        storage = self.storage(tensor)
        return storage is not None and not storage.values

    def note_releases(self, clock: int) -> None:
        """Note the storages whose memory is free again, now that `clock` nodes have run."""
        # A net that keeps very many is looked at more seldom, so that the time stays linear.
        if len(self._alive) > _MANY_ALIVE and clock % (len(self._alive) // _MANY_ALIVE + 1):
            return
        expired = torch.UntypedStorage._expired
        for storage in [storage for storage, c in self._alive.items() if expired(c)]:
            del self._alive[storage]
            self._released[storage] = clock

    def releases(self, clock: int) -> tuple[int, ...]:
        """Return for each storage the nodes that had run when its memory was free again."""
        return tuple(self._released.get(number, clock) for number in range(len(self.sizes)))

    def _allocate(self, tensor: torch.Tensor) -> Storage:
        memory = _memory(tensor)
        reference = StorageWeakRef(memory)  # type: ignore[no-untyped-call]
        storage = Storage(len(self.sizes), reference)
        places = 0 if tensor.layout is torch.strided else _index_bytes(tensor)
        self.sizes.append(memory.nbytes() + places)
        self._storages[memory._cdata] = storage
        self._alive[storage.id] = reference.cdata
        return storage

    def _define(
        self, tensor: torch.Tensor, storage: Storage, source: str = "", name: str = ""
    ) -> int:
        self._clock += 1
        spec = TensorSpec(
            id=len(self.specs),
            shape=_shape(tensor),
            dtype=_DTYPES.get(tensor.dtype) or str(tensor.dtype).removeprefix("torch."),
            storage=storage.id,
            source=source,
            name=name,
        )
        self.specs.append(spec)
        storage.known[_geometry(tensor)] = (spec.id, self._clock)
        return spec.id


# A table of the common dtypes, since str(dtype) is slow.
_DTYPES = {torch.float32: "float32", torch.float16: "float16", torch.int64: "int64"}


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    try:
        return tuple(tensor.shape)
    except RuntimeError:
        # A nested tensor has no shape; its elements lie in one row.
        return tuple(_elements(tensor).shape)


def _memory(tensor: torch.Tensor) -> torch.UntypedStorage:
    # Plain tensors are by far the most, and asking whether a tensor is one takes longer.
    try:
        return tensor.untyped_storage()
    except RuntimeError:
        return _elements(tensor).untyped_storage()


def _elements(tensor: torch.Tensor) -> torch.Tensor:
    """Return what holds the elements of a sparse, nested or batched tensor."""
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        inside: torch.Tensor = torch._C._functorch.get_unwrapped(tensor)
        wrapped = torch._C._functorch.is_functorch_wrapped_tensor(inside)
        return _elements(inside) if wrapped else inside
    with torch._C._DisableTorchDispatch():  # a look, and no operator of the model
        return tensor._values() if tensor.layout is torch.sparse_coo else tensor.values()


def _index_bytes(tensor: torch.Tensor) -> int:
    """Return the bytes in which a sparse tensor keeps where its elements are."""
    with torch._C._DisableTorchDispatch():
        if tensor.layout is torch.sparse_coo:
            return tensor._indices().nbytes
        if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
            return tensor.crow_indices().nbytes + tensor.col_indices().nbytes
        if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
            return tensor.ccol_indices().nbytes + tensor.row_indices().nbytes
    return 0


def _geometry(tensor: torch.Tensor) -> Geometry:
    try:
        offset = int(tensor.storage_offset())
        return tensor.itemsize, offset, tuple(tensor.shape), tensor.stride()
    except RuntimeError:
        # Not in terms of its elements' memory, in which nothing of it is a view.
        return tensor.itemsize, 0, _shape(tensor), ()


def _shared(nbytes: int, written: Geometry, read: Geometry) -> tuple[bool, bool]:
    """Whether a write touches a view of the same storage, and whether it covers all of it."""
    size = nbytes // written[0]
    strided = len(written[2]) == len(written[3]) and len(read[2]) == len(read[3])
    comparable = written[0] == read[0] and size <= _MANY and strided
    # A storage can grow after its size was noted (`resize_`).
    if not comparable or max(_end(written), _end(read)) > size:
        return True, False
    marks = np.zeros(size, dtype=bool)
    _view(marks, written)[...] = True
    overlap = _view(marks, read)
    return bool(overlap.any()), bool(overlap.all())


def _end(geometry: Geometry) -> int:
    _, offset, shape, strides = geometry
    return offset + 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))


def _view(marks: np.ndarray[tuple[int], np.dtype[np.bool_]], geometry: Geometry) -> Any:
    _, offset, shape, strides = geometry
    return np.lib.stride_tricks.as_strided(marks[offset:], shape, strides)

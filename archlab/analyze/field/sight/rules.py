"""One rule a kind: what the units of a node's outputs see, from what its inputs' units see.

A gate that depends on the whole image (squeeze-excite, attention over all tokens, a norm over
positions) leaves the local field as it is and is remembered as `global_from`.
"""

from __future__ import annotations

from collections.abc import Callable

from archlab.analyze.field.sight.join import concat, join
from archlab.analyze.field.sight.mix import attention, everything, matmul, norm, softmax
from archlab.analyze.field.sight.move import gather, permute, reshape, take_slice
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.analyze.field.sight.windows import convolution, pad, pool, reduce, resample
from archlab.ir.kinds import Kind

Rule = Callable[[Step], Sight | list[Sight | None] | None]

RULES: dict[Kind, Rule] = {
    Kind.CONV: convolution,
    Kind.CONV_TRANSPOSE: convolution,
    Kind.LINEAR: matmul,
    Kind.MATMUL: matmul,
    Kind.ATTENTION: attention,
    Kind.RECURRENT: everything,
    Kind.NORM: norm,
    Kind.ACTIVATION: same,
    Kind.SOFTMAX: softmax,
    Kind.POOL: pool,
    Kind.ELEMENTWISE: join,
    Kind.REDUCE: reduce,
    Kind.CONCAT: concat,
    Kind.RESHAPE: reshape,
    Kind.PERMUTE: permute,
    Kind.SLICE: take_slice,
    Kind.PAD: pad,
    Kind.RESAMPLE: resample,
    Kind.GATHER: gather,
    Kind.SCATTER: join,
    Kind.CREATE: lambda _: None,
    Kind.COPY: same,
    Kind.OPAQUE: lost,
}
"""Kind -> rule; an unknown operator is OPAQUE and makes everything behind it a lower bound."""

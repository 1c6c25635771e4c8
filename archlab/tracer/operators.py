"""READERS: aten operator -> (Kind, attributes). A new operator is one line here, one in its test.

A reader gets the call with its arguments by name, and returns the kind and the facts that shapes do
not show. Operators without a line are read by what torch says of them (pointwise, a view, a
factory); all others are OPAQUE, which is never counted and always reported.
"""

from __future__ import annotations

from typing import Any

from archlab.ir.kinds import Kind
from archlab.tracer import readers
from archlab.tracer.readers import Reader, function


def reader_by_tag(func: Any, *, pointwise: bool, writes: bool) -> Reader:
    """Return a reader for an operator that has no line of its own, by its tags and schema."""
    # torch tags an operator as pointwise where each element of the result depends on one element.
    if pointwise:
        return function(Kind.ELEMENTWISE)
    returns_view = any(value.alias_info is not None for value in func._schema.returns)
    if returns_view and not writes:
        return function(Kind.RESHAPE)
    if not any("Tensor" in str(argument.type) for argument in func._schema.arguments):
        return function(Kind.CREATE)
    return function(Kind.OPAQUE)


def _lines(reader: Reader, names: str, namespace: str = "aten") -> dict[str, Reader]:
    return {f"{namespace}.{name}": reader for name in names.split()}


# Operator (in-place underscore optional) -> reader.
READERS: dict[str, Reader] = {
    **_lines(
        readers.convolution,
        "convolution _convolution convolution_overrideable convolution_backward",
    ),
    "torchvision.deform_conv2d": readers.deform_conv,
    **_lines(readers.matmul("self", "mat2"), "mm bmm _int_mm"),
    **_lines(readers.matmul("mat1", "mat2"), "addmm _addmm_activation _sparse_addmm"),
    **_lines(readers.matmul("batch1", "batch2"), "baddbmm addbmm"),
    "aten._grouped_mm": readers.grouped_matmul,
    "aten.mv": readers.matmul("self", "vec"),
    "aten.addmv": readers.matmul("mat", "vec"),
    "aten.dot": readers.matmul("self", "tensor"),
    "aten.vdot": readers.matmul("self", "other"),
    "aten.linear": readers.linear,
    **_lines(
        readers.attention,
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
        "_scaled_dot_product_fused_attention_overrideable "
        "_scaled_dot_product_flash_attention_for_cpu_backward "
        "_scaled_dot_product_flash_attention_backward "
        "_scaled_dot_product_efficient_attention_backward",
    ),
    "aten.mkldnn_rnn_layer": readers.mkldnn_rnn,
    **_lines(
        readers.norm("batch"),
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training "
        "_batch_norm_with_update cudnn_batch_norm miopen_batch_norm",
    ),
    "aten.native_layer_norm": readers.norm("layer"),
    "aten.native_group_norm": readers.norm("group"),
    "aten._fused_rms_norm": readers.norm("rms"),
    **_lines(readers.softmax, "_softmax _log_softmax _safe_softmax"),
    **_lines(
        readers.pool("max"), "max_pool2d_with_indices max_pool3d_with_indices mkldnn_max_pool2d"
    ),
    **_lines(readers.pool("average"), "avg_pool2d avg_pool3d"),
    **_lines(readers.adaptive_pool("average"), "_adaptive_avg_pool2d _adaptive_avg_pool3d"),
    **_lines(
        readers.adaptive_pool("max"),
        "adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d fractional_max_pool3d",
    ),
    "torchvision.roi_pool": readers.adaptive_pool("max"),
    "aten.mean": readers.mean,
    **_lines(
        readers.reduce,
        "sum amax amin max min prod var std var_mean std_mean norm linalg_vector_norm argmax "
        "argmin any all logsumexp nansum count_nonzero median aminmax mse_loss smooth_l1_loss "
        "huber_loss binary_cross_entropy nll_loss_forward nll_loss2d_forward",
    ),
    **_lines(readers.concat, "cat stack"),
    **_lines(
        function(Kind.RESHAPE),
        "view _unsafe_view reshape _reshape_alias expand as_strided flatten "
        "pixel_shuffle pixel_unshuffle view_as_real view_as_complex",
    ),
    **_lines(readers.squeeze, "unsqueeze squeeze"),
    **_lines(readers.permute, "permute transpose t numpy_T"),
    **_lines(readers.take_slice, "slice select"),
    **_lines(readers.split, "split split_with_sizes unsafe_split unsafe_split_with_sizes"),
    "aten.unbind": readers.unbind,
    "aten.constant_pad_nd": readers.pad("constant"),
    **_lines(readers.pad("reflect"), "reflection_pad1d reflection_pad2d reflection_pad3d"),
    **_lines(readers.pad("replicate"), "replication_pad1d replication_pad2d replication_pad3d"),
    **_lines(
        readers.resample("nearest"),
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d "
        "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d",
    ),
    **_lines(
        readers.resample("linear"),
        "upsample_linear1d upsample_bilinear2d upsample_trilinear3d _upsample_bilinear2d_aa",
    ),
    **_lines(readers.resample("cubic"), "upsample_bicubic2d _upsample_bicubic2d_aa"),
    **_lines(readers.resample("grid"), "grid_sampler_2d grid_sampler_3d"),
    **_lines(readers.resample("roi_align"), "roi_align", "torchvision"),
    "aten.roll": readers.roll,
    **_lines(
        function(Kind.GATHER),
        "embedding index index_select gather take _embedding_bag _embedding_bag_forward_only "
        "masked_select nonzero topk sort repeat_interleave searchsorted "
        "bucketize _unique2 tril triu diagonal native_channel_shuffle channel_shuffle cumsum "
        "cumprod cummax cummin repeat multinomial",
    ),
    **_lines(function(Kind.GATHER), "nms", "torchvision"),
    **_lines(
        function(Kind.SCATTER),
        "index_put _unsafe_index_put index_add index_copy index_fill scatter scatter_add "
        "scatter_reduce masked_scatter max_unpool2d max_unpool3d",
    ),
    **_lines(readers.place, "slice_scatter select_scatter"),
    **_lines(readers.unfold, "unfold im2col col2im"),
    "aten.flip": readers.flip,
    **_lines(
        function(Kind.ACTIVATION),
        "relu gelu silu sigmoid tanh hardtanh hardswish hardsigmoid leaky_relu elu softplus mish "
        "_prelu_kernel log_sigmoid_forward threshold celu selu glu relu6 rrelu_with_noise erf "
        "softshrink hardshrink",
    ),
    **_lines(
        function(Kind.CREATE),
        "zeros ones full empty arange linspace rand randn randint randperm zeros_like ones_like "
        "full_like empty_like rand_like randn_like new_zeros new_ones new_full new_empty eye "
        "new_empty_strided empty_strided scalar_tensor tril_indices triu_indices bernoulli normal "
        "uniform zero fill exponential random",
    ),
    **_lines(function(Kind.COPY), "clone _to_copy copy contiguous _pin_memory"),
    **_lines(
        function(Kind.ELEMENTWISE),
        "native_dropout where masked_fill _conj complex floor_divide addr _weight_norm_interface",
    ),
}

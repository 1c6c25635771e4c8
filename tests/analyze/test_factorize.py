"""Reductions and factorized pairs: the chapter's sums, and what is found in nets."""

import pytest
from torch import nn

import archlab
from archlab.analyze.factorize import bottleneck, find_bottlenecks
from archlab.errors import OptionError
from archlab.ir.kinds import Kind


def test_the_chapters_sum() -> None:
    """3·3·192·32 = 55,296 directly; 1·1·192·32 + 3·3·32·32 = 15,360 behind a reduction."""
    result = bottleneck(inputs=192, outputs=32, kernel=3, reduce=32)
    assert (result.totals.direct, result.totals.reduced) == (55_296, 15_360)
    assert result.totals.saved == 39_936
    assert result.totals.ratio == 3.6
    (row,) = result.rows
    assert (row.direct_formula, row.reduced_formula) == ("3×3×192×32", "1×1×192×32 + 3×3×32×32")
    assert (row.direct_macs, row.reduced_macs) == (None, None)


def test_a_map_size_gives_macs() -> None:
    totals = bottleneck(inputs=192, outputs=32, reduce=32, size=28).totals
    assert (totals.direct_macs, totals.reduced_macs) == (784 * 55_296, 784 * 15_360)


@pytest.mark.parametrize(
    ("kernel", "factor", "built"),
    [
        (5, "v2", 2 * 9 * 64 * 64),  # Szegedy et al. 2015, section 3.1: 5×5 → two 3×3
        (7, "v2", 3 * 9 * 64 * 64),
        (7, "v3", 2 * 7 * 64 * 64),  # section 3.2: n×n → 1×n and n×1
        (3, "v3", 2 * 3 * 64 * 64),
    ],
)
def test_factorizations_of_equal_width(kernel, factor, built) -> None:
    totals = bottleneck(inputs=64, outputs=64, kernel=kernel, factor=factor).totals
    assert (totals.direct, totals.reduced) == (kernel * kernel * 64 * 64, built)


def test_paper_percentages() -> None:
    """Section 3: 28 % fewer for 5×5 as two 3×3; 33 % fewer for 3×3 as 1×3 and 3×1."""
    five = bottleneck(inputs=8, outputs=8, kernel=5, factor="v2").totals
    three = bottleneck(inputs=8, outputs=8, kernel=3, factor="v3").totals
    assert (five.reduced / five.direct, three.reduced / three.direct) == (18 / 25, 2 / 3)


def test_reduction_and_factorization_together() -> None:
    totals = bottleneck(inputs=192, outputs=32, kernel=5, reduce=16, factor="v3").totals
    assert totals.reduced == 192 * 16 + 5 * 16 * 16 + 5 * 16 * 32


def test_a_loss_is_said_so() -> None:
    result = bottleneck(inputs=192, outputs=32, kernel=5, factor="v2")
    assert result.totals.saved < 0
    assert "not a saving" in result.footer[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": 0, "outputs": 3, "reduce": 2}, "must be 1 or more"),
        ({"inputs": 8, "outputs": 3}, "Nothing to compare"),
        ({"inputs": 8, "outputs": 3, "factor": "v4"}, "Allowed: none, v2, v3"),
        ({"inputs": 8, "outputs": 3, "factor": "v2", "kernel": 4}, "odd kernel"),
        ({"inputs": 8, "outputs": 3, "factor": "v2", "kernel": 3}, "odd kernel of 5"),
    ],
)
def test_bad_sums(given, message) -> None:
    with pytest.raises(OptionError, match=message):
        bottleneck(**given)


def test_a_reduction_is_found_through_norm_and_activation(build) -> None:
    x = build.input(1, 192, 28, 28)
    x = build.conv(x, 32, path="reduce")
    x = build.same(Kind.NORM, x, path="norm")
    x = build.same(Kind.ACTIVATION, x, path="act")
    build.conv(x, 32, kernel=3, path="conv")
    (row,) = find_bottlenecks(build.graph()).rows
    assert (row.path, row.form) == ("reduce + conv", "reduce")
    assert (row.direct, row.reduced) == (55_296, 15_360)
    assert (row.direct_macs, row.reduced_macs) == (784 * 55_296, 784 * 15_360)


@pytest.mark.parametrize(
    "change", ["expansion", "grouped", "strided", "two readers", "pooled between"]
)
def test_what_is_no_reduction(build, change) -> None:
    x = build.input(1, 32, 8, 8)
    first = build.conv(
        x, 64 if change == "expansion" else 16, stride=2 if change == "strided" else 1, path="a"
    )
    y = build.same(Kind.POOL, first) if change == "pooled between" else first
    build.conv(y, 32, kernel=3, groups=16 if change == "grouped" else 1, path="b")
    if change == "two readers":
        build.conv(first, 8, path="c")
    assert find_bottlenecks(build.graph()).rows == ()


def test_pairs_are_used_once(build) -> None:
    """Four 3×3 in a row are two pairs, not three."""
    x = build.input(1, 8, 16, 16)
    for i in range(4):
        x = build.conv(x, 8, kernel=3, path=f"conv{i}")
    rows = find_bottlenecks(build.graph()).rows
    assert [row.path for row in rows] == ["conv0 + conv1", "conv2 + conv3"]
    assert {(row.form, row.direct_formula) for row in rows} == {("v2", "5×5×8×8")}


@pytest.mark.parametrize("order", [((1, 7), (7, 1)), ((7, 1), (1, 7))])
def test_asymmetric_pairs(build, order) -> None:
    x = build.input(1, 8, 16, 16)
    for i, kernel in enumerate(order):
        x = build.conv(x, 8, kernel=kernel, path=f"conv{i}")
    (row,) = find_bottlenecks(build.graph()).rows
    assert (row.form, row.direct, row.reduced) == ("v3", 49 * 64, 14 * 64)


def test_none_found() -> None:
    result = archlab.bottlenecks(nn.Sequential(nn.Linear(4, 4)))
    assert (result.rows, result.totals.ratio, result.totals.direct_macs) == ((), 1.0, None)
    assert result.footer == ("no 1×1 reduction and no factorized pair found",)


# Table 1 of Szegedy et al. 2014: input, 3×3 reduce and 3×3, 5×5 reduce and 5×5 of each block.
INCEPTION = [
    (192, 96, 128, 16, 32), (256, 128, 192, 32, 96),
    (480, 96, 208, 16, 48), (512, 112, 224, 24, 64), (512, 128, 256, 24, 64),
    (512, 144, 288, 32, 64), (528, 160, 320, 32, 128),
    (832, 160, 320, 32, 128), (832, 192, 384, 48, 128),
]  # fmt: skip


def test_googlenet_has_eighteen_reductions() -> None:
    result = archlab.bottlenecks("googlenet")
    expected = [
        (side * side * inputs * out, inputs * reduce + side * side * reduce * out)
        for inputs, three, three_out, five, five_out in INCEPTION
        for side, reduce, out in ((3, three, three_out), (5, five, five_out))
    ]
    assert [row.form for row in result.rows] == ["reduce"] * 18
    assert sorted((row.direct, row.reduced) for row in result.rows) == sorted(expected)


def test_googlenet_v2_has_a_pair_for_each_five_by_five() -> None:
    """Reduction and pair are one saving: 5·5·in·out against in·r + 9·r·r + 9·r·out."""
    rows = archlab.bottlenecks(archlab.load("googlenet", factorize="v2")).rows
    found = [(row.direct, row.reduced) for row in rows if row.form == "reduce + v2"]
    assert found == [
        (25 * inputs * out, inputs * r + 9 * r * r + 9 * r * out)
        for inputs, _, _, r, out in INCEPTION
    ]
    assert [row.form for row in rows if row.form != "reduce + v2"] == ["reduce"] * 9


def test_googlenet_v3_has_a_pair_for_each_large_kernel() -> None:
    """n·n·in·out against in·r + n·r·r + n·r·out, for the 3×3 and the 5×5 of nine blocks."""
    rows = archlab.bottlenecks(archlab.load("googlenet", factorize="v3")).rows
    inside = [row for row in rows if row.path.startswith("inception")]
    expected = [
        (n * n * inputs * out, inputs * r + n * r * r + n * r * out)
        for inputs, three, three_out, five, five_out in INCEPTION
        for n, r, out in ((3, three, three_out), (5, five, five_out))
    ]
    assert {row.form for row in inside} == {"reduce + v3"}
    assert sorted((row.direct, row.reduced) for row in inside) == sorted(expected)


def test_inception_v3_pairs() -> None:
    """Torchvision's Mixed_6b: 1×1, 1×7, 7×1 and 1×1, then 7×1, 1×7, 7×1, 1×7."""
    rows = archlab.bottlenecks(archlab.load("torchvision:inception_v3", init_weights=False)).rows
    forms = [(row.form, row.direct_formula) for row in rows if "Mixed_6b." in row.path]
    assert forms == [
        ("reduce + v3", "7×7×768×192"),
        ("reduce + v3", "7×7×768×128"),
        ("v3", "7×7×128×192"),
    ]


def test_vgg_stacks_three_by_threes() -> None:
    """VGG-16's stages of 2, 2, 3, 3, 3 convolutions: one pair each, a third stays alone."""
    rows = archlab.bottlenecks("torchvision:vgg16").rows
    assert [(row.form, row.direct_formula) for row in rows] == [
        ("v2", f"5×5×{inputs}×{width}")
        for inputs, width in ((3, 64), (64, 128), (128, 256), (256, 512), (512, 512))
    ]


def test_resnet50_bottlenecks() -> None:
    """16 blocks; torchvision strides the 3×3, so all but the first reduce from more channels."""
    rows = archlab.bottlenecks("torchvision:resnet50").rows
    assert {row.form for row in rows} == {"reduce"}
    assert len(rows) == 15  # layer1.0 goes from 64 to 64: no reduction

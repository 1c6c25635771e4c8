"""Receptive fields of whole nets: hand-checkable values, gates, phases, tokens, bad input."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.analyze.field.receptive_field import receptive_field
from archlab.errors import SpecError
from archlab.ir.graph import Graph, Node, TensorSpec
from archlab.ir.kinds import Kind


def rows(model, **how):
    return {row.path: row for row in archlab.receptive_field(archlab.load(model, **how)).rows}


def convs(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


@pytest.mark.parametrize("n", [3, 9])
def test_cifar_formula(n: int) -> None:
    # Layer 1 sees 3 + 4n, layer 2 that + 8n − 2, layer 3 that + 16n − 4; plain = residual.
    first = 3 + 4 * n
    second = first + 8 * n - 2
    for name in (f"resnet{6 * n + 2}", f"plain{6 * n + 2}"):
        found = rows(name)
        assert found["layer1"].rf_h == first
        assert found["layer2"].rf_h == second
        assert found["layer3"].rf_h == second + 16 * n - 4


def test_dilated_stack_and_wide_kernel() -> None:
    # 3×3 with dilation 1, 2, 4, 8 is 31 wide; a 1×7 behind adds 6 columns.
    net = convs(*(nn.Conv2d(3, 3, 3, padding=d, dilation=d) for d in (1, 2, 4, 8)),
                nn.Conv2d(3, 3, (1, 7)))  # fmt: skip
    last = rows(net, input="3x96x96")["4"]
    assert (last.rf_h, last.rf_w) == (31, 37)


def test_holes_by_dilation() -> None:
    net = convs(*(nn.Conv2d(3, 3, 3, padding=2, dilation=2) for _ in range(3)))
    last = rows(net, input="3x64x64")["2"]
    assert (last.rf_h, last.holes_h) == (13, 6)


def test_a_map_over_its_mirror_image_has_no_size() -> None:
    """Unit j sees columns j − 1 … j + 1 and 30 − j … 32 − j: no interval that moves with j."""

    class Flip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x) + self.conv(x.flip(-1))  # type: ignore[no-any-return]

    found = rows(Flip(), input=(1, 3, 32, 32))
    assert found["conv"].exact
    assert not found[""].exact


def test_unet_phases() -> None:
    path = Path(__file__).parents[2] / "truth" / "hand_made_nets.py"
    spec = importlib.util.spec_from_file_location("hand_made_nets", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    last = rows(module.UNet(), input="3x64x64")["o"]
    assert last.phases == "22|26"
    assert last.rf_h == 26


def test_squeeze_excite_keeps_the_local_field() -> None:
    result = archlab.receptive_field("torchvision:mobilenet_v3_large")
    assert result.totals.global_from == "features.4.block.2.avgpool"
    last = {row.path: row for row in result.rows}["features.16.0"]
    assert last.rf_h is not None
    assert last.global_from == "features.4.block.2.avgpool"


def test_vision_transformer_is_local_by_patch_and_global_by_attention() -> None:
    found = rows("torchvision:vit_b_16")
    assert found["encoder.ln"].rf_h == 16
    first = "encoder.layers.encoder_layer_0.self_attention"
    assert found["encoder.layers.encoder_layer_0.ln_1"].global_from is None
    assert found["encoder.ln"].global_from == first


def test_swin_windows() -> None:
    found = rows("torchvision:swin_t")
    # Patches of 4 in windows of 7: 28 pixels, shifted by 3 patches the next window sees 2 of them.
    assert found["features.1.0"].rf_h == 28
    assert found["features.1.1"].rf_h == 56
    assert found["features.1.0"].exact


def test_channels_last_convnext() -> None:
    # 4/4 stem, three 7×7 depthwise at jump 4: 4 + 3·6·4 = 76.
    found = rows("torchvision:convnext_tiny")
    assert found["features.1"].rf_h == 76
    assert archlab.receptive_field("torchvision:convnext_tiny").status == "complete"


def test_misaligned_branches_are_recorded() -> None:
    class Skewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 5, padding=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            return y[:, :, :-2] + y[:, :, 2:]

    result = archlab.receptive_field(archlab.load(Skewed(), input="3x32x32"))
    (record,) = dict(result.extra)["misaligned"]
    assert record["axis"] == "h"
    assert record["centers"] == [0.0, 2.0]
    assert result.rows[0].rf_h == 7  # −2 … 2 joined with 0 … 4
    assert result.rows[0].min_path_h == 5


def test_unknown_operator_makes_a_lower_bound() -> None:
    class Fourier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.after(torch.fft.fft2(self.before(x)).real)

    result = archlab.receptive_field(archlab.load(Fourier(), input="3x16x16"))
    found = {row.path: row for row in result.rows}
    assert result.status == "partial"
    assert "_fft_c2c" in result.missing[0].what
    assert found["before"].exact
    assert not found["after"].exact


def test_no_spatial_axis_is_said() -> None:
    result = archlab.receptive_field(archlab.load(nn.Sequential(nn.Linear(4, 4)), input="2x4"))
    assert "no spatial axis" in " ".join(result.footer)
    assert result.rows[0].rf_h is None


def test_sequences_are_spatial_for_conv1d() -> None:
    net = convs(nn.Conv1d(4, 8, 5), nn.Conv1d(8, 8, 3, stride=2))
    last = rows(net, input="1x4x100")["1"]
    assert (last.rf_h, last.rf_w, last.rf_t, last.stride_t) == (None, None, 7, 2)


def test_a_table_has_the_columns_of_the_axes_that_there_are() -> None:
    sequence, video = nn.Conv1d(4, 4, 3), nn.Conv3d(3, 4, 3)
    for net, shape, shown in ((sequence, "[1x4x16]", "t"), (video, "3x6x16x16", "thw")):
        result = archlab.receptive_field(archlab.load(net, input=shape))
        names = {column.name for column in result.columns}
        assert {name for name in names if name.startswith("rf_")} == {
            f"rf_{axis}" for axis in shown
        }
    assert "largest local field: 3 × 3 × 3 at the output, jump 1 × 1 × 1" in result.footer


def test_a_sequence_is_found_behind_what_works_position_by_position() -> None:
    # WaveNet's first layers: the padding reads the sound, and the convolution what was padded.
    causal = convs(nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(1, 8, 3), nn.Tanh(),
                   nn.ConstantPad1d((4, 0), 0.0), nn.Conv1d(8, 8, 3, dilation=2))  # fmt: skip
    last = rows(causal, input="1x1x40")["4"]
    assert (last.rf_t, last.center_t, last.min_path_t) == (7, -3, 7)  # 1 + 2 + 4


def test_no_sentinel_leaves_the_package() -> None:
    nets = {
        "3x8x8": [
            nn.Conv2d(3, 4, 3, padding=5),
            convs(nn.ZeroPad2d(3), nn.MaxPool2d(2)),
            convs(nn.ReflectionPad2d(4), nn.Conv2d(3, 4, 3, padding=1)),
            convs(nn.ConvTranspose2d(3, 4, 1, stride=3), nn.AvgPool2d(2, 3)),
            convs(nn.Conv2d(3, 4, 8), nn.ReplicationPad2d(6), nn.Upsample(scale_factor=1.3)),
            convs(nn.ZeroPad2d((-7, 3, -7, 3)), nn.Conv2d(3, 4, 2)),
        ],
        "[1x3x8]": [nn.Conv1d(3, 4, 3, padding=6), convs(nn.CircularPad1d(5), nn.Conv1d(3, 4, 4))],
    }
    for shape, members in nets.items():
        for net in members:
            model = archlab.load(net, input=shape)
            record = archlab.receptive_field(model).to_dict()
            numbers = [
                v for row in record["rows"] for v in row.values() if isinstance(v, int | float)
            ]
            assert numbers
            assert all(-100 <= number <= 100 for number in numbers)
            assert all(0 <= row["worst_coverage"] <= row["coverage"] <= 1 for row in record["rows"])


def test_a_slice_of_channels_that_see_differently_is_a_bound() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.head = nn.Conv2d(3, 3, 7, padding=3), nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.cat([self.wide(x), x], 1)[:, 3:])

    # The head sees a single pixel; the table of all channels says seven, and does not claim more.
    head = rows(Half(), input="3x32x32")["head"]
    assert (head.rf_h, head.exact) == (7, False)


def test_windows_at_places_that_are_not_known_are_a_lower_bound() -> None:
    result = archlab.receptive_field(
        archlab.load(nn.FractionalMaxPool2d(2, output_size=5), input="3x16x16")
    )
    assert result.status == "partial"
    assert "fractional_max_pool2d" in result.missing[0].what


def test_a_gate_may_be_a_pool_as_large_as_the_map() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.after = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            return self.after(x * torch.sigmoid(nn.functional.avg_pool2d(x, x.shape[2])))

    after = rows(Gated(), input="3x16x16")["after"]
    assert (after.rf_h, after.global_from) == (5, "Gated")


def test_a_recurrent_net_sees_what_came_before() -> None:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.steps = nn.Conv1d(3, 8, 5), nn.LSTM(8, 8, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.steps(self.conv(x).mT)[0]

    # Step 18, the middle of 36, sees the inputs 0 to 22, and the last one sees all.
    steps = rows(Steps(), input="[1x3x40]")["steps"]
    assert (steps.coverage, steps.rf_t) == (23 / 40, 40)


def test_coverage_is_of_the_whole_image() -> None:
    # 2 of 7 pixels, the last of which no window reaches.
    row = rows(nn.AvgPool2d(2), input="3x7x7")[""]
    assert row.coverage == row.worst_coverage == (2 / 7) ** 2


def test_unknown_layer_names_neighbours() -> None:
    with pytest.raises(SpecError, match=r"layer2\.0"):
        archlab.receptive_field("resnet20", layers=["layer2.00"])


def test_stride_layout_is_named() -> None:
    assert "3×3" in " ".join(archlab.receptive_field("torchvision:resnet50").footer)


def test_hand_made_graph_without_torch() -> None:
    x = TensorSpec(0, (1, 3, 8, 8), "float32", 0, "input", "x")
    y = TensorSpec(1, (1, 3, 8, 8), "float32", 1)
    relu = Node(0, Kind.ACTIVATION, "aten.relu", "", (0,), (1,))
    graph = Graph("hand", "eval", "by hand", (relu,), (x, y), (768, 768), (), (), (), (0,), (1,))
    assert receptive_field(graph).rows == ()


def test_patches_by_reshape_and_linear() -> None:
    class Patches(nn.Module):
        """Cut 4×4 patches by views, project them, and convolve the map of patches."""

        def __init__(self) -> None:
            super().__init__()
            self.project, self.conv = nn.Linear(48, 8), nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, c, h, w = x.shape
            x = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 1, 3, 5)
            x = self.project(x.reshape(n, h // 4, w // 4, c * 16))
            return self.conv(x.permute(0, 3, 1, 2))

    found = rows(Patches(), input="3x32x32")
    # A 4×4 window of stride 4, then 3 of those: 4 + 2·4 = 12.
    assert (found["project"].rf_h, found["project"].stride_h) == (4, 4)
    assert (found["conv"].rf_h, found["conv"].stride_h, found["conv"].exact) == (12, 4, True)


def test_space_to_depth() -> None:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(48, 8, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, c, h, w = x.shape
            x = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 3, 5, 1, 2, 4)
            return self.conv(x.reshape(n, c * 16, h // 4, w // 4))

    assert rows(Deep(), input="3x32x32")["conv"].rf_w == 12


def test_places_beside_each_other_that_see_the_same_are_not_exact() -> None:
    """Each unit of the map becomes two: their table has the units of the map, not of the tensor."""

    class Repeated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).repeat_interleave(2, -1)

    rows = archlab.receptive_field(archlab.load(Repeated(), input="3x16x16")).rows
    assert [row.exact for row in rows] == [False, True]

"""Text to data: model specs, constructor arguments, inputs; every bad text says what is allowed."""

import pytest

from archlab.errors import OptionError, SpecError
from archlab.spec import InputSpec, is_of_library, parse_input, parse_model, parse_options


@pytest.mark.parametrize(
    ("text", "source", "place", "name"),
    [
        ("resnet18", "", "", "resnet18"),
        ("  resnet18 ", "", "", "resnet18"),
        ("zoo:resnet18", "zoo", "zoo", "resnet18"),
        ("torchvision:resnet50", "torchvision", "torchvision", "resnet50"),
        ("timm:convnext_tiny.fb_in1k", "timm", "timm", "convnext_tiny.fb_in1k"),
        ("net.py:Net", "file", "net.py", "Net"),
        ("path/to my/net.py:Net", "file", "path/to my/net.py", "Net"),
        ("C:\\nets\\net.py:Net", "file", "C:\\nets\\net.py", "Net"),
        ("package.module:factory", "package", "package.module", "factory"),
        ("package:factory", "package", "package", "factory"),
    ],
)
def test_model_specs(text, source, place, name) -> None:
    spec = parse_model(text)
    assert (spec.source, spec.place, spec.name) == (source, place, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a model"),
        ("  ", "is not a model"),
        (":", "is not a model"),
        (":Net", "is not a model"),
        ("net.py:", "is not a model"),
        ("net.py", "names a file but no class.*net.py:ClassName"),
        ("torch-vision:resnet50", "Did you mean torchvision"),
        ("a/b:Net", "neither torchvision, timm, a .py file nor a dotted package"),
        ("net.ipynb/x:Net", "neither"),
    ],
)
def test_bad_model_specs(text, message) -> None:
    with pytest.raises(SpecError, match=message):
        parse_model(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("depth=20", 20), ("rate=0.5", 0.5), ("rate=1e-3", 0.001), ("shift=-3", -3),
        ("aux=true", True), ("aux=False", False), ("norm=none", "none"), ("norm=None", None),
        ("widths=(16,32,64)", (16, 32, 64)), ("widths=[1, 2]", [1, 2]), ("d={'a': 1}", {"a": 1}),
        ("layout=imagenet", "imagenet"), ("name='20'", "20"), ("url=a=b", "a=b"),
        ("empty=", ""), (" spaced = 3 ", 3), ("path=a/b c", "a/b c"),
    ],
)  # fmt: skip
def test_options(text, value) -> None:
    ((_, parsed),) = parse_options([text]).items()
    assert (parsed, type(parsed)) == (value, type(value))


def test_the_last_of_equal_options_counts() -> None:
    assert parse_options(["a=1", "b=x", "a=2"]) == {"a": 2, "b": "x"}


@pytest.mark.parametrize("text", ["depth", "", "=3", "my key=3", "3d=true", "a-b=1"])
def test_options_without_a_key(text) -> None:
    with pytest.raises(OptionError, match="is not key=value"):
        parse_options([text])


@pytest.mark.parametrize("text", ["w=(1,", "w=[a, b]", "w={1:}", "w=(1, 2))"])
def test_brackets_that_are_no_literal(text) -> None:
    with pytest.raises(OptionError, match="no Python literal"):
        parse_options([text])


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("3x224x224", InputSpec((3, 224, 224))),
        ("8x3x224x224", InputSpec((8, 3, 224, 224))),
        ("3×32×32", InputSpec((3, 32, 32))),
        ("3X32X32", InputSpec((3, 32, 32))),
        ("3,32,32", InputSpec((3, 32, 32))),
        ("16", InputSpec((16,))),
        ("ids=2x20:int64", InputSpec((2, 20), "int64", "ids")),
        ("mask=2x20:bool", InputSpec((2, 20), "bool", "mask")),
        ("3x8x8:float16", InputSpec((3, 8, 8), "float16")),
        ("batch.x=2x3", InputSpec((2, 3), name="batch.x")),
        ("xs.0=8", InputSpec((8,), name="xs.0")),
        ("x=[2x32x64]", InputSpec((2, 32, 64), name="x", exact=True)),
        ("(2, 32, 64)", InputSpec((2, 32, 64))),
    ],
)
def test_inputs(text, spec) -> None:
    assert parse_input(text) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a shape"),
        ("3x", "is not a shape"),
        ("3x0x224", "positive whole numbers"),
        ("3x-1x2", "is not a shape"),
        ("3x2.5", "is not a shape"),
        ("large", "is not a shape"),
        ("ids=", "is not a shape"),
        ("3x8x8:float", "unknown dtype 'float'.*Did you mean float"),
        ("3x8x8:double", "Allowed: bfloat16"),
        ("my ids=2x3", "'my ids' is no argument name"),
        ("=2x3", "is no argument name"),
        ("0.x=2x3", "is no argument name"),
        ("xs[0]=2x3", r"one of a list xs\.0"),
    ],
)
def test_bad_inputs(text, message) -> None:
    with pytest.raises(SpecError, match=message):
        parse_input(text)


@pytest.mark.parametrize(
    ("text", "batch", "shapes"),
    [
        # one image, or a batched sequence
        ("3x32x32", None, [(1, 3, 32, 32), (3, 32, 32)]),
        ("3x32x32", 8, [(8, 3, 32, 32)]),
        ("1x32x64", 8, [(8, 1, 32, 64), (8, 32, 64)]),
        ("8x32x64", 8, [(8, 8, 32, 64), (8, 32, 64)]),
        # images, or one video
        ("2x3x32x32", None, [(2, 3, 32, 32), (1, 2, 3, 32, 32)]),
        ("1x3x32x32", 8, [(8, 3, 32, 32), (8, 1, 3, 32, 32)]),
        ("8x3x32x32", 8, [(8, 3, 32, 32), (8, 8, 3, 32, 32)]),
        ("2x3x32x32", 8, [(8, 2, 3, 32, 32)]),
        # one size: the features of a sample
        ("16", None, [(16,), (1, 16)]),
        ("16", 8, [(8, 16)]),
        ("16:int64", 8, [(8, 16)]),
        # features or tokens of samples, or a sequence of one
        ("2x16", None, [(2, 16), (1, 2, 16)]),
        # any other stands
        ("1x16", 8, [(8, 16)]),
        ("1x3x16x8x8", 2, [(2, 3, 16, 8, 8)]),
        ("2x3x20:int64", None, [(2, 3, 20)]),
        # brackets: exactly that shape
        ("[2x32x64]", None, [(2, 32, 64)]),
        ("[1x32x64]", 8, [(8, 32, 64)]),
    ],
)
def test_batch(text, batch, shapes) -> None:
    assert list(parse_input(text).shapes(batch)) == shapes


@pytest.mark.parametrize("text", ["[2x3x32x32]", "2x16", "[2x32x64]", "2x3x20:int64"])
def test_a_batch_given_twice(text) -> None:
    with pytest.raises(OptionError, match="The batch is given twice: batch=8"):
        parse_input(text).shapes(8)


@pytest.mark.parametrize(
    "text",
    ["²x3", "3x²", "9" * 30, "3x99999999999x99999999999", "9" * 5000, "-3x4", "1_0x3", "0x3"],
)
def test_sizes_that_no_tensor_has(text) -> None:
    with pytest.raises(SpecError, match=r"is not a shape|is no tensor"):
        parse_input(text)


def test_a_batch_that_no_tensor_has() -> None:
    with pytest.raises(SpecError, match="is no tensor"):
        parse_input("3x224x224").shapes(2**62)
    with pytest.raises(SpecError, match="is no tensor"):
        InputSpec((1, -3, 8, 8))


def test_which_specs_name_code_of_somebody() -> None:
    assert all(map(is_of_library, ("resnet18", "zoo:resnet18", "torchvision:vit_b_16", "timm:x")))
    assert not any(map(is_of_library, ("os:system", "net.py:Net", "./net.py:Net", "a.b:c")))

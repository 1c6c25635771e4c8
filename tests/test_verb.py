"""A keyword that a verb does not take is refused, with the nearest, before any work is done."""

import inspect

import pytest

import archlab
from archlab.errors import OptionError

VERBS = [
    name
    for name in archlab.__all__
    if inspect.isfunction(getattr(archlab, name)) and name not in ("load", "get_device")
]


def required(name: str) -> list[object]:
    """Stand-ins for the arguments that a verb must have; it must not come to use them."""
    parameters = inspect.signature(getattr(archlab, name)).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [None for one in parameters if one.kind in positional and one.default is one.empty]


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_spells_its_keywords_out(name: str) -> None:
    kinds = {one.kind for one in inspect.signature(getattr(archlab, name)).parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds


@pytest.mark.parametrize("name", VERBS)
def test_an_unknown_keyword_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=rf"^{name}\(\) has no keyword 'nonsense'"):
        getattr(archlab, name)(*required(name), nonsense=1)


@pytest.mark.parametrize(
    ("name", "mistyped", "meant"),
    [
        ("train_model", "gradiens", "gradients"),
        ("flops", "covention", "convention"),
        ("degradation", "depts", "depths"),
        ("gradients", "sedes", "seeds"),
        ("render", "box", "boxes"),
        ("scan", "optmizer", "optimizer"),
        ("check", "max_mac", "max_macs"),
    ],
)
def test_a_mistyped_keyword_names_the_one_that_was_meant(name, mistyped, meant) -> None:
    with pytest.raises(OptionError, match=f"Did you mean {meant}"):
        getattr(archlab, name)(*required(name), **{mistyped: 5})


@pytest.mark.parametrize("keyword", ["input", "batch", "layout"])
def test_inputs_and_constructor_arguments_are_sent_to_load(keyword: str) -> None:
    with pytest.raises(
        OptionError, match=rf"archlab\.flops\(archlab\.load\(MODEL, {keyword}=…\)\)"
    ):
        archlab.flops("resnet8", **{keyword: 1})

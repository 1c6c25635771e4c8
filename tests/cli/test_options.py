"""How a model is named and loaded: sentences, completion, and the note on a bare name."""

from fractions import Fraction

from archlab.cli.options import Loading, constant, listed, model_names


def test_names_as_a_sentence_lists_them() -> None:
    assert [listed(names) for names in (["a"], ["a", "b"], "abc")] == ["a", "a or b", "a, b or c"]


def test_a_constant_is_imported_by_its_place() -> None:
    assert constant("fractions:Fraction") is Fraction


def test_completion_has_the_nets_of_the_zoo_with_their_line() -> None:
    names = dict(model_names("resnet1"))
    assert {"resnet18", "resnet101", "resnet152"} <= set(names)
    assert all(name.startswith("resnet1") for name in names)
    assert all(names.values())


def test_every_model_gets_the_same_input_batch_and_arguments(capsys) -> None:
    loading = Loading(["3x16x16"], 2, ["num_classes=7"])
    models = loading.load("resnet8", "plain8")
    for model in models:
        graph = model.trace()
        assert graph.input_text() == "2x3x16x16 float32"
        assert graph.shape(graph.outputs[0]) == (2, 7)
    assert capsys.readouterr().err == ""  # the zoo is where bare names are looked for first
    (other,) = Loading().load("mobilenet_v3_small")
    assert other.note
    assert capsys.readouterr().err == f"archlab: {other.note}\n"

"""What a user reads of a public name: an example, every argument, the errors, and honest types."""

import inspect
import re
from collections.abc import Callable, Iterator

import pytest

import archlab

# Signatures with Any beside **keywords (constructor arguments of anybody's model), and why.
REASONED = {
    "Result.__init__": "a further JSON entry may be any value of JSON",
    "Result.to_dict": "a JSON record",
    "gradients": "the loss of a forward takes what that forward returns",
    "module_gradients": "as `gradients`",
    "Classifier.output": "a forward may return anything",
    "Model.inputs": "a forward may take anything",
    "Model.runnable": "a forward may take anything",
}
REFERS = re.compile(r"Arguments and errors as in `\w+`")


def members(name: str) -> Iterator[tuple[str, Callable]]:
    """The function itself; of a class, the constructor and methods that no base prescribes."""
    item = getattr(archlab, name)
    if not isinstance(item, type):
        yield name, item
        return
    foreign = [base for base in item.__mro__[1:] if not base.__module__.startswith("archlab")]
    for key, value in vars(item).items():
        function = value.fget if isinstance(value, property) else value
        own = key == "__init__" or not (
            key.startswith("_") or any(hasattr(b, key) for b in foreign)
        )
        if own and inspect.isfunction(function) and function.__module__ == item.__module__:
            yield f"{name}.{key}", function


PUBLIC = dict(pair for name in archlab.__all__ for pair in members(name))


def words(path: str) -> str:
    """The docstring that tells of a member; a constructor's is the class's."""
    name, _, member = path.partition(".")
    item = getattr(archlab, name) if member in ("", "__init__") else PUBLIC[path]
    return inspect.getdoc(item) or ""


def parameters(path: str) -> list[inspect.Parameter]:
    return [item for item in inspect.signature(PUBLIC[path]).parameters.values()
            if item.name != "self"]  # fmt: skip


@pytest.mark.parametrize("name", archlab.__all__)
def test_it_has_an_example(name) -> None:
    assert ">>> " in inspect.getdoc(getattr(archlab, name)).partition("Example:\n")[2]


@pytest.mark.parametrize("path", PUBLIC)
def test_every_argument_is_told(path) -> None:
    text = words(path)
    assert text
    if REFERS.search(text):
        return
    arguments = text.partition("Args:\n")[2] or text.partition("Attributes:\n")[2]
    for item in parameters(path):
        assert item.name in described(arguments) or one_word(path, item), item


def described(section: str) -> set[str]:
    """The names before the colons; several may share one: `boxes, depth: as for render`."""
    names = r"\**\w+(?:, \**\w+)*"
    heads = re.findall(rf"^ +({names}):(?:\s|$)", section, re.MULTILINE)
    return {name.lstrip("*") for head in heads for name in head.split(", ")}


def test_names_that_share_a_description_are_all_named() -> None:
    section = "    first: a, then b.\n    *second, third: as there.\n    fourth: x."
    assert described(section) == {"first", "second", "third", "fourth"}
    assert described("    text about fifth, sixth and so on: no list.") == set()


def one_word(path: str, item: inspect.Parameter) -> bool:
    """A method of one argument may tell of it in its sentence."""
    return "." in path and len(parameters(path)) == 1 and item.name in words(path)


@pytest.mark.parametrize("path", [path for path in PUBLIC if "." not in path])
def test_the_errors_are_told(path) -> None:
    text = words(path)
    assert "Raises:\n" in text or REFERS.search(text)


@pytest.mark.parametrize("path", PUBLIC)
def test_types_say_something(path) -> None:
    signature = inspect.signature(PUBLIC[path])
    fixed = [item for item in parameters(path) if item.kind != item.VAR_KEYWORD]
    for item in fixed:
        assert item.annotation is not item.empty, item
    assert signature.return_annotation is not signature.empty
    loose = [item for item in fixed if "Any" in str(item.annotation)]
    vague = bool(loose) or "Any" in str(signature.return_annotation)
    assert vague == (path in REASONED), (loose, signature.return_annotation)


TRAINING = {
    "curves", "degradation", "evaluate_model", "export_model", "finetune_model", "load_model",
    "train_model", "verdict",
}  # fmt: skip


def test_every_verb_has_an_example_that_runs_as_a_doctest() -> None:
    verbs = [getattr(archlab, name) for name in archlab.__all__ if name[0].islower()]
    without = {verb.__name__ for verb in verbs if ">>>" not in verb.__doc__}
    assert without <= {"against"}  # it builds the model with values: its tests are tests/probe
    skipped = {verb.__name__ for verb in verbs if "+SKIP" in verb.__doc__}
    assert skipped == TRAINING  # minutes each: they run in tests/train

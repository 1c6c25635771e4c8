"""What builds a model: the zoo, torchvision, timm, a user's file or an installed package.

A bare name is looked up in the zoo, then in torchvision, then in timm. Nothing is downloaded:
pretrained weights are always switched off. A user's file is imported, so its code runs.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from archlab import zoo
from archlab.contain import contained, said
from archlab.errors import (
    BuildError,
    DependencyError,
    SpecError,
    constructor_keywords,
    did_you_mean,
    keyword,
)
from archlab.spec import LIBRARIES, ModelSpec

_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
LOAD_KEYWORDS = ("input", "batch")  # the other keywords of `load` are constructor arguments


@dataclass(frozen=True, slots=True)
class Source:
    """A function or class that builds a module."""

    name: str
    # Decides the default input: zoo, torchvision.image, torchvision.detection, timm …
    family: str
    builder: Callable[..., Any]
    note: str = ""


def find(spec: ModelSpec) -> Source:
    """Return the source of a spec.

    Raises:
        SpecError: nothing has that name.
        DependencyError: the library is not installed.
        BuildError: the user's file or package cannot be imported.
    """
    if spec.source in ("", "zoo") and zoo.find(spec.name) is not None:
        return Source(spec.name, "zoo", zoo.constructor(spec.name))
    finders = {"torchvision": _torchvision, "timm": _timm, "file": _file, "package": _package}
    if spec.source in finders:
        return finders[spec.source](spec)
    if spec.source == "" and (os.sep in spec.name or Path(spec.name).exists()):
        raise SpecError(_no_model(spec.name))
    if spec.source == "":
        for library in (_torchvision, _timm):
            with contextlib.suppress(SpecError, DependencyError):
                source = library(spec)
                note = f"{spec.name} is not in the zoo: taken from {source.name}"
                return replace(source, note=note)
    names: list[str] = []
    for origin in ("zoo", *LIBRARIES):
        with contextlib.suppress(DependencyError):
            names += library_names(origin)
    raise SpecError(
        f"No model is called {spec.name!r}.{did_you_mean(spec.name, names)} "
        "`archlab models` lists the zoo, `archlab models --source torchvision` and `--source timm` "
        "the others; a model of your own is path/to/file.py:Class."
    )


def _no_model(text: str) -> str:
    """Return why a path alone names no model."""
    place = Path(text)
    if place.is_dir():
        return f"{text} is a folder, no model. A model of yours is path/to/file.py:Class."
    if place.is_file():
        return f"{text} is a file: say which model in it, as path/to/file.py:Class."
    return f"There is no file or folder {text} (looked in {Path.cwd()})."


def library_names(library: str) -> list[str]:
    """Return the model names of "zoo", "torchvision" or "timm".

    Raises:
        DependencyError: the library is not installed.
    """
    if library == "zoo":
        return list(zoo.names())
    module = "timm" if library == "timm" else "torchvision.models"
    return list(_import(module).list_models())


def _torchvision(spec: ModelSpec) -> Source:
    models = _import("torchvision.models")
    names = models.list_models()
    if spec.name not in names:
        raise SpecError(f"torchvision has no model {spec.name!r}.{did_you_mean(spec.name, names)}")
    function = models.get_model_builder(spec.name)
    signature = inspect.signature(function)

    def build(**options: Any) -> Any:
        _refuse_weights(options)
        # Detection and segmentation builders would download a backbone by default.
        if "weights_backbone" in signature.parameters:
            options.setdefault("weights_backbone", None)
        return function(**options)

    build.__signature__ = signature  # type: ignore[attr-defined]  # what `check_options` reads
    package = function.__module__.removeprefix("torchvision.models.").partition(".")[0]
    tasks = ("detection", "segmentation", "video", "optical_flow")
    family = package if package in tasks else "image"
    return Source(f"torchvision:{spec.name}", f"torchvision.{family}", build)


def _timm(spec: ModelSpec) -> Source:
    timm = _import("timm")
    if not timm.is_model(spec.name):
        raise SpecError(
            f"timm has no model {spec.name!r}.{did_you_mean(spec.name, timm.list_models())}"
        )

    def build(*, reparameterize: bool = False, **options: Any) -> Any:
        """Build; `reparameterize` fuses training-time branches, as timm's benchmark tables do."""
        _refuse_weights(options)
        model = timm.create_model(spec.name, **{**options, "pretrained": False})
        return timm.utils.reparameterize_model(model.eval()) if reparameterize else model

    return Source(f"timm:{spec.name}", "timm", build)


def _refuse_weights(options: Mapping[str, Any]) -> None:
    """Raise where a constructor argument would download weights, or read them from a file."""
    names = ("weights", "weights_backbone", "pretrained", "pretrained_backbone", "checkpoint_path")
    for name in names:
        if options.get(name):
            raise BuildError(
                f"{name}={options[name]!r}: archlab downloads no weights, nor reads any here; "
                "leave it out, a model costs the same without them."
            )


def _file(spec: ModelSpec) -> Source:
    path = Path(spec.place)
    if not path.is_file():
        raise SpecError(f"There is no file {spec.place!r} (looked in {Path.cwd()}).")
    name = f"archlab_user_{path.stem}"
    # A file that did not change is run once: a second run would define its operators anew, and
    # torch crashes where the first ones are still in use.
    stamp = (str(path.resolve()), path.stat().st_mtime_ns, path.stat().st_size)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "_archlab_stamp", None) == stamp:
        return Source(spec.text, "file", _member(loaded, spec, spec.place))
    module_spec = importlib.util.spec_from_file_location(name, path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[name] = module  # dataclasses and pickling look the module up by name
    try:
        # A script without a main guard may exit.
        with contained(), _importable(path.parent):
            module_spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(name, None)
        raise BuildError(f"{spec.place} cannot be imported: {said(error)}") from error
    vars(module)["_archlab_stamp"] = stamp
    return Source(spec.text, "file", _member(module, spec, spec.place))


def _package(spec: ModelSpec) -> Source:
    try:
        with contained(), _importable(Path.cwd()):
            _refuse_python(spec.place)
            module = importlib.import_module(spec.place)
    except SpecError:
        raise
    except ModuleNotFoundError as error:
        raise SpecError(
            f"There is no module {error.name!r}, needed for {spec.text!r}. Is it installed, or is "
            "the current folder the right one? A file is written path/to/file.py:Class."
        ) from error
    except Exception as error:
        raise BuildError(f"{spec.place} cannot be imported: {said(error)}") from error
    return Source(spec.text, "package", _member(module, spec, spec.place))


def _refuse_python(place: str) -> None:
    """Raise where a dotted name is found in Python's own library, before it is imported."""
    top = place.partition(".")[0]
    found = importlib.util.find_spec(top) if top in sys.stdlib_module_names else None
    if found is None:
        return
    # A package of a user's may have the name of one of Python's, such as `test`.
    origin = Path(found.origin or "built-in")
    inside = _LIBRARY in origin.parents and "site-packages" not in origin.parts
    if inside or not origin.is_absolute():
        raise SpecError(
            f"{place} is a module of Python's own library, which has no models. A file is written "
            "path/to/file.py:Class."
        )


def _member(module: ModuleType, spec: ModelSpec, place: str) -> Callable[..., Any]:
    member = getattr(module, spec.name, None)
    if member is None:
        classes = {name: value for name, value in vars(module).items() if isinstance(value, type)}
        nets = [name for name, value in classes.items() if issubclass(value, nn.Module)]
        local = [name for name in nets if classes[name].__module__ == module.__name__]
        raise SpecError(
            f"{place} has no {spec.name!r}.{did_you_mean(spec.name, nets)} "
            f"Its modules are: {', '.join(local or nets) or 'none'}."
        )
    if isinstance(member, nn.Module):
        return lambda: member
    if reason := _no_builder(member, spec.place):
        raise SpecError(
            f"{spec.text!r} {reason}; a module, a class of torch.nn.Module or a function that "
            "makes one is wanted. Nothing was called."
        )
    return member  # type: ignore[no-any-return]


def _no_builder(member: Any, place: str) -> str:
    """Return why something builds no model, known without calling it; empty where it may."""
    if not callable(member):
        return f"is of type {type(member).__name__}"
    function = inspect.unwrap(member.func if isinstance(member, partial) else member)
    if isinstance(function, type):
        return "" if issubclass(function, nn.Module) else "is a class of something else"
    # A function is called because the user has named it. One that is none of the user's own, nor of
    # a library of models, was named by mistake or in bad faith.
    home = str(getattr(function, "__module__", None) or "builtins").partition(".")[0]
    for top in (home, place.partition(".")[0]):
        if inspect.isbuiltin(function) or top in (*sys.stdlib_module_names, "archlab", "torch"):
            return f"is a function of {top}"
    return ""


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a user's file import its neighbours."""
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the file may have changed it
            sys.path.remove(entry)


def _import(name: str) -> Any:
    library = name.partition(".")[0]
    try:
        with warnings.catch_warnings():
            # A deprecation inside the library is nothing that the user of archlab can change.
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise DependencyError(
            f"{library} is not installed: pip install {library} ({error})."
        ) from error


def check_options(source: Source, options: Mapping[str, Any]) -> None:
    """Raise a clear BuildError where the builder does not take the options, or needs more.

    Raises:
        BuildError: which arguments are missing or unknown, and how to give them.
    """
    try:
        parameters = inspect.signature(source.builder).parameters
    except (TypeError, ValueError):  # a constructor written in C has no signature
        return
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [name for name, parameter in parameters.items() if parameter.kind in kinds]
    takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in options:
        if name not in names and not takes_any:
            raise BuildError(_unknown_argument(source.name, name, names))
    missing = [
        name
        for name in names
        if parameters[name].default is inspect.Parameter.empty and name not in options
    ]
    if missing:
        remedy = constructor_keywords(*(f"{name}=…" for name in missing))
        raise BuildError(f"{source.name} needs arguments: {', '.join(missing)}. Try {remedy}")


def _unknown_argument(model: str, name: str, names: Sequence[str]) -> str:
    """Return what to say of a keyword that may be a mistyped one of `load` itself."""
    of_load = [keyword(each) for each in LOAD_KEYWORDS]
    return (
        f"{model} takes no argument {name!r}.{did_you_mean(name, (*names, *of_load))} "
        f"It takes: {', '.join(names) or 'nothing'}; archlab itself takes {' and '.join(of_load)}."
    )

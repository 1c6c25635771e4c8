"""The analyzers are found in their folder: a test with the argument `analyze` runs for each."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import archlab.analyze
from archlab.ir.graph import Graph
from archlab.result import Result

Analyze = Callable[[Graph], Result[Any, Any]]
REFUSING = {"unproductive"}  # refuses a graph without an image


def analyzers() -> Iterator[Analyze]:
    """Yield the public functions of archlab/analyze that need a Graph alone and return a Result."""
    package = archlab.analyze
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            signature = inspect.signature(function)
            needed = [
                parameter.annotation
                for parameter in signature.parameters.values()
                if parameter.default is parameter.empty
            ]
            answers = str(signature.return_annotation).startswith("Result[")
            defined_here = function.__module__ == found.name and not name.startswith("_")
            if defined_here and answers and needed == ["Graph"]:
                yield function


ANALYZERS = [function for function in analyzers() if function.__name__ not in REFUSING]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "analyze" in metafunc.fixturenames:
        metafunc.parametrize("analyze", ANALYZERS, ids=lambda function: function.__name__)

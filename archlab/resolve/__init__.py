"""From a spec to a module: find the builder, build without weights, make example inputs."""

from archlab.resolve.build import all_values, build_on_meta, build_real
from archlab.resolve.inputs import default_inputs, given_inputs, weights_dtype
from archlab.resolve.readings import Inputs, vocabularies
from archlab.resolve.sources import Source, find

__all__ = [
    "Inputs",
    "Source",
    "all_values",
    "build_on_meta",
    "build_real",
    "default_inputs",
    "find",
    "given_inputs",
    "vocabularies",
    "weights_dtype",
]

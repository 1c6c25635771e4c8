"""The commands, one a file, in the folder of its heading; each calls a verb and prints.

Imports of `archlab.api` stand inside the functions: they import torch, which help does without.
"""

"""The verbs of archlab: load a model, ask a question, get a Result. Here the stages are joined.

Every verb takes a spec ("resnet18", "torchvision:vit_b_16", "net.py:Net"), a `torch.nn.Module`,
or a model that `load` returned. A module is copied, never changed.
"""

"""The verbs that run a model: gradients and other quantities by depth."""

"""The verbs about receptive fields."""

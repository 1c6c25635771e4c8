"""The verbs about many models at once."""

"""The hub: a traced model as frozen data, without torch. `tracer` makes it, the rest reads it."""

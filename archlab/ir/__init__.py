"""The hub: a traced model as frozen data. No torch here; `tracer` makes it, everything else reads it."""

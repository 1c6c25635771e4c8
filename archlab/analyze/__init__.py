"""Questions about a traced graph: pure functions Graph -> Result. No torch, no I/O."""

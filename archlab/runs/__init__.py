"""Training runs as files: recipe, plan, measurements, ledger, verdict, progress. No torch."""

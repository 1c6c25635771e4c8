"""The verbs of training: a sweep, one net, fine-tuning, curves."""

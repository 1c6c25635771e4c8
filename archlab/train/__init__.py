"""Training: data on the device, resumable runs, sweeps side by side, fine-tuning.

The only home of Lightning. What reads finished runs lives in `archlab.runs` and imports no torch.
"""

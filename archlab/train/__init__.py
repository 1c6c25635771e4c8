"""Training: recipes, data on the device, resumable runs, the degradation curve and its verdict.

The only home of Lightning. Files that read finished runs (`record`, `verdict`, `recipe`) import no
torch, so that verdicts and curves come from the files alone.
"""

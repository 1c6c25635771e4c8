"""Many models in one table: which, what is asked of each, where rows are kept, how to choose.

No torch: a row is made in a worker (`archlab.api.scale.row`), everything else is data.
"""

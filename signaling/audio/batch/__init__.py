"""Batches: many files or texts in one request, worked off in the background, through restarts."""

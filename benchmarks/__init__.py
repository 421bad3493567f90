"""Measurements that anyone can repeat from the repository alone, see docs/performance.md."""

"""Percentiles of what was measured."""

import math

from benchmarks.promises import percentile


def test_a_percentile_is_a_value_that_was_measured():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile(list(range(100)), 0.95) == 95
    assert percentile([7.0], 0.95) == 7.0
    assert math.isnan(percentile([], 0.5))

"""Metrics as text, in the format that Prometheus reads (Prometheus, "Exposition formats", text format 0.0.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number: what follows the metric's name, the labels, the value."""

    value: float
    labels: Mapping[str, str] | None = None
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric with all its samples."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Sequence[Sample]


def gauge(name: str, what: str, value: float) -> Metric:
    """Return a number that goes up and down."""
    return Metric(name, "gauge", what, (Sample(value),))


def counter(name: str, what: str, value: float) -> Metric:
    """Return a number that only grows; its name ends in ``_total``."""
    return Metric(name, "counter", what, (Sample(value),))


def gauges(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    """Return numbers of several kinds that go up and down."""
    return Metric(name, "gauge", what, tuple(Sample(value, {label: kind}) for kind, value in sorted(values.items())))


def by_label(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    """Return a counter of several kinds."""
    return Metric(name, "counter", what, tuple(Sample(value, {label: kind}) for kind, value in sorted(values.items())))


def histogram(name: str, what: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> Metric:
    """Return a distribution: ``counts`` of each bucket by its upper bound, one more for what is above all of them."""
    sums = list(accumulate(counts))
    ends = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    buckets = [Sample(count, {"le": end}, "_bucket") for end, count in zip(ends, sums, strict=True)]
    return Metric(name, "histogram", what, (*buckets, Sample(total, suffix="_sum"), Sample(sums[-1], suffix="_count")))


def text(metrics: Iterable[Metric], labels: Mapping[str, str]) -> str:
    """Return the page; ``labels`` are on every sample."""
    return "".join(line + "\n" for metric in metrics for line in _lines(metric, labels))


def _lines(metric: Metric, labels: Mapping[str, str]) -> list[str]:
    head = [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
    return head + [
        f"{metric.name}{each.suffix}{_labels({**labels, **(each.labels or {})})} {each.value:.17g}"
        for each in metric.samples
    ]


def _labels(labels: Mapping[str, str]) -> str:
    said = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{said}}}" if said else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

"""What a server tells Prometheus: requests by status, latency, and what was asked and answered, in the model's own bins.

Every series carries the pod-template hash, so that canary and stable can be told apart without relabelling. Counters exist
at 0 from the start: a rate over a series that appears with its first error misses that error.
"""

from __future__ import annotations

import threading
from collections import Counter as Counts
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from release.learning.asked import one_a_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from prometheus_client import Metric

    from release.artifact.bins import Bins, Reference
    from release.serving.scorer import Answer, Scorer
    from release.serving.tensors import Features

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CODES = ("200", "400", "404", "405", "413", "500", "503")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
HASH = "pod_template_hash"
_FEW = 16
"""Rows up to which a comparison with all edges at once is the cheaper one."""
MOST_FEATURES = 200
"""A model with more columns has the first ones counted: each costs a dozen series."""


class Metrics:
    """All metrics of one server."""

    def __init__(self, scorer: Scorer, *, pod_template_hash: str, image_digest: str, version: str) -> None:
        """Make every series at 0."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody asks for
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        names = ("model_digest", "image_digest", "version", HASH)
        info = Gauge("model_info", "The model that is served; always 1.", names, registry=self._registry)
        info.labels(scorer.digest, image_digest, version, pod_template_hash).set(1)
        requests = Counter(
            "model_requests", "Inference requests by HTTP status code.", ("code", HASH), registry=self._registry
        )
        self._codes = {code: requests.labels(code, pod_template_hash) for code in CODES}
        self._other = requests.labels("other", pod_template_hash)
        self._seconds = Histogram(
            "model_request_seconds",
            "Time from an inference request's arrival to its answer.",
            (HASH,),
            buckets=SECONDS,
            registry=self._registry,
        ).labels(pod_template_hash)
        predictions = Counter(
            "model_predictions", "Rows answered, by the predicted class.", ("class", HASH), registry=self._registry
        )
        self._classes = {name: predictions.labels(name, pod_template_hash) for name in scorer.classes or ("",)}
        self._traffic = _Traffic(scorer.reference, scorer.rows.numeric, pod_template_hash)
        self._registry.register(self._traffic)

    def request(self, code: int, seconds: float) -> None:
        """Count an inference request that was answered with this status, after so many seconds."""
        self._codes.get(str(code), self._other).inc()
        self._seconds.observe(seconds)

    def rows(self, features: Features, answer: Answer) -> None:
        """Count the rows of a request and what the model said of them."""
        self._traffic.count(features, one_a_row(answer.scores))
        if answer.labels is None:
            self._classes[""].inc(len(features))
            return
        for name, count in Counts(answer.labels.tolist()).items():
            self._classes[str(name)].inc(count)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Traffic(Collector):
    """Counts of features and scores in the training data's bins, as arrays: a counter's `inc` is slow for many cells."""

    def __init__(self, reference: Reference, numeric: tuple[str, ...], pod_template_hash: str) -> None:
        self._hash = pod_template_hash
        self._features = reference.features[:MOST_FEATURES]
        self._score = reference.score
        self._lock = threading.Lock()
        self._numeric = [at for at, bins in enumerate(self._features) if bins.edges]
        # Where these features are among the columns of numbers.
        self._columns = [numeric.index(self._features[at].name) for at in self._numeric]
        self._block = self._columns == list(range(len(numeric)))
        self._texts = [at for at, bins in enumerate(self._features) if bins.values]
        self._places = {at: {v: i for i, v in enumerate(self._features[at].values)} for at in self._texts}
        self._edges = _padded([self._features[at] for at in self._numeric])
        # The bins of all columns of numbers in one list, as many places for each as the widest needs; and their gaps.
        self._width = self._edges.shape[1] + 1
        self._starts = np.arange(len(self._numeric)) * self._width
        self._counts = np.zeros(len(self._numeric) * self._width, dtype=np.int64)
        self._gaps = np.zeros(len(self._numeric), dtype=np.int64)
        # Of the other columns: bins, and gaps.
        self._others = [at for at, bins in enumerate(self._features) if not bins.edges]
        self._text_counts = {at: [0] * len(self._features[at].labels) for at in self._others}
        self._text_gaps = dict.fromkeys(self._others, 0)
        self._score_counts = np.zeros(len(reference.score.labels), dtype=np.int64)

    def count(self, features: Features, scores: NDArray[np.float64]) -> None:
        """Add rows."""
        block = features.numbers if self._block else features.numbers[:, self._columns]
        known = ~np.isnan(block)
        if len(block) <= _FEW:
            # One comparison with all edges of all columns: far cheaper for some rows than a search a column.
            places = (block[:, :, None] > self._edges[None]).sum(axis=2)
        else:
            columns = [np.searchsorted(edges, block[:, at], side="left") for at, edges in enumerate(self._edges)]
            places = np.stack(columns, axis=1) if columns else np.zeros(block.shape, dtype=np.intp)
        found = np.bincount((places + self._starts)[known], minlength=len(self._counts))
        scored = np.bincount(np.searchsorted(self._score.edges, scores, side="left"), minlength=len(self._score_counts))
        with self._lock:
            self._counts += found
            self._gaps += len(block) - known.sum(axis=0)
            self._score_counts += scored
            for at in self._others:
                self._count_texts(at, features.texts[self._features[at].name].tolist())

    def _count_texts(self, at: int, cells: list[str | float]) -> None:
        places, counts = self._places.get(at), self._text_counts[at]
        for cell in cells:
            if not isinstance(cell, str) or cell == "":
                self._text_gaps[at] += 1
            elif places is not None:
                counts[places.get(cell, len(places))] += 1

    def _now(self) -> tuple[list[list[int]], list[int]]:
        """Return counts and gaps of all features, in their order."""
        counts, gaps = dict(self._text_counts), dict(self._text_gaps)
        by_column = self._counts.reshape(-1, self._width).tolist()
        for at, row, missing in zip(self._numeric, by_column, self._gaps.tolist(), strict=True):
            counts[at], gaps[at] = row[: len(self._features[at].labels)], missing
        return [list(counts[at]) for at in range(len(self._features))], [gaps[at] for at in range(len(self._features))]

    def collect(self) -> Iterator[Metric]:
        """Yield the counts as they are now, and the training rows' shares beside them."""
        with self._lock:
            counts, null = self._now()
            score_counts = self._score_counts.tolist()
        yield _binned(
            CounterMetricFamily("model_feature_bin", "Values of a feature by bin.", labels=("feature", "bin", HASH)),
            self._features,
            counts,
            self._hash,
        )
        yield _binned(
            GaugeMetricFamily(
                "model_feature_reference", "Share of the training rows by bin.", labels=("feature", "bin", HASH)
            ),
            self._features,
            [bins.shares for bins in self._features],
            self._hash,
        )
        missing = CounterMetricFamily("model_null", "Rows in which a feature was missing.", labels=("feature", HASH))
        lacked = GaugeMetricFamily(
            "model_null_reference", "Share of the training rows that lack a feature.", labels=("feature", HASH)
        )
        for bins, gone in zip(self._features, null, strict=True):
            missing.add_metric((bins.name, self._hash), gone)
            lacked.add_metric((bins.name, self._hash), bins.missing)
        yield missing
        yield lacked
        scored = CounterMetricFamily("model_score_bin", "Rows by the bin of their score.", labels=("bin", HASH))
        trained = GaugeMetricFamily(
            "model_score_reference", "Share of the training rows by the bin of their score.", labels=("bin", HASH)
        )
        for label, count, share in zip(self._score.labels, score_counts, self._score.shares, strict=True):
            scored.add_metric((label, self._hash), count)
            trained.add_metric((label, self._hash), share)
        yield scored
        yield trained

    def describe(self) -> Mapping[str, Metric] | list[Metric]:
        """Name nothing in advance: the registry would otherwise collect once to find out."""
        return []


def _padded(all_bins: list[Bins]) -> NDArray[np.float64]:
    """Return all edges as one array, filled up with infinity, which nothing is above."""
    widest = max((len(bins.edges) for bins in all_bins), default=0)
    edges = np.full((len(all_bins), widest), np.inf)
    for number, bins in enumerate(all_bins):
        edges[number, : len(bins.edges)] = bins.edges
    return edges


def _binned(
    family: CounterMetricFamily | GaugeMetricFamily,
    all_bins: tuple[Bins, ...],
    values: list[list[int]] | list[tuple[float, ...]],
    pod_template_hash: str,
) -> CounterMetricFamily | GaugeMetricFamily:
    for bins, numbers in zip(all_bins, values, strict=True):
        for label, number in zip(bins.labels, numbers, strict=True):
            family.add_metric((bins.name, label, pod_template_hash), number)
    return family

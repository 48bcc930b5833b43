"""Metrics as Prometheus' text format 0.0.4 has them. Pure: it knows names and numbers, no database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

#: What an answer over HTTP says of this text.
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One number with its labels; `suffix` is behind the metric's name, as `_sum` of a histogram."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()
    suffix: str = ""

    def line(self, name: str) -> str:
        """`name_suffix{label="value"} 42`."""
        labels = ",".join(f'{label}="{escaped(value)}"' for label, value in self.labels)
        return f"{name}{self.suffix}{f'{{{labels}}}' if labels else ''} {number(self.value)}"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name with the unit in it, what it counts, its samples."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    samples: Sequence[Sample]

    def lines(self) -> Iterator[str]:
        """HELP and TYPE once, then the samples."""
        told = self.help.replace("\\", r"\\").replace("\n", r"\n")
        yield f"# HELP {self.name} {told}"
        yield f"# TYPE {self.name} {self.kind}"
        for sample in self.samples:
            yield sample.line(self.name)


def text(metrics: Sequence[Metric]) -> str:
    """All of them; a metric without samples is left out."""
    return "".join(f"{line}\n" for metric in metrics if metric.samples for line in metric.lines())


def by(label: str, values: Mapping[str, float]) -> list[Sample]:
    """A sample for each value of one label."""
    return [Sample(value, ((label, name),)) for name, value in values.items()]


def histogram(labels: Labels, bounds: Sequence[int], counts: Sequence[int], total: float) -> list[Sample]:
    """A histogram's samples for one set of labels: `counts` of what stayed within each bound and none before, then of
    what exceeds all; each bucket holds those below it too.
    """
    told, below = tuple(labels.items()), accumulate(counts)
    ends = [*(str(bound) for bound in bounds), "+Inf"]
    buckets = [Sample(n, (*told, ("le", end)), "_bucket") for end, n in zip(ends, below, strict=True)]
    return [*buckets, Sample(total, told, "_sum"), Sample(sum(counts), told, "_count")]


def number(value: float) -> str:
    """A number without needless digits."""
    return str(int(value)) if value == int(value) else repr(float(value))


def escaped(value: str) -> str:
    """A label's value: backslash, quote and line feed written out."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

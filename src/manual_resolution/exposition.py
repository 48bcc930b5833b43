"""Metrics as Prometheus' text format 0.0.4 has them. Pure: it knows names and numbers, no database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

#: What an answer over HTTP says of this text.
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One number with its labels; `suffix` is behind the metric's name, as `_bucket` of a histogram."""

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


def histogram(label: str, name: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> Iterator[Sample]:
    """A histogram's samples for one label: `counts` by bucket, one more than bounds; `total` is the sum of all."""
    so_far = 0
    for bound, count in zip((*bounds, float("inf")), counts, strict=True):
        so_far += count
        yield Sample(so_far, ((label, name), ("le", number(bound))), "_bucket")
    yield Sample(total, ((label, name),), "_sum")
    yield Sample(so_far, ((label, name),), "_count")


def number(value: float) -> str:
    """A number without needless digits; `+Inf` for the last bucket."""
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(float(value))


def escaped(value: str) -> str:
    """A label's value: backslash, quote and line feed written out."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

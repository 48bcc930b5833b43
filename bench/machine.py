"""What the figures were taken on, and waiting until nothing else runs on it."""

import os
import platform
import statistics
import sys
from pathlib import Path
from time import monotonic, perf_counter, sleep

QUIET = 0.15
STAT = Path("/proc/stat")


def facts(folder: Path) -> dict[str, str]:
    """Cores, processor, memory, kernel, Python, and how long one durable write of 8 KiB takes."""
    return {
        "cores": str(os.cpu_count()),
        "cpu": processor(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "fdatasync of 8 KiB": f"{sync_time(folder) * 1e6:.0f} µs (median of 200)",
        "loop of 1 000 000 additions": f"{loop_time() * 1e3:.0f} ms (best of 5)",
    }


def processor() -> str:
    """The processor's name where the system tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def sync_time(folder: Path) -> float:
    """Seconds for one 8 KiB write and its fdatasync, over and over in one place, as a log does."""
    sync = getattr(os, "fdatasync", os.fsync)
    path = folder / "sync-test"
    block, took = b"\0" * 8192, []
    with path.open("wb") as file:
        for _ in range(200):
            begun = perf_counter()
            os.pwrite(file.fileno(), block, 0)
            sync(file.fileno())
            took.append(perf_counter() - begun)
    path.unlink()
    return statistics.median(took)


def loop_time() -> float:
    """Seconds of a plain Python loop: how fast one core is just now."""

    def one() -> float:
        begun, total = perf_counter(), 0
        for number in range(1_000_000):
            total += number
        return perf_counter() - begun

    return min(one() for _ in range(5))


def wait_for_quiet(limit: float) -> float:
    """Wait up to `limit` seconds until others use less than 15 % of the machine; the share last seen."""
    if not STAT.exists():
        return float("nan")
    until = monotonic() + limit
    while (busy := load(0.3)) > QUIET and monotonic() < until:
        sleep(0.2)
    return busy


def load(seconds: float) -> float:
    """The share of all processors in use over the next `seconds`, the time other guests took included."""
    before = ticks()
    sleep(seconds)
    spent = [now - then for now, then in zip(ticks(), before, strict=True)]
    idle = spent[3] + spent[4]
    return 1 - idle / max(1, sum(spent))


def ticks() -> list[int]:
    """user, nice, system, idle, iowait, irq, softirq, steal of all processors together."""
    return [int(field) for field in STAT.read_text().split("\n", 1)[0].split()[1:9]]

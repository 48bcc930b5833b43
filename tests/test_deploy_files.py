"""The files for cron, systemd and Kubernetes say what the documentation promises: UTC, no overlap, a clean end."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from manual_resolution.cli.app import app
from manual_resolution.settings import VARIABLES

FILES = Path(__file__).parents[1] / "docs/deploy/files"
UNITS = sorted(path.name for path in FILES.glob("mrq-*"))
COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
NAMES = {v.name for v in VARIABLES} | {f"{v.name}_FILE" for v in VARIABLES if v.secret}


def text(name: str) -> str:
    """One file without its comments."""
    return "\n".join(line for line in (FILES / name).read_text().splitlines() if not line.startswith("#")) + "\n"


def unit(name: str) -> dict[str, dict[str, str]]:
    """A systemd unit: section, key, the last value."""
    found: dict[str, dict[str, str]] = {}
    for line in filter(None, text(name).splitlines()):
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        else:
            key, sign, value = line.partition("=")
            assert sign and key.isalnum(), line
            section[key] = value
    return found


def started() -> Iterator[list[str]]:
    """The words after `mrq` of every line that starts one."""
    for name in UNITS:
        if command := unit(name).get("Service", {}).get("ExecStart"):
            yield shlex.split(command)[1:]
    for line in re.findall(r"^[0-9*]\S* \S+ \S+ \S+ \S+ .*$", text("mrq.cron"), re.MULTILINE):
        yield line.split()[7:]
    for command in re.findall(r"command: \[(.*)\]", text("kubernetes.yaml")):
        yield [word.strip('" ') for word in command.split(",")][1:]


def test_every_file_starts_a_command_there_is() -> None:
    """Each command line names a command, with options it has."""
    found = list(started())
    assert sorted(words[0] for words in found) == ["report"] * 3 + ["sweep"] * 3 + ["worker"] * 2
    for command, *options in found:
        assert command in COMMANDS
        known = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
        assert set(options) <= {option for one in known for option in one.opts}


def test_every_setting_in_them_is_read() -> None:
    """No file sets a variable that nothing reads."""
    for file in FILES.iterdir():
        assert set(re.findall(r"\b(MRQ_[A-Z_]+|DATABASE_URL\w*)\b", text(file.name))) <= NAMES, file.name


def test_systemd_runs_them_in_utc_and_lets_them_end() -> None:
    """The timers are in UTC and make up for downtime; the worker is restarted, and has time to end on SIGTERM."""
    timers = [unit(f"mrq-{name}.timer")["Timer"] for name in ("sweep", "report")]
    assert [timer["OnCalendar"] for timer in timers] == ["*:0/30 UTC", "*-*-* 09:00:00 UTC"]
    assert {timer["Persistent"] for timer in timers} == {"true"}
    report = unit("mrq-report.service")["Service"]
    assert (report["Restart"], report["RestartPreventExitStatus"]) == ("on-failure", "1 2 4")  # 3: not reached
    worker, sweep = unit("mrq-worker.service")["Service"], unit("mrq-sweep.service")["Service"]
    assert (worker["Restart"], worker["KillSignal"], int(worker["TimeoutStopSec"])) == ("always", "SIGTERM", 30)
    assert (sweep["Type"], sweep["TimeoutStartSec"]) == ("oneshot", "10min")


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units(name: str, tmp_path: Path) -> None:
    """systemd finds nothing to say of a unit but that its example's command is not there."""
    if not (systemd := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not installed")
    for other in UNITS:
        made = (FILES / other).read_text().replace("/srv/my-service/.venv/bin/mrq", "/bin/true")
        (tmp_path / other).write_text(made)
    ended = subprocess.run(
        [systemd, "verify", "--man=no", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert [line for line in ended.stderr.splitlines() if "mrq-" in line] == []


def test_cron_runs_in_utc() -> None:
    """The lines have the specification's times, a user, and no percent sign, which cron would take for a line's end."""
    cron = text("mrq.cron")
    assert cron.startswith("CRON_TZ=UTC\n") and "%" not in cron
    assert re.search(r"^\*/30 \* \* \* \*  app  /srv/\S+/mrq sweep$", cron, re.MULTILINE)
    assert re.search(r"^0 9 \* \* \*  app  /srv/\S+/mrq report --mail$", cron, re.MULTILINE)


def test_kubernetes_runs_in_utc_and_one_at_a_time() -> None:
    """The jobs' schedules are UTC, no run overlaps another, each has an end; the worker has time to end."""
    manifest = text("kubernetes.yaml")
    for line in (
        'schedule: "*/30 * * * *"', 'schedule: "0 9 * * *"', "startingDeadlineSeconds: 600",
        "activeDeadlineSeconds: 900", "activeDeadlineSeconds: 3600", "backoffLimit: 0", "backoffLimit: 4",
        "terminationGracePeriodSeconds: 30",
    ):  # fmt: skip
        assert len(re.findall(rf"^ +{re.escape(line)}$", manifest, re.MULTILINE)) == 1, line
    for line in ('timeZone: "Etc/UTC"', "concurrencyPolicy: Forbid", "restartPolicy: Never"):
        assert len(re.findall(rf"^ +{re.escape(line)}$", manifest, re.MULTILINE)) == 2, line
    assert "\t" not in manifest and all(len(name) <= 52 for name in re.findall(r"^  name: (\S+)$", manifest, re.M))


def test_kubernetes_own_reader_takes_the_manifests(tmp_path: Path) -> None:
    """kubectl reads the manifests as one Deployment and two CronJobs."""
    if not (kubectl := shutil.which("kubectl")):
        pytest.skip("kubectl is not installed")
    shutil.copy(FILES / "kubernetes.yaml", tmp_path)
    (tmp_path / "kustomization.yaml").write_text("resources: [kubernetes.yaml]\n")
    ended = subprocess.run([kubectl, "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert re.findall(r"^kind: (\w+)$", ended.stdout, re.MULTILINE) == ["Deployment", "CronJob", "CronJob"], (
        ended.stderr
    )

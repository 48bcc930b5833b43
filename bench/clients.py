"""Clients are processes: they start together, repeat one operation for a time, tell what each took."""

import asyncio
import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

#: An operation takes a client and the how-manieth time this is; False means that there is nothing left to do.
Operation = Callable[[Any, int], Any]
#: What a child process does: opens its client, tells that it is ready by calling its argument, answers.
Task = Callable[[Callable[[], None]], Any]
FORK = multiprocessing.get_context("fork")


class Client:
    """One contender's user in one process, with its connection open."""

    #: The loop of an asynchronous client: its operations are coroutines.
    loop: asyncio.AbstractEventLoop | None = None


@dataclass(frozen=True, slots=True)
class Timed:
    """What one run of one case came to: operations a second over all clients, latencies in seconds."""

    rate: float
    p50: float
    p99: float
    count: int


def repeat(
    open_client: Callable[[], Client], operation: Operation, clients: int, seconds: float, warm_up: int = 20
) -> Timed:
    """Repeat `operation` for `seconds` in each of `clients` processes."""

    def one(ready: Callable[[], None]) -> tuple[float, float, list[float]]:
        return _repeated(open_client(), operation, seconds, warm_up, ready)

    told = together([one] * clients)
    begun, ended = min(t[0] for t in told), max(t[1] for t in told)
    latencies = sorted(latency for t in told for latency in t[2])
    if not latencies:
        raise RuntimeError("nothing was there to do")
    return Timed(len(latencies) / (ended - begun), at(latencies, 0.5), at(latencies, 0.99), len(latencies))


def once(open_client: Callable[[], Client], operation: Callable[[Any], Any], amount: int) -> Timed:
    """One call of `operation` that handles `amount` items, in a process with an open connection."""

    def one(ready: Callable[[], None]) -> float:
        client = open_client()
        ready()
        begun = perf_counter()
        _waited(client, operation(client))
        return perf_counter() - begun

    (took,) = together([one])
    return Timed(amount / took, took, took, amount)


def _repeated(
    client: Client, operation: Operation, seconds: float, warm_up: int, ready: Callable[[], None]
) -> tuple[float, float, list[float]]:
    for number in range(warm_up):
        _waited(client, operation(client, number))
    ready()
    if client.loop:
        told: tuple[float, float, list[float]] = client.loop.run_until_complete(
            _loop_async(client, operation, seconds, warm_up)
        )
        return told
    return _loop(client, operation, seconds, warm_up)


def _loop(client: Client, operation: Operation, seconds: float, number: int) -> tuple[float, float, list[float]]:
    latencies: list[float] = []
    begun = now = perf_counter()
    while now - begun < seconds and operation(client, number) is not False:
        before, now = now, perf_counter()
        latencies.append(now - before)
        number += 1
    return begun, now, latencies


async def _loop_async(
    client: Client, operation: Operation, seconds: float, number: int
) -> tuple[float, float, list[float]]:
    latencies: list[float] = []
    begun = now = perf_counter()
    while now - begun < seconds and await operation(client, number) is not False:
        before, now = now, perf_counter()
        latencies.append(now - before)
        number += 1
    return begun, now, latencies


def _waited(client: Client, answer: Any) -> Any:
    return client.loop.run_until_complete(answer) if client.loop else answer


def together(tasks: Sequence[Task]) -> list[Any]:
    """Run each task in a process of its own; all go on together once all are ready. Their answers."""
    barrier = FORK.Barrier(len(tasks))
    pipes = []
    processes = []
    for number, task in enumerate(tasks):
        here, there = FORK.Pipe(duplex=False)
        processes.append(FORK.Process(target=_child, args=(task, number, barrier, there)))
        pipes.append(here)
        processes[-1].start()
        there.close()
    answers = []
    for pipe in pipes:
        try:
            answers.append(pipe.recv())
        except EOFError:
            answers.append(RuntimeError("a client ended without an answer"))
    for process in processes:
        process.join()
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


#: Which of the clients that run together this process is, from 0.
number_of_client = 0


def _child(task: Task, number: int, barrier: Any, pipe: Any) -> None:
    global number_of_client  # noqa: PLW0603  # one process, one client
    number_of_client = number
    try:
        pipe.send(task(lambda: barrier.wait(timeout=120)))
    except BaseException:  # noqa: BLE001  # told to the parent, which raises it
        barrier.abort()
        pipe.send(RuntimeError(traceback.format_exc()))


def at(ordered: Sequence[float], share: float) -> float:
    """The value at this share of an ordered list."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

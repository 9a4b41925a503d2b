"""A Dask cluster to work on: processes on this machine, or any other cluster by its scheduler's
address.

`sweep` and `mass_generation` do the work. Nothing started here listens on an address that other
machines can reach.
"""

import logging
import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from ..extras import require

# Environment variables that set the number of threads of numpy and TensorFlow.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

Name = TypeVar("Name", bound=Hashable)


@contextmanager
def dask_client(scheduler: str | None = None, workers: int | None = None) -> Iterator[Any]:
    """A `distributed.Client` of a cluster, for the duration of the context.

    Args:
        scheduler: address of a running scheduler (``'tcp://10.0.0.1:8786'``, ``'tls://...'``); its
            workers need the same version of this package, one thread each, and access to this
            machine's folders. None starts a cluster of processes on this machine, which ends with
            the context.
        workers: number of processes on this machine; None for one per core. They share the cores
            evenly, unless the environment sets the number of threads (`THREAD_VARIABLES`).

    Raises:
        MissingExtra: Dask is not installed.
        ValueError: both a scheduler and a number of workers are given, or a number below 1.
        ConnectionError: no scheduler answers at this address, or its cluster has no worker.
    """
    require("scale", "a Dask cluster")
    if scheduler is None:
        with _local_client(workers) as client:
            yield client
    else:
        with _remote_client(scheduler, workers) as client:
            yield client


@contextmanager
def _remote_client(scheduler: str, workers: int | None) -> Iterator[Any]:
    from distributed import Client

    if workers is not None:
        raise ValueError(
            f"workers {workers} and scheduler {scheduler}: expected one or the other; a running "
            f"cluster already has its workers"
        )
    try:
        client = Client(scheduler, timeout=20)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"scheduler {scheduler}: {error}: expected the address of a Dask scheduler, such as "
            f"tcp://127.0.0.1:8786"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=60)
        except TimeoutError as error:
            raise ConnectionError(
                f"scheduler {scheduler}: no worker within a minute: expected at least one"
            ) from error
        yield client


@contextmanager
def _local_client(workers: int | None) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    cores = os.cpu_count() or 1
    workers = cores if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers {workers}: expected 1 or more")
    threads = str(max(1, cores // workers))
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            env={name: os.environ.get(name, threads) for name in THREAD_VARIABLES},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def run_tasks(
    client: Any, function: Callable[..., object], tasks: Mapping[Name, tuple[Any, ...]]
) -> Iterator[tuple[Name, BaseException | None]]:
    """Calls a function once for each task, and yields (name, None or the exception) as the tasks
    end, in any order.

    A task whose worker is lost is repeated on another. A task that kills its worker repeatedly
    (Dask's ``distributed.scheduler.allowed-failures``) ends with the exception
    `distributed.KilledWorker`.

    Args:
        client: `distributed.Client`.
        function: a function that workers can import; its result is not used.
        tasks: name -> arguments.
    """
    from distributed import as_completed

    futures = {
        client.submit(function, *arguments, pure=False): name for name, arguments in tasks.items()
    }
    try:
        for future in as_completed(futures):
            yield futures[future], future.exception() if future.status != "cancelled" else None
    finally:
        client.cancel(list(futures), force=True)

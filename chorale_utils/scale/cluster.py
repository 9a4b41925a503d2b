"""A Dask cluster to work on: processes of this machine unless told otherwise, or any other by its
scheduler's address.

What the work is, is told in `sweep` and `generate_dataset`. Nothing that is started here listens on
an address that other machines can reach."""

import logging
import os
from contextlib import contextmanager

THREADS = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)  # variables that numpy and TensorFlow obey


@contextmanager
def dask_client(scheduler=None, workers=None):
    """A `distributed.Client` of a cluster, as long as the context lasts.

    Args:
        scheduler: str, the address of a scheduler that runs somewhere (``'tcp://10.0.0.1:8786'``, ``'tls://...'``); its
            workers need this package in the same version, one thread each, and the folders of this machine. None: a
            cluster of processes of this machine, which ends with the context.
        workers: int, number of processes of this machine; None for as many as it has cores. The cores are shared out
            among them, unless the environment says how many threads each is to have (`THREADS`).

    Raises:
        ValueError: both a scheduler and a number of workers, or a number below 1.
        ConnectionError: nobody answers at that address, or the cluster has no worker.
    """
    from distributed import Client, LocalCluster

    if scheduler is not None:
        if workers is not None:
            raise ValueError(
                f"workers {workers} and scheduler {scheduler}: expected one of them; a cluster that is there "
                f"has the workers that it has"
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
        return
    cores = os.cpu_count() or 1
    workers = cores if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers {workers}: expected 1 or more")
    of_each = {name: os.environ.get(name, str(max(1, cores // workers))) for name in THREADS}
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        env=of_each,
        silence_logs=logging.CRITICAL,
    ) as cluster:
        with Client(cluster) as client:
            yield client


def run_tasks(client, function, tasks):
    """Has `function` done for each of the tasks, and gives (name, None or the exception) as they
    end, in any order.

    A task whose worker is lost is done again on another; one that takes its worker down time and again (Dask's
    ``distributed.scheduler.allowed-failures``) ends in the exception `distributed.KilledWorker`.

    Args:
        client: `distributed.Client`.
        function: what a worker can import; what it returns is of no interest.
        tasks: dict of name to tuple of arguments.
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

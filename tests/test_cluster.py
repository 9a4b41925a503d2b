"""A Dask cluster of this machine, and addresses that make no sense."""

import os
from pathlib import Path

import pytest

from chorale_utils.scale.cluster import dask_client


@pytest.mark.slow
def test_cluster_of_this_machine_listens_on_no_outside_address(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = _listening()
    with dask_client(workers=1) as client:
        new = _listening() - before
        assert new and {address for address, _ in new} == {"0100007F"}, "127.0.0.1, little-endian"
        assert client.dashboard_link.startswith("http://127.0.0.1:")
        assert client.submit(os.getenv, "OMP_NUM_THREADS").result() == str(os.cpu_count()), (
            "all cores are its own"
        )
        assert client.submit(os.getenv, "TF_NUM_INTRAOP_THREADS").result() == "7", (
            "unless somebody has said otherwise"
        )


def _listening():
    """{(address, port)} of the sockets that listen on this machine, as the kernel writes them."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("only Linux tells in /proc what listens")
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    return {tuple(cells[1].split(":")) for cells in lines if cells[3] == "0A"}


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"workers": 2, "scheduler": "tcp://127.0.0.1:1"}]
)
def test_cluster_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"), dask_client(**wrong):
        pass

"""Lead and lag of many pairs of ticks: each as it is alone, and the progress of the work."""

from __future__ import annotations

import numpy as np
import pytest

from comove import _comove
from comove.ticks import lag_grid, lead_lag, lead_lag_matrix
from tick_oracles import SECOND, series


@pytest.mark.parametrize("progress", [False, True])
def test_a_matrix_is_its_pairs(progress):
    market = {name: series(30 + i, 500 + 100 * i) for i, name in enumerate(["A", "B", "C"])}
    lags = lag_grid("5s", step="1s")
    found = lead_lag_matrix(market, lags=lags, progress=progress, threads=2)
    assert list(found) == [("A", "B"), ("A", "C"), ("B", "A"), ("B", "C"), ("C", "A"), ("C", "B")]
    assert len(found) == 6
    contrasts = found.contrasts()
    assert contrasts.shape == (3, 3, 11)
    assert np.isnan(contrasts[0, 0]).all()
    for asset, leader in found:
        alone = lead_lag(*market[asset], *market[leader], lags=lags)
        pair = found[asset, leader]
        assert pair.contrasts.tobytes() == alone.contrasts.tobytes()
        assert pair.corr.tobytes() == alone.corr.tobytes()
        assert (pair.lag, pair.llr, pair.n_asset) == (alone.lag, alone.llr, alone.n_asset)
        place = "ABC".index(asset), "ABC".index(leader)
        assert found.leads_by[place] == alone.leads_by
        assert found.llr[place] == alone.llr
        assert contrasts[place].tobytes() == alone.contrasts.tobytes()
    frame = found.to_frame()
    assert frame.shape == (6, 6)
    assert frame["leads_by"].to_list() == [found[pair].leads_by for pair in found]


def test_the_bar_is_on_the_standard_error(capsys):
    lead_lag_matrix({"A": series(1, 50), "B": series(2, 50)}, lags=[0], progress=True)
    shown = capsys.readouterr()
    assert "lead-lag" in shown.err
    assert not shown.out


def test_a_matrix_of_some():
    market = {name: series(40 + i, 50) for i, name in enumerate(["A", "B", "C"])} | {"EMPTY": ([], [])}
    found = lead_lag_matrix(market, lags=[0], assets=["B", "EMPTY"], leaders=["A", "B"])
    assert list(found) == [("B", "A"), ("EMPTY", "A"), ("EMPTY", "B")]
    assert found["EMPTY", "A"].lag is None
    assert repr(found) == "LeadLagMatrix(2 assets, 2 leaders, 1 lags)"
    assert found.to_frame()["lag"].null_count() == 2


LAGS = np.array([-1000, -100, -10, -1, 0, 1, 10, 100, 1000]) * SECOND


def test_what_progress_raises_ends_the_work():
    def refuse(done, total):
        assert 0 <= done < total
        raise KeyboardInterrupt

    one, two = (_comove.Ticks("A", *series(seed, 100_000), log=True, threads=1) for seed in (60, 61))
    with pytest.raises(KeyboardInterrupt):
        _comove.hayashi_yoshida([(one, two)] * 200, LAGS, threads=2, progress=refuse)

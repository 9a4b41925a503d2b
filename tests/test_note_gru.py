"""The classic: its size and its options."""

import numpy as np

from chorale_utils import note_gru


def test_the_classic_has_238891_parameters():
    assert note_gru().count_params() == 238_891


def test_layer_normalisation_and_l2_are_options():
    assert note_gru(layer_norm=True).count_params() == 238_891 + 3 * 2 * 118
    penalised = note_gru(width=8, l2=0.01)
    penalised(np.zeros((1, 4), np.int32))
    assert len(penalised.losses) == 6 and float(sum(penalised.losses)) > 0

"""The layers of a model of chords: what they add up, and what they leave out in training."""

import numpy as np
import pytest

from chorale_utils.encoding import FIRST_NOTE_TOKEN, LOWEST_NOTE
from chorale_utils.models.backend import keras
from chorale_utils.models.layers import NoteEmbedding, WeightDropGRU


def test_embedding_of_a_chord_has_for_each_voice_its_own_vector_and_those_of_note_and_pitch_class():
    layer = NoteEmbedding(3)
    layer.build()
    own, any_voice, pitch_class = layer.get_weights()
    chords = np.array([[[50, 43, 38, 0], [1, 50, 50, 13]]])
    classes = [
        [
            [
                (LOWEST_NOTE + note - FIRST_NOTE_TOKEN) % 12 if note >= FIRST_NOTE_TOKEN else 12
                for note in chord
            ]
            for chord in chords[0]
        ]
    ]
    expected = own[np.arange(4), chords] + any_voice[chords] + pitch_class[classes]
    np.testing.assert_allclose(np.array(layer(chords)).reshape(1, 2, 4, 3), expected, rtol=1e-5)


def test_weight_drop_leaves_out_its_share_of_the_recurrent_weights_and_gives_them_back():
    gru = WeightDropGRU(64, 0.3, return_sequences=True)
    gru.build((None, None, 8))
    whole, used = gru.cell.recurrent_kernel, []
    gru.weight_drop.call = lambda weights, training: (
        used.append(keras.layers.Dropout.call(gru.weight_drop, weights, training=training))
        or used[-1]
    )
    gru(np.zeros((2, 3, 8), np.float32), training=True)
    gone = np.array(used[0]) == 0
    assert gone.mean() == pytest.approx(0.3, abs=0.02) and gru.cell.recurrent_kernel is whole
    np.testing.assert_allclose(np.array(used[0])[~gone], np.array(whole)[~gone] / 0.7, rtol=1e-5)

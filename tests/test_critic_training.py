"""The critic's training: what it is trained on, its rounds, and that it carries on."""

import os

from chorale_utils.form import Form
from chorale_utils.models.backend import keras
from chorale_utils.models.critic import Critic
from chorale_utils.writing import critic_training
from chorale_utils.writing.critic_training import Round


def test_a_critic_is_trained_in_rounds_on_imitations_in_bachs_forms(music21_corpus, tmp_path):
    pieces = [each for each in music21_corpus.train if len(each) < 130][:4]
    pieces = [each for each in pieces if critic_training.ends_under_a_fermata(each)]
    written = critic_training.imitations("phrase_gru", pieces, 2)
    lengths = sorted(map(len, pieces))
    assert [len(each) for each in written] == lengths * 2
    assert {Form.of(each).phrases for each in written} == {Form.of(each).phrases for each in pieces}
    assert written[0].pitches.tobytes() != written[len(pieces)].pitches.tobytes()

    rounds = (Round(1, 1, 0.1), Round(1, 2, 0.1))
    path = critic_training.train(tmp_path, rounds=rounds, pieces=3)
    first = keras.saving.load_model(tmp_path / "critic_1.keras", compile=False)
    last = keras.saving.load_model(path, compile=False)
    assert isinstance(last, Critic) and last.patterns > first.patterns > 1000

    path.unlink()
    before = os.stat(tmp_path / "critic_1.keras").st_mtime_ns
    again = critic_training.train(tmp_path, rounds=rounds, pieces=3)
    assert os.stat(tmp_path / "critic_1.keras").st_mtime_ns == before, "done already"
    found = keras.saving.load_model(again, compile=False).opinions(pieces)
    assert (found == last.opinions(pieces)).all()

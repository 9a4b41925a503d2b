"""The critic's training: what it is trained on, and that it leaves a critic that can be read."""

from chorale_utils.form import Form
from chorale_utils.models.backend import keras
from chorale_utils.models.critic import Critic
from chorale_utils.writing import critic_training


def test_a_critic_is_trained_on_imitations_in_bachs_forms(music21_corpus, tmp_path, monkeypatch):
    pieces = [each for each in music21_corpus.train if len(each) < 130][:4]
    pieces = [each for each in pieces if critic_training.ends_under_a_fermata(each)]
    written = critic_training.imitations(pieces, 2)
    lengths = sorted(map(len, pieces))
    assert [len(each) for each in written] == lengths * 2
    assert {Form.of(each).phrases for each in written} == {Form.of(each).phrases for each in pieces}
    assert written[0].pitches.tobytes() != written[len(pieces)].pitches.tobytes()

    path = critic_training.ship(tmp_path / "c.keras", 1, epochs=1, pieces=3, width=8, embedding=4)
    assert isinstance(keras.saving.load_model(path, compile=False), Critic)

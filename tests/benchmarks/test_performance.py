"""How fast, beside the obvious way of doing it. Run with ``pytest tests/benchmarks``; nothing here can fail for slowness.

The obvious way is that of the tutorials: one tf.data element for each note, one one-hot vector at a time; the whole
piece read again by ``model.predict`` for each new note.
"""

import subprocess
import sys
import time

import numpy as np
import pytest

from chorale_utils import encode, generate, load_corpus, load_model, note_windows, to_one_hot, transpose_tokens
from chorale_utils.backend import tf
from chorale_utils.datasets import batches_per_epoch
from chorale_utils.encoding import PRIMING, TRANSPOSITIONS


def notes_in(pieces):
    return sum(4 * len(piece) + 4 for piece in pieces)


def seconds_of(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def median_of_three(call):
    return float(np.median([seconds_of(call) for _ in range(3)]))


@pytest.fixture(scope="module")
def model():
    return load_model("note_gru")


def test_an_epoch_of_transposed_batches(music21_corpus, median_seconds, table):
    pieces = music21_corpus.train
    few = pieces[::10]

    def one_element_a_note():
        random = np.random.default_rng(0)

        def notes():
            for piece in few:
                shift = int(random.choice(TRANSPOSITIONS))
                for token in encode(piece.pitches):
                    yield to_one_hot(transpose_tokens([token], shift))[0]
        elements = tf.data.Dataset.from_generator(notes, output_signature=tf.TensorSpec((59,), tf.float32))
        for _ in elements.batch(256).batch(16):
            pass

    epoch = note_windows(pieces).take(batches_per_epoch(pieces))

    def windows():
        for _ in epoch:
            pass
    reference = median_of_three(one_element_a_note) / notes_in(few)
    table["an epoch of batches, freshly transposed"] = (reference, median_seconds(windows) / notes_in(pieces), "a note")


def test_writing_one_piece(model, median_seconds, table):
    def read_again(steps=4):
        random, row = np.random.default_rng(0), [0] * PRIMING
        for _ in range(4 * steps):
            probs = model.predict(np.array([row]), verbose=0)[0, -1, 1:].astype(float)
            row.append(1 + random.choice(58, p=probs / probs.sum()))
    read_again()
    reference = median_of_three(read_again) / 16
    ours = median_seconds(lambda: generate(model, steps=200, seed=0)) / 800
    table["`note_gru` writes one piece of 800 notes (reference: its first 16)"] = (reference, ours, "a note")


def test_writing_many_pieces(model, median_seconds, table):
    ours = median_seconds(lambda: generate(model, count=256, steps=64, seed=0)) / (256 * 64 * 4)
    table["`note_gru` writes 256 pieces at once"] = (None, ours, "a note")


def test_loading_the_corpus_from_the_cache(music21_corpus, median_seconds, table):
    table['`load_corpus("music21")` from the cache'] = (None, median_seconds(lambda: load_corpus(progress=False)), "")


def test_importing_the_package(median_seconds, table):
    def run(code):
        subprocess.run([sys.executable, "-c", code], check=True)
    bare = median_of_three(lambda: run("pass"))
    whole = median_seconds(lambda: run("import chorale_utils"))
    table["Python starts and imports `chorale_utils` (reference: Python starts)"] = (bare, whole, "")

"""How fast, beside the obvious way of doing it. Run with ``pytest tests/benchmarks``; nothing here
can fail for slowness.

The obvious way is that of the tutorials: one tf.data element for each note, one one-hot vector at a
time; the whole piece read again by ``model.predict`` for each new note."""

import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest

from chorale_utils import (
    PRETRAINED,
    Form,
    chord_batches_per_epoch,
    chord_crops,
    chord_gru,
    compose,
    copied,
    encode,
    fit,
    fit_chords,
    generate,
    grade,
    harmonize,
    load_corpus,
    load_model,
    negative_log_likelihood,
    note_gru,
    note_windows,
    to_one_hot,
    transpose_tokens,
)
from chorale_utils.encoding import PRIMING, TRANSPOSITIONS
from chorale_utils.models.backend import keras, tf
from chorale_utils.models.datasets import batches_per_epoch
from chorale_utils.models.model_card import AVERAGED_OVER


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


@pytest.fixture(scope="module")
def strong():
    return load_model("chord_gru")


@pytest.fixture(scope="module")
def reference_batches(music21_corpus):
    """Seconds a note: one tf.data element for each note."""
    few = music21_corpus.train[::10]

    def one_element_a_note():
        random = np.random.default_rng(0)

        def notes():
            for piece in few:
                shift = int(random.choice(TRANSPOSITIONS))
                for token in encode(piece.pitches):
                    yield to_one_hot(transpose_tokens([token], shift))[0]

        elements = tf.data.Dataset.from_generator(
            notes, output_signature=tf.TensorSpec((59,), tf.float32)
        )
        for _ in elements.batch(256).batch(16):
            pass

    return median_of_three(one_element_a_note) / notes_in(few)


def test_an_epoch_of_note_windows(music21_corpus, reference_batches, median_seconds, table):
    pieces = music21_corpus.train
    epoch = note_windows(pieces).take(batches_per_epoch(pieces))
    table["an epoch of batches for `note_gru`, freshly transposed"] = (
        reference_batches,
        median_seconds(lambda: list(epoch)) / notes_in(pieces),
        "a note",
    )


def test_an_epoch_of_chord_crops(music21_corpus, reference_batches, median_seconds, table):
    pieces = music21_corpus.train
    epoch = chord_crops(pieces).take(chord_batches_per_epoch(pieces))
    table["an epoch of batches for `chord_gru`, freshly transposed"] = (
        reference_batches,
        median_seconds(lambda: list(epoch)) / notes_in(pieces),
        "a note",
    )


def test_training_to_060_on_the_validation_pieces(jsb_corpus, tmp_path, table):
    """note_gru would take half an hour: two of its epochs are timed here, and its history says how
    many it takes."""
    pieces, valid = jsb_corpus.train, jsb_corpus.valid
    first = pd.read_csv(PRETRAINED / "note_gru_first.csv", index_col="epoch")
    epochs = first.index[first["val_nats"] <= 0.60][0]
    timed = fit(note_gru(), pieces, valid, 3, tmp_path / "note_gru", tensorboard=False, verbose=0)
    reference = epochs * timed["seconds"].iloc[1:].mean()  # the first one compiles

    class Reached(Exception):
        """The figure is there."""

    class StopThere(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if logs["val_nats"] <= 0.60:
                raise Reached

    def train(seed, folder):
        keras.utils.set_random_seed(seed)
        with pytest.raises(Reached):
            fit_chords(
                chord_gru(),
                pieces,
                valid,
                10,
                folder,
                seed=seed,
                tensorboard=False,
                verbose=0,
                callbacks=[StopThere()],
            )

    seconds = [seconds_of(partial(train, seed, tmp_path / str(seed))) for seed in range(3)]
    table[
        "`chord_gru` trained to 0.60 nats on the exact edition's validation pieces (reference: "
        f"`note_gru`, {epochs} epochs by its history, timed by two)"
    ] = (reference, float(np.median(seconds)), "")


@pytest.mark.parametrize("partition", ["valid", "test"])
def test_nats_per_note(partition, model, strong, jsb_corpus, table):
    pieces = getattr(jsb_corpus, partition)
    for label, transpositions in {
        "one pass": (0,),
        f"mean over {len(AVERAGED_OVER)} transpositions": AVERAGED_OVER,
    }.items():
        table[
            f"{partition} pieces of the exact edition, {label} (reference: `note_gru`, likewise)"
        ] = (
            negative_log_likelihood(model, pieces, transpositions=transpositions),
            negative_log_likelihood(strong, pieces, transpositions=transpositions),
            "nats a note",
        )


def test_size_of_the_weights(table):
    table["the weights of `chord_gru` (reference: those of `note_gru`)"] = (
        *(
            (PRETRAINED / f"{name}.keras").stat().st_size / 1e6
            for name in ("note_gru", "chord_gru")
        ),
        "MB",
    )


@pytest.fixture(scope="module")
def reference_writing(model):
    """Seconds a note: the whole piece read again for each of the first 16 notes."""

    def read_again(steps=4):
        random, row = np.random.default_rng(0), [0] * PRIMING
        for _ in range(4 * steps):
            probs = model.predict(np.array([row]), verbose=0)[0, -1, 1:].astype(float)
            row.append(1 + random.choice(58, p=probs / probs.sum()))

    read_again()
    return median_of_three(read_again) / 16


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
def test_writing_one_piece(name, model, strong, reference_writing, median_seconds, table):
    writer = strong if name == "chord_gru" else model
    ours = median_seconds(lambda: generate(writer, steps=200, seed=0)) / 800
    table[f"`{name}` writes one piece of 800 notes (reference: `note_gru`'s first 16)"] = (
        reference_writing,
        ours,
        "a note",
    )


@pytest.mark.parametrize(
    "name, count, steps",
    [
        ("note_gru", 256, 64),
        ("chord_gru", 256, 64),
        ("chord_gru", 256, 200),
        ("chord_gru", 64, 640),
    ],
)
def test_writing_many_pieces(
    name, count, steps, model, strong, reference_writing, median_seconds, table
):
    writer = strong if name == "chord_gru" else model
    ours = median_seconds(lambda: generate(writer, count=count, steps=steps, seed=0)) / (
        count * steps * 4
    )
    table[f"`{name}` writes {count} pieces of {4 * steps} notes at once"] = (
        reference_writing,
        ours,
        "a note",
    )


def test_harmonising_a_melody(strong, music21_corpus, median_seconds, table):
    long = next(piece for piece in music21_corpus.test if len(piece) >= 256).pitches[:256, 0]
    assert len(long) == 256
    table["`chord_gru` harmonises a melody of 64 quarters, 16 candidates"] = (
        None,
        median_seconds(lambda: harmonize(strong, long, particles=16, seed=0)),
        "",
    )


def test_writing_a_piece_of_fixed_length_that_really_ends(strong, median_seconds, table):
    one = median_of_three(lambda: generate(strong, steps=128, seed=0))
    many = median_seconds(lambda: generate(strong, steps=128, particles=64, seed=0))
    table[
        "`chord_gru` writes 32 quarters that end in a cadence, 64 candidates (reference: 64 times "
        "the cost of one)"
    ] = (64 * one, many, "")


def test_composing_a_piece_with_the_critic(median_seconds, table):
    form = Form((32, 32, 32, 32), (4, 4, 4, 8), "G major", "4/4")
    table["`compose` writes 32 quarters: `phrase_gru`, 64 candidates, critic"] = (
        None,
        median_seconds(lambda: compose(form, seed=0, particles=64)),
        "",
    )


def test_from_nothing_to_the_first_note(median_seconds, table):
    def run(code):
        subprocess.run([sys.executable, "-c", code], check=True)

    bare = median_of_three(lambda: run("import tensorflow"))
    whole = median_seconds(
        lambda: run(
            "from chorale_utils import generate, load_model\n"
            "generate(load_model('chord_gru'), steps=1, seed=0)"
        )
    )
    table[
        "Python starts, loads `chord_gru` and writes a chord (reference: Python imports TensorFlow)"
    ] = (bare, whole, "")


def test_grading_pieces(music21_corpus, median_seconds, table):
    pieces = music21_corpus.train
    table["a piece graded, by all measures"] = (
        None,
        median_seconds(lambda: grade(pieces)) / len(pieces),
        "a piece",
    )


def test_looking_for_copies(music21_corpus, median_seconds, table):
    pieces = music21_corpus.test
    table["a piece's passages looked for in all training pieces, in any transposition"] = (
        None,
        median_seconds(lambda: copied(pieces, music21_corpus.train)) / len(pieces),
        "a piece",
    )


def test_loading_the_corpus_from_the_cache(music21_corpus, median_seconds, table):
    table['`load_corpus("music21")` from the cache'] = (
        None,
        median_seconds(lambda: load_corpus(progress=False)),
        "",
    )


def test_importing_the_package(median_seconds, table):
    def run(code):
        subprocess.run([sys.executable, "-c", code], check=True)

    bare = median_of_three(lambda: run("pass"))
    whole = median_seconds(lambda: run("import chorale_utils"))
    table["Python starts and imports `chorale_utils` (reference: Python starts)"] = (
        bare,
        whole,
        "",
    )

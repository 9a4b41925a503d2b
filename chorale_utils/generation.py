"""Generation: a model writes chorales, note by note, in the order soprano, alto, tenor, bass.

Each note is drawn from the probabilities that the model gives to it, knowing all notes before. The model's
state is carried from note to note, so that nothing is read twice: a piece twice as long takes twice as long to write
(with chord_gru a little longer, since its attention looks back over all the piece), and many pieces are written side
by side in one compiled loop.

Chance comes from numpy, a stream of its own for each piece: the same seed gives the same piece, however many
others are written beside it.

Notebook: 05_generation
"""

import sys
import weakref

import numpy as np
from tqdm import tqdm

from .backend import compiled, keras
from .chorale import Chorale, VOICES
from .encoding import (END_TOKEN, FIRST_NOTE_TOKEN, SILENCE_TOKEN, VOCABULARY, checked_transpositions, decode,
                       notes_to_tokens, transpose_tokens)

FREE = -1          # in `given`: the model writes this note
COLDEST = 1e-4     # temperature at which only the likeliest note is left
LONGEST = 640      # steps after which a piece that finds no end is cut: the longest in the corpus
_CHUNK = 32        # steps written between two looks at whether all pieces have ended

_COMPILED = weakref.WeakKeyDictionary()  # model -> compiled function that writes a chunk of steps


def generate(model, count=1, steps=None, temperature=1.0, seed=None, given=None, transpositions=(0,), progress=False):
    """New chorales (list of Chorale, named generated-0000 and so on), written by a model.

    Args:
        model: a `ChoraleModel`.
        count: number of pieces; they are written side by side.
        steps: length in sixteenths; the model may not end before. None: until the model writes the end, or
            640 steps.
        temperature: the logits are divided by it: below 1 is more cautious, above 1 more daring; at least 0.0001.
        seed: int; the same seed gives the same pieces. None draws one.
        given: int array (given steps, 4): a MIDI number or 0 (silence) where the note is fixed, -1 where the
            model writes. Where it is fixed throughout, it is a beginning that the model goes on from (up to
            `steps`, or to the end); otherwise its length is that of the piece. A fixed note is kept exactly;
            the notes before it are written without knowing of it.
        transpositions: whole numbers of semitones; notes are drawn from the mean of what the model says when it
            hears the piece in each of these transpositions (see `note_probs`), at as many times the cost. Notes
            that leave 31..87 in one of them are never drawn.
        progress: whether to show a progress bar.

    Raises:
        ValueError: a count or length that is not positive, a temperature too low or infinite, no transpositions, or a
            `given` of the wrong shape, longer than `steps`, or with a note outside 31..87, be it only in one of the
            transpositions.

    Notebook: 05_generation
    """
    if count < 1:
        raise ValueError(f"count {count}: expected 1 or more")
    if not COLDEST <= temperature < float("inf"):
        raise ValueError(f"temperature {temperature}: expected a number from {COLDEST} up, such as 0.8 (cautious) or 1")
    shifts = tuple(checked_transpositions(transpositions))
    if not _in_transpositions(shifts)[1][:, FIRST_NOTE_TOKEN:].all(axis=0).any():
        raise ValueError(f"transpositions {list(shifts)}: no note stays within 31..87 in all of them; expected a few "
                         f"semitones up or down, such as range(-2, 3)")
    wishes, may_end = _wishes(given, steps, shifts)                          # (longest, 4) tokens, FREE
    streams = [np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(count)]
    write = _writer(model, shifts)
    carried = (model.begin(count * len(shifts), len(wishes)), np.full(count, END_TOKEN, np.int32), np.zeros(count, bool))
    written, ended = [], np.zeros(count, bool)
    bar = tqdm(total=len(wishes), unit="step", file=sys.stdout, disable=not progress)
    for start in range(0, len(wishes), _CHUNK):
        asked = wishes[start:start + _CHUNK]
        chunk = np.full((_CHUNK, len(VOICES)), FREE, np.int32)
        chunk[:len(asked)] = asked
        chances = np.stack([stream.random((_CHUNK, len(VOICES)), np.float32) for stream in streams], axis=-1)
        carried, tokens = write(carried, chunk, chances, np.float32(temperature), np.bool_(may_end))
        written.append(keras.ops.convert_to_numpy(tokens)[:len(asked)])       # (chunk, 4, B)
        ended = keras.ops.convert_to_numpy(carried[2])
        bar.update(len(asked))
        if ended.all():
            break
    bar.close()
    pieces = np.concatenate(written).transpose(2, 0, 1)                       # (B, steps, 4)
    return [Chorale(decode(piece.ravel()), name=f"generated-{number:04d}") for number, piece in enumerate(pieces)]


def _wishes(given, steps, shifts):
    """(int array (longest, 4) of tokens with -1 where the model writes, whether the model may end)."""
    if steps is not None and steps < 1:
        raise ValueError(f"steps {steps}: expected 1 or more, or None to let the model end")
    if given is None:
        fixed, whole = np.zeros((0, len(VOICES)), np.int32), True
    else:
        given = np.asarray(given)
        if given.ndim != 2 or given.shape[1] != len(VOICES) or not np.issubdtype(given.dtype, np.integer):
            raise ValueError(f"given of shape {given.shape} and type {given.dtype}: expected whole numbers "
                             f"(steps, 4), the columns being {', '.join(VOICES)}")
        free = given == FREE
        fixed = np.where(free, FREE, notes_to_tokens(given).astype(np.int32))
        for shift in shifts:
            transpose_tokens(np.where(free, SILENCE_TOKEN, fixed), shift)    # a note that cannot be heard is refused
        whole = not free.any()
    length = (steps or LONGEST) if whole else (steps or len(fixed))
    if len(fixed) > length:
        raise ValueError(f"given has {len(fixed)} steps: expected no more than the length of the piece, {length}")
    wishes = np.full((length, len(VOICES)), FREE, np.int32)
    wishes[:len(fixed)] = fixed
    return wishes, steps is None and whole


def _writer(model, shifts):
    """The compiled function that writes `_CHUNK` steps of all pieces, heard in each of the transpositions `shifts` (a
    tuple); made once for each model and such tuple."""
    functions = _COMPILED.setdefault(model, {})
    if shifts not in functions:
        weak = weakref.ref(model)  # the compiled function must not keep its own key alive
        functions[shifts] = compiled(lambda *chunk: _write_chunk(weak(), shifts, *chunk))
    return functions[shifts]


def _write_chunk(model, shifts, carried, asked, chances, temperature, may_end):
    """Writes a chunk of steps: ((state, previous, ended), tokens (steps, 4, B)).

    `asked` (steps, 4) holds tokens or FREE, `chances` (steps, 4, B) uniform numbers of 0..1. The state has a row for
    each piece in each of the K transpositions. A piece that has ended goes on in silence of its own: its
    tokens are the end.
    """
    ops = keras.ops
    heard_as, stays = _in_transpositions(shifts)                              # (K, 59)
    is_end = np.arange(VOCABULARY) == END_TOKEN
    forbidden = ops.where(may_end, ~stays.all(axis=0), is_end | ~stays.all(axis=0))

    def write_step(step, carried, tokens):
        state, previous, ended = carried
        chord = []
        for voice in range(len(VOICES)):
            heard = ops.reshape(ops.take(heard_as.T, previous, axis=0), (-1,))           # (B * K,)
            logits, state = model.next_note(state, voice, heard)
            logits = ops.where(forbidden, -1e9, _mean_over_transpositions(logits, heard_as))
            logits = (logits - ops.max(logits, axis=-1, keepdims=True)) / temperature
            drawn = _draw(ops.softmax(logits), chances[step, voice])
            note = ops.where(asked[step, voice] == FREE, drawn, asked[step, voice])
            ended = ops.logical_or(ended, note == END_TOKEN)
            previous = ops.where(ended, END_TOKEN, note)
            chord.append(previous)
        tokens = ops.slice_update(tokens, (step, 0, 0), ops.stack(chord)[None])
        return step + 1, (state, previous, ended), tokens

    _, carried, tokens = ops.while_loop(lambda step, *_: step < _CHUNK, write_step,
                                        (0, carried, ops.zeros_like(chances, "int32")))
    return carried, tokens


def _in_transpositions(shifts):
    """(int32 array (K, 59), how each token is heard in each transposition; bool array (K, 59), whether it can be: a
    note that would leave the vocabulary is heard as silence)."""
    tokens, shifts = np.arange(VOCABULARY), np.array(shifts)[:, None]
    is_note = tokens >= FIRST_NOTE_TOKEN
    stays = ~is_note | ((tokens + shifts >= FIRST_NOTE_TOKEN) & (tokens + shifts < VOCABULARY))
    return np.where(stays, tokens + shifts * is_note, SILENCE_TOKEN).astype(np.int32), stays


def _mean_over_transpositions(logits, heard_as):
    """Logits (B, 59) of the mean of the probabilities that the logits (B * K, 59) give to each token, as it is heard
    in each transposition, `heard_as` (K, 59)."""
    ops = keras.ops
    if len(heard_as) == 1:
        return ops.take(logits, heard_as[0], axis=-1)
    logits = ops.reshape(ops.log_softmax(logits), (-1, *heard_as.shape))                 # (B, K, 59)
    return ops.logsumexp(ops.stack([ops.take(logits[:, number], tokens, axis=-1)
                                    for number, tokens in enumerate(heard_as)], axis=1), axis=1)


def _draw(probs, chance):
    """The token (B,) at which the running sum of `probs` (B, 59) passes `chance` (B,), uniform in 0..1."""
    ops = keras.ops
    running = ops.cumsum(probs, axis=-1)
    passed = ops.sum(ops.cast(running <= (chance * running[:, -1])[:, None], "int32"), axis=-1)
    return ops.minimum(passed, VOCABULARY - 1)

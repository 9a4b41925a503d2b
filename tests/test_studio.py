"""The studio's engine: what a session keeps, what it lets the model change, what it says again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from chorale_utils import Chorale, Selection, Session
from chorale_utils.chorale import steps_per_bar
from chorale_utils.encoding import VOCABULARY
from chorale_utils.notation.page import UNSPELLED, Bar, Notation, Syllable, Tempo
from chorale_utils.studio.drawing import closer_look, piece, score, variants
from chorale_utils.studio.moments import Choices, Settings
from chorale_utils.studio.pieces import LONGEST
from chorale_utils.studio.process import struck_on

TUNE = [67, 69, 71, 72, 71, 69, 67, 66]
EVERYTHING = Selection(0, LONGEST)


def typed(notes=TUNE, length=4):
    """A session in which a soprano was entered note by note."""
    session = Session()
    for number, note in enumerate(notes):
        session.put(0, number * length, length, note)
    return session


def four_voices(steps=64):
    """A session with a piece of four voices that move."""
    random = np.random.default_rng(7)
    lowest = np.array([65, 58, 53, 43])
    pitches = np.repeat(lowest + random.integers(0, 8, (steps // 4, 4)), 4, axis=0)
    return Session(Chorale(pitches, key="C major", time_signature="4/4"))


def answer(request, seed=0):
    """What a model might answer: fixed notes as given, others as chance will have them."""
    random = np.random.default_rng(seed)
    return answer_of(request, random.integers(50, 70, request.given.shape))


def answer_of(request, notes):
    """An answer of some notes where they are free, struck in every quarter."""
    pitches = np.where(request.free, notes, request.given)
    struck = (pitches > 0) & (np.arange(len(pitches)) % 4 == 0)[:, None]
    moves = np.diff(pitches, axis=0, prepend=0) != 0
    struck = np.where(request.free, struck | (moves & (pitches > 0)), request.onsets)
    form = request.form
    about = (form.key, form.time_signature, form.pickup)
    return Chorale(pitches, "x", None, None, *about, struck, form.under_fermata())


def same(one, other):
    return one.chorale == other.chorale and np.array_equal(one.locks, other.locks)


# Entering


def test_typed_notes_stand_where_they_were_typed():
    notes = typed().chorale.notes(0)
    assert notes.tolist() == [[4 * number, 4, note] for number, note in enumerate(TUNE)]


def test_a_repeated_note_is_struck_again():
    assert typed([67, 67]).chorale.notes(0).tolist() == [[0, 4, 67], [4, 4, 67]]


def test_a_note_written_over_a_longer_one_leaves_silence_behind_it():
    session = typed([67], length=8)
    session.put(0, 2, 2, 72)
    assert session.chorale.notes(0).tolist() == [[0, 2, 67], [2, 2, 72]]


def test_the_piece_grows_by_whole_bars():
    session = typed()
    session.put(1, 70, 4, 60)
    assert len(session.chorale) == 80
    assert [bar.steps for bar in session.bars] == [16] * 5


@pytest.mark.parametrize(
    "told",
    [(4, 0, 4, 60), (0, -1, 4, 60), (0, 0, 0, 60), (0, 0, 4, 128), (0, LONGEST, 1, 60)],
)
def test_a_note_that_cannot_be_is_refused_and_changes_nothing(told):
    session = typed()
    before = session.moment
    with pytest.raises(ValueError, match="expected"):
        session.put(*told)
    assert session.moment is before


def test_backspace_takes_the_last_note_and_says_where_it_began():
    session = typed()
    assert session.erase(0, 32) == 28
    assert len(session.chorale.notes(0)) == len(TUNE) - 1


def test_backspace_at_the_end_takes_empty_bars_away_down_to_one():
    session = Session()
    assert len(session.chorale) == 64
    step = 64
    for _ in range(16):
        step = session.erase(0, step)
    assert (step, len(session.chorale)) == (0, 16)


def test_moving_what_is_selected_moves_whole_notes_and_nothing_else():
    session = four_voices()
    before = session.chorale
    session.move(Selection(18, 19, (2,)), -2)
    changed = session.chorale.pitches != before.pitches
    assert changed[16:20, 2].all() and changed.sum() == 4


def test_the_last_note_before_the_caret_is_found():
    session = typed()
    assert session.last_note(0, 9) == Selection(8, 12, (0,))
    for voice, step in ((1, 9), (0, 0), (4, 9)):
        with pytest.raises(ValueError, match="no note"):
            session.last_note(voice, step)


def test_words_sit_under_notes_and_know_their_place_in_the_word():
    session = typed()
    for step, text in [(0, "Lo-"), (4, "be"), (8, "den"), (12, "Her-"), (16, "ren")]:
        session.say(step, text)
    told = [(each.step, each.text, each.syllabic) for each in session.words]
    assert told == [
        (0, "Lo", "begin"),
        (4, "be", "end"),
        (8, "den", "single"),
        (12, "Her", "begin"),
        (16, "ren", "end"),
    ]
    with pytest.raises(ValueError, match="beginning of a note"):
        session.say(2, "x")


def test_words_go_with_their_note():
    session = typed()
    session.say(4, "be")
    session.put(0, 4, 4, 0)
    assert session.words == ()
    session.undo()
    assert [each.text for each in session.words] == ["be"]


def test_bars_of_a_page_stay_and_the_spelling_of_new_notes_is_open_again():
    steps = 20
    page = Notation(
        (Bar(0, 4, "4/4", offset=12, number=0), Bar(4, 16, "4/4")),
        spelling=np.zeros((steps, 4), np.int8),
    )
    pitches = np.tile([72, 67, 64, 48], (steps, 1))
    session = Session(Chorale(pitches, time_signature="4/4", pickup=4, notation=page))
    session.put(0, 4, 4, 73)
    assert session.bars == page.bars
    assert (session.chorale.notation.spelling[4:8, 0] == -128).all()
    assert (session.chorale.notation.spelling[8:, 1:] == 0).all()


# Locks


@given(seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_locked_notes_never_change_whatever_is_done(seed):
    random = np.random.default_rng(seed)
    session = four_voices()
    start = int(random.integers(0, 60))
    voice = int(random.integers(0, 4))
    session.lock(Selection(start, start + int(random.integers(1, 8)), (voice,)))
    locked = session.locks.copy()
    kept = session.chorale.pitches[locked].copy()
    struck = session.chorale.struck[locked].copy()
    for _ in range(8):
        begin = int(random.integers(0, 60))
        area = Selection(begin, begin + int(random.integers(1, 30)), (int(random.integers(0, 4)),))
        try:
            match random.integers(0, 6):
                case 0:
                    session.put(area.voices[0], begin, 4, 60)
                case 1:
                    session.move(area, 1)
                case 2:
                    session.clear(area)
                case 3:
                    session.erase(area.voices[0], begin)
                case 4:
                    request = session.ask("rewrite", area)
                    session.accept(request, answer(request, seed))
                case 5:
                    request = session.ask("harmonise")
                    session.accept(request, answer(request, seed))
        except ValueError:
            pass  # refused, which is as good
        now = session.locks[: len(locked)] & locked[: len(session.locks)]
        assert now.sum() == locked.sum()
        assert np.array_equal(session.chorale.pitches[: len(locked)][locked], kept)
        assert np.array_equal(session.chorale.struck[: len(locked)][locked], struck)


def test_a_lock_holds_the_whole_note():
    session = four_voices()
    session.lock(Selection(17, 18, (3,)))
    assert session.locks[16:20, 3].all() and session.locks.sum() == 4
    session.lock(Selection(19, 20, (3,)), False)
    assert not session.locks.any()


def test_what_is_locked_can_be_unlocked_and_then_changed():
    session = typed()
    session.lock(Selection(0, 4, (0,)))
    with pytest.raises(ValueError, match="unlock"):
        session.put(0, 0, 4, 60)
    session.lock(Selection(0, 4, (0,)), False)
    session.put(0, 0, 4, 60)
    assert session.chorale.pitches[0, 0] == 60


# Undoing


@given(seed=st.integers(0, 30))
@settings(max_examples=20, deadline=None)
def test_undo_and_redo_lead_through_the_same_moments(seed):
    random = np.random.default_rng(seed)
    session = four_voices()
    moments = [session.moment]

    def done():
        if session.moment is not moments[-1]:  # what changes nothing is no step
            moments.append(session.moment)

    for number in range(6):
        area = Selection(4 * number, 4 * number + 8, (int(random.integers(1, 4)),))
        match random.integers(0, 7):
            case 0:
                session.put(0, 4 * number, 4, 70)
            case 1:
                session.lock(area)
            case 2:
                session.hold(area)
            case 3:
                session.describe(title=f"number {number}")
            case 4:
                request = session.ask("continue", bars=1)
                session.accept(request, answer(request, seed))
            case 5:
                session.new("3/4", 4, "g minor")
                done()
                session.put(0, 4, 4, 70)
            case _:
                session.set(movement=str(random.choice(["", "calm", "lively"])))
        done()
    for moment in reversed(moments[:-1]):
        session.undo()
        assert session.moment is moment
    with pytest.raises(ValueError, match="nothing to undo"):
        session.undo()
    for moment in moments[1:]:
        session.redo()
        assert session.moment is moment


def test_a_new_edit_forgets_what_was_undone():
    session = typed()
    session.undo()
    session.put(0, 40, 4, 60)
    with pytest.raises(ValueError, match="nothing to redo"):
        session.redo()


def test_settings_are_undone_and_redone_in_their_turn():
    session = typed([67])
    session.set(temperature=0.5)
    session.set(movement="calm", parallels=True)
    session.put(0, 4, 4, 69)
    session.set(form="piece", bars=8, several=True, keep_seed=True)
    done = ["form of a new chorale and number of new bars and three variants or one and keeping"]
    done = [f"{done[0]} the seed", "a note", "movement and allowing parallels", "temperature"]
    seen = [(session.settings, session.choices)]
    for what in done:
        assert session.moment.what == what
        session.undo()
        seen.append((session.settings, session.choices))
    assert seen[1][1] == seen[-1][1] == Choices()
    assert [settings.temperature for settings, _ in seen] == [0.5, 0.5, 0.5, 0.5, 1.0]
    assert [settings.movement for settings, _ in seen] == ["calm", "calm", "calm", "", ""]
    assert same(session, typed([67]))
    for before in reversed(seen[:-1]):
        session.redo()
        assert (session.settings, session.choices) == before


def test_several_changes_of_one_number_are_one_step_and_there_and_back_is_none():
    session = typed([67])
    for value in (0.9, 0.8, 0.7):
        session.set(temperature=value)
    session.set(parallels=True)
    session.set(temperature=0.6)
    for wanted in (0.7, 0.7, 1.0):
        session.undo()
        assert session.settings.temperature == wanted
    assert same(session, typed([67])) and len(session.past) == 1
    session.set(seed=5)
    session.set(seed=6)
    session.undo()
    assert session.seed == 1
    session.redo()
    assert session.seed == 6
    session.set(seed=1)
    assert session.seed == 1 and len(session.past) == 1
    session.set(movement="calm")
    session.set(movement="lively")
    session.undo()
    assert session.settings.movement == "calm"


def test_the_seed_drawn_for_an_answer_is_not_drawn_again_after_undoing_it():
    session = typed()
    request = session.ask("harmonise")
    session.accept(request, answer(request))
    session.seed += 1
    session.undo()
    assert session.ask("harmonise").seed == 2


def test_a_setting_changed_after_undoing_does_not_take_away_what_can_be_redone():
    session = typed()
    request = session.ask("harmonise")
    session.accept(request, answer(request))
    session.set(temperature=0.5)
    session.set(movement="calm")
    written = session.chorale
    for _ in range(3):
        session.undo()
    session.set(movement="lively", ranges=False)
    session.redo()
    assert session.chorale == written and session.settings.movement == "lively"
    session.redo()
    assert (session.settings.temperature, session.settings.movement) == (0.5, "lively")
    session.redo()
    assert session.settings == Settings(temperature=0.5, movement="calm", ranges=False)


NOTHING = {
    "lock": lambda one: one.lock(Selection(0, 8, (0,))),
    "unlock": lambda one: one.lock(Selection(0, 8, (1,)), False),
    "describe": lambda one: one.describe("A hymn", "C major", "4/4", 0),
    "put": lambda one: one.put(0, 8, 4, 71),
    "put a rest": lambda one: one.put(1, 8, 4, 0),
    "say": lambda one: one.say(0, "Lo-"),
    "say nothing": lambda one: one.say(4, ""),
    "move": lambda one: one.move(Selection(0, 8, (1,)), 1),
    "clear": lambda one: one.clear(Selection(0, 8, (2,))),
    "set": lambda one: one.set(temperature=1, bars=4, seed=1),
    "erase": lambda one: one.erase(1, 0),
    "open": lambda one: one.open(one.chorale),
    "decline": lambda one: one.decline(),
}


@pytest.mark.parametrize("command", NOTHING)
def test_a_command_that_changes_nothing_is_no_step_and_keeps_what_can_be_redone(command):
    session = typed()
    session.describe(title="A hymn")
    session.say(0, "Lo-")
    if command != "open":  # which begins without locks
        session.lock(Selection(0, 8, (0,)))
    session.hold(Selection(0, 4))
    session.undo()
    moment, past = session.moment, list(session.past)
    NOTHING[command](session)
    assert session.moment is moment and session.past == past and len(session.future) == 1


# Asking


def test_harmonising_frees_all_but_the_tune_and_ends_with_it():
    session = typed()
    request = session.ask("harmonise")
    assert len(request.given) == 4 * len(TUNE)
    assert request.given[::4, 0].tolist() == TUNE
    assert request.free[:, 1:].all() and not request.free[:, 0].any()


def test_where_the_tune_rests_all_rest():
    session = typed([67, 0, 69])
    request = session.ask("harmonise")
    assert (request.given[4:8] == 0).all() and request.free[8:12, 1:].all()


def test_a_tune_that_can_ends_over_the_tonic_unless_its_end_is_locked():
    session = typed([67, 69, 71, 72])
    assert np.flatnonzero(session.ask("harmonise").pitch_classes[-1, 3]).tolist() == [0]
    session.put(3, 12, 4, 53)
    session.lock(Selection(12, 16, (3,)))
    assert session.ask("harmonise").pitch_classes is None
    assert typed([67, 69, 71, 69]).ask("harmonise").pitch_classes is None


def test_the_other_voices_sing_the_syllables_of_the_tune():
    session = typed([67, 67, 69, 69])
    for step in (0, 8):
        session.say(step, "Lo")
    request = session.ask("harmonise")
    assert np.flatnonzero(request.syllables).tolist() == [0, 8]
    allowed = struck_on(request.syllables, request.given)
    goes_on = allowed[..., VOCABULARY:].any(axis=-1)
    assert not goes_on[[0, 8], 1:].any() and goes_on[:, 0].all() and goes_on[[4, 12]].all()
    assert typed([67, 67]).ask("harmonise").syllables is None, "no words, no syllables"


def test_a_bass_alone_is_harmonised_from_below():
    session = Session()
    session.put(3, 0, 16, 48)
    assert session.ask("harmonise").free[0].tolist() == [True, True, True, False]


def test_the_tune_keeps_its_repeated_notes_when_it_is_harmonised():
    session = typed([67, 67, 69, 69])
    request = session.ask("harmonise")
    session.accept(request, answer(request))
    assert session.chorale.notes(0).tolist() == [[0, 4, 67], [4, 4, 67], [8, 4, 69], [12, 4, 69]]


def test_rewriting_changes_what_is_selected_alone():
    session = four_voices()
    before = session.chorale.pitches.copy()
    area = Selection(16, 48, (1, 2))
    request = session.ask("rewrite", area)
    session.accept(request, answer(request))
    changed = session.chorale.pitches != before
    assert changed.any() and not changed[~area.mask(64)].any()


def test_an_answer_that_changes_fixed_notes_is_refused():
    session = four_voices()
    request = session.ask("rewrite", Selection(0, 4))
    written = answer(request)
    with pytest.raises(ValueError, match="fixed"):
        session.accept(request, replace(written, pitches=written.pitches + 1))


def test_an_answer_fits_unless_what_was_given_has_changed():
    session = four_voices()
    request = session.ask("rewrite", Selection(0, 16, (1,)))
    session.describe(title="meanwhile")
    session.put(1, 4, 4, 60)
    assert session.fits(request), "a title, and a note that is written again in any case"
    session.lock(Selection(4, 8, (1,)))
    assert not session.fits(request), "a lock within it"
    session.undo()
    session.put(0, 4, 4, 72)
    assert not session.fits(request), "a note that was given"
    going_on = session.ask("continue", bars=1)
    assert session.fits(going_on)
    session.put(0, 64, 4, 72)
    assert not session.fits(going_on), "a note where the model writes silence is given"
    assert session.fits(session.ask("write", bars=2))


def test_continuing_keeps_what_is_there_and_fills_the_last_bar():
    session = typed(TUNE[:3])
    request = session.ask("continue", bars=2)
    assert len(request.given) == 16 + 32
    assert not request.free[:12, 0].any() and request.free[12:].all()


def test_a_chorale_that_is_written_has_the_asked_metre_key_and_length():
    session = Session()
    session.new("3/4", 4, "g minor")
    request = session.ask("write", bars=8)
    assert request.given.shape == (4 + 8 * 12, 4)
    assert request.form.key == "g minor" and request.form.phrases == (48, 52)
    session.accept(request, answer(request))
    assert (session.chorale.time_signature, session.chorale.pickup) == ("3/4", 4)
    assert session.chorale.key == "g minor"


def test_what_is_written_has_phrases_fermatas_and_struck_notes():
    session = Session()
    session.new("4/4", 4, "C major")
    request = session.ask("write", bars=4)
    session.accept(request, answer(request))
    chorale = session.chorale
    assert np.flatnonzero(chorale.fermatas).tolist() == [*range(28, 32), *range(60, 68)]
    assert np.array_equal(chorale.struck, answer(request).struck)


def test_a_piece_goes_on_in_phrases_and_keeps_its_fermatas():
    session = typed()  # two bars
    session.hold(Selection(28, 32))
    request = session.ask("continue", bars=4)
    assert request.form.phrases == (32, 32, 32) and request.form.fermatas == (4, 8, 8)
    session.accept(request, answer(request))
    held = np.flatnonzero(session.chorale.fermatas)
    assert held.tolist() == [*range(28, 32), *range(56, 64), *range(88, 96)]
    assert session.chorale.notes(0)[:8].tolist() == typed().chorale.notes(0).tolist()


def test_a_phrase_that_is_open_goes_on_before_another_begins():
    request = typed(TUNE[:3]).ask("continue", bars=3)
    assert request.form.phrases == (32, 32), "the first from where the piece begins"
    assert request.form.fermatas == (8, 8)


@pytest.mark.parametrize("metre", ["2/4", "3/4", "6/8", "3/2", "12/8"])
@pytest.mark.parametrize("pickup", [0, 2, 4])
@pytest.mark.parametrize("bars", [1, 3, 8])
def test_the_form_of_new_bars_is_as_long_as_they_are(metre, pickup, bars):
    session = Session()
    session.new(metre, pickup)
    form = session.ask("write", bars=bars).form
    assert len(form) == pickup + bars * steps_per_bar(metre)
    assert all(0 < held <= length for held, length in zip(form.fermatas, form.phrases))


def test_a_chorale_is_written_in_the_form_of_the_piece():
    session = hymn()
    session.hold(Selection(20, 22))
    form = session.ask("write", bars=None).form
    assert (form.phrases, form.key, form.time_signature) == ((22, 22), "G major", "4/4")
    with pytest.raises(ValueError, match="no form yet"):
        Session().ask("write", bars=None)


def test_what_is_rewritten_need_not_repeat_an_earlier_phrase():
    pitches = np.repeat([[67, 62, 59, 43]], 64, axis=0)
    fermatas = np.arange(64) % 32 >= 28
    session = Session(Chorale(pitches, key="a minor", time_signature="4/4", fermatas=fermatas))
    form = session.ask("rewrite", Selection(32, 48)).form
    assert form.phrases == (32, 32) and form.repeats is None
    assert form.key == "G major", "which is heard at its end"
    assert session.ask("rewrite", Selection(32, 64)).form.key == "a minor", "which it states"


def test_what_is_left_of_a_note_begins_anew_and_other_notes_go_on():
    session = four_voices()
    session.put(1, 8, 16, 60)
    request = session.ask("rewrite", Selection(0, 16, (1,)))
    assert request.onsets[16, 1] and not request.onsets[17:24, 1].any()
    assert np.array_equal(request.onsets[:, 0], session.chorale.struck[:, 0])
    session.accept(request, answer(request))
    assert [16, 8, 60] in session.chorale.notes(1).tolist()


def test_locking_the_tune_does_not_change_how_it_ends():
    session = typed([67, 69, 71, 72])
    session.lock(Selection(0, 16, (0,)))
    assert session.ask("harmonise").pitch_classes is not None


@pytest.mark.parametrize(
    "work, message",
    [("harmonise", "no tune"), ("rewrite", "nothing is selected"), ("continue", "go on from")],
)
def test_what_cannot_be_asked_says_why(work, message):
    with pytest.raises(ValueError, match=message):
        Session().ask(work)


def test_variants_are_laid_out_and_one_is_taken():
    session = typed()
    requests = [session.ask("harmonise", seed=seed) for seed in (5, 6, 7)]
    session.offer([(request, answer(request, request.seed)) for request in requests])
    wanted = session.variants[1].chorale
    session.take(1)
    assert session.chorale == wanted and session.moment.request.seed == 6
    assert not session.variants
    session.undo()
    assert len(session.variants) == 3 and same(session, typed())
    session.decline()
    assert not session.variants and same(session, typed())
    session.undo()
    session.put(0, 0, 4, 60)
    assert not session.variants


def test_settings_are_checked():
    session = Session()
    session.set(temperature=1.2, seed=9)
    assert (session.settings.temperature, session.seed) == (1.2, 9)
    for wrong in ({"temperature": 9}, {"particles": 33}, {"movement": "wild"}, {"loud": True}):
        with pytest.raises(ValueError, match="expected"):
            session.set(**wrong)
    assert session.settings == Settings(temperature=1.2)


# Keeping


def test_a_session_comes_back_from_its_json():
    session = typed()
    session.say(0, "Lo-")
    session.lock(Selection(0, 8, (0,)))
    request = session.ask("harmonise")
    session.accept(request, answer(request))
    session.hold(Selection(28, 32))
    session.undo()
    session.set(temperature=0.5, seed=3, several=True)
    session.offer([(session.ask("harmonise"), session.chorale)])
    again = Session.from_json(session.to_json())

    def check():
        assert same(again, session) and again.words == session.words
        now = [(one.settings, one.choices, one.seed, one.moment.what) for one in (again, session)]
        assert now[0] == now[1] and len(again.variants) == len(session.variants)

    check()
    assert again.variants[0].chorale == session.chorale
    assert [len(again.past), len(again.future)] == [len(session.past), len(session.future)]
    for turn in [*(["undo"] * len(session.past)), *(["redo"] * 3)]:
        for one in (session, again):
            getattr(one, turn)()
        check()


def test_work_of_an_earlier_release_is_taken_up():
    session = typed()
    request = session.ask("harmonise")
    session.accept(request, answer(request))
    kept = json.loads(session.to_json())
    kept["format"], kept["settings"] = 2, vars(Settings(temperature=0.5))
    del kept["moment"]["request"]["form"]
    for moment in (kept["moment"], *kept["past"]):
        for name in ("settings", "choices", "seeds", "variants"):
            del moment[name]
    again = Session.from_json(json.dumps(kept))
    assert same(again, session) and again.moment.request is None
    again.undo()
    assert same(again, typed()) and again.settings.temperature == 0.5


def test_of_a_very_long_past_the_latest_moments_are_kept(monkeypatch):
    session = typed()
    monkeypatch.setattr("chorale_utils.studio.session.MOST_KEPT", 1500)
    again = Session.from_json(session.to_json())
    assert 0 < len(again.past) < len(session.past)
    again.undo()
    session.undo()
    assert same(again, session)


@pytest.mark.parametrize("torn", ["", "{}", '{"format": 1}', "[1]", '{"format": 2, "moment": {}}'])
def test_a_torn_session_is_refused(torn):
    with pytest.raises(ValueError):
        Session.from_json(torn)


# What a page says beyond the notes


def hymn():
    """Two bars of 4/4 and one of 3/4, repeated, with words and with spelling."""
    pitches = np.repeat([[67, 62, 59, 43], [66, 62, 57, 50]], 22, axis=0)
    page = Notation(
        bars=(
            Bar(0, 16, "4/4"),
            Bar(16, 16, "4/4", number=2),
            Bar(32, 12, "3/4", number=3, repeat_end=2),
        ),
        words=(Syllable(0, 0, 1, "Lo", "begin"), Syllable(22, 0, 1, "bet", "end")),
        spelling=np.repeat([[1, 2, 5, 1], [6, 2, 3, 2]], 22, axis=0),
        composer="Somebody",
    )
    return Session(Chorale(pitches, key="G major", time_signature="4/4", notation=page))


def test_what_is_written_again_loses_its_spelling_and_nothing_else_does():
    session = hymn()
    request = session.ask("rewrite", Selection(16, 32, (1, 2)))
    session.accept(request, answer(request))
    page, before = session.chorale.notation, hymn().chorale.notation
    assert (page.spelling[16:32, 1:3] == UNSPELLED).all()
    kept = ~request.free
    assert np.array_equal(page.spelling[kept], before.spelling[kept])
    assert (page.bars, page.words, page.composer) == (before.bars, before.words, before.composer)


def test_new_bars_have_the_metre_of_the_last_one():
    session = hymn()
    request = session.ask("continue", bars=2)
    session.accept(request, answer(request))
    assert [bar.time_signature for bar in session.bars] == ["4/4", "4/4", "3/4", "3/4", "3/4"]
    assert session.bars[2].repeat_end == 2 and len(session.chorale) == 44 + 24
    session.put(0, 68, 4, 60)
    assert len(session.chorale) == 80


def test_harmonising_keeps_the_words_of_the_tune_alone():
    session = hymn()
    session.say(0, "Ah", voice=2)
    request = session.ask("harmonise")
    session.accept(request, answer(request))
    assert {(word.voice, word.text) for word in session.words} == {(0, "Lo"), (0, "bet")}


def test_another_metre_gives_up_the_bars_of_the_page():
    session = hymn()
    session.describe(time_signature="3/4")
    assert {bar.time_signature for bar in session.bars} == {"3/4"}
    assert [word.text for word in session.words] == ["Lo", "bet"]


@pytest.mark.parametrize("verse", [0, 10, 10**9])
def test_there_are_nine_verses(verse):
    with pytest.raises(ValueError, match="verse"):
        typed().say(0, "Lo", verse=verse)


# What the page is told


def test_the_page_hears_the_chords_of_four_voices():
    pitches = np.repeat([[72, 67, 64, 48], [71, 67, 62, 43], [72, 67, 64, 48]], 8, axis=0)
    told = closer_look(Chorale(pitches, key="C major", time_signature="4/4"))
    assert [chord["numeral"] for chord in told["harmony"]] == ["I", "V", "I"]
    assert closer_look(typed().chorale)["harmony"] == [], "a tune alone has no chords"


def test_the_page_hears_what_is_wrong_and_with_which_notes():
    pitches = np.repeat([[67, 60, 52, 48], [69, 62, 53, 50]], 8, axis=0)
    told = closer_look(Chorale(pitches, key="C major", time_signature="4/4"))["faults"]
    octaves = next(one for one in told if one["fault"] == "parallel octaves")
    assert octaves["voices"] == [1, 3] and (8, 3) in octaves["notes"]
    assert octaves["what"].endswith(".")
    json.dumps(told)


def test_the_page_hears_in_which_order_bars_are_sung():
    assert piece(hymn())["order"] == [[0, 44], [0, 44]]
    bars = (
        Bar(0, 16, "4/4"),
        Bar(16, 16, "4/4", number=2, endings=(1,), repeat_end=2),
        Bar(32, 16, "4/4", number=3, endings=(2,)),
    )
    page = Notation(bars, tempos=(Tempo(0, 96.0),))
    session = Session(Chorale(np.full((48, 4), 60), time_signature="4/4", notation=page))
    told = piece(session)
    assert (told["order"], told["tempo"]) == ([[0, 32], [0, 16], [32, 48]], 96.0)


def test_repeats_that_lead_nowhere_are_told_and_the_piece_is_sung_as_written():
    page = Notation((Bar(0, 16, "4/4"), Bar(16, 16, "4/4", number=2, marks=("dal segno",))))
    told = piece(Session(Chorale(np.full((32, 4), 60), time_signature="4/4", notation=page)))
    assert told["order"] == [[0, 32]] and "segno" in told["astray"]


def test_each_bar_of_the_page_is_drawn_as_one():
    session = hymn()
    assert score(session.chorale, 700)["svg"].count('class="measure"') == len(session.bars)


def test_the_page_hears_what_json_can_say():
    session = four_voices()
    session.lock(Selection(0, 8, (3,)))
    told = json.loads(json.dumps({**piece(session), **score(session.chorale, 700)}))
    assert told["steps"] == 64 and len(told["bars"]) == 4
    assert told["voices"][3][0][3] and not told["voices"][0][0][3]
    assert len(told["notes"]) == sum(len(voice) for voice in told["voices"])
    assert told["svg"].startswith("<svg") and "script" not in told["svg"]


def test_an_empty_piece_can_be_drawn():
    assert score(Session().chorale, 500)["notes"] == {}


def test_what_a_visitor_writes_is_drawn_as_text():
    session = typed([67])
    session.describe(title="<script>alert(1)</script>")
    session.say(0, '"><img src=x onerror=alert(1)>')
    svg = score(session.chorale, 700)["svg"]
    assert "<script" not in svg and "<img" not in svg


def test_variants_say_where_they_differ():
    session = four_voices()
    requests = [session.ask("rewrite", Selection(0, 4, (1,)), seed=seed) for seed in (1, 2, 3)]
    answers = [answer_of(request, 60 + request.seed) for request in requests]
    session.offer(list(zip(requests, answers)))
    assert [told["differs"] for told in variants(session, 400)] == [[(1, 0)]] * 3

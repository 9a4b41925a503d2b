"""Four-part chorales in the manner of J. S. Bach: the corpus, models, writing, judging, scores and
sound.

Every public name can be imported from here; this list says which sub-package each belongs to.
`help(name)` explains a name.

chorale   Chorale, Pieces, VOICE_RANGES, VOICES
encoding  decode, encode, from_one_hot, notes_to_tokens, PRIMING, score_to_tokens,
          to_one_hot, tokens_to_notes, tokens_to_score, transpose_probs, transpose_tokens,
          TRANSPOSITIONS, VOCABULARY
form      Form, heard_key
notation  Bar, expand_repeats, find_key, find_metre, from_melody, from_score,
          KeySignature, load_chorale, load_chorales, load_melody, Notation, read_midi,
          save_chorales, show_score, Syllable, Tempo, to_score, write_midi, write_score
sound     play, show, step_times, synthesize, write_sound
corpus    copied, Corpus, draw_form, load_corpus, pairwise_containment,
          passage_containment, read_errata, read_manifest, unsplit_chorales,
          unsplit_report
judging   compute_measures, describe_measures, discriminability, Discriminability,
          DISTRIBUTIONS, distributions, divergence, ends_on_tonic, explain_grade,
          format_report_card, grade, phrasing, report_card, shuffled
harmony   analyse, CADENCES, chord_marks, chord_symbols, figured_bass, main_key,
          melody_phrase_ends, nonchord_tones, phrase_ends, suspicious_places,
          to_romantext, write_romantext
part_writing
          fault_colours, faults, mark_faults, RULE_SETS, RULES
models    batches_per_epoch, calibration, ChoraleModel, chord_batches_per_epoch, chord_crops,
          chord_gru, ChordGRU, Critic, critic_log_odds, end_negative_log_likelihood, fit,
          fit_chords, fit_critic, fit_phrases, load_critic, load_model, Mixture,
          negative_log_likelihood, note_gru, note_log_probs, note_probs, note_windows, NoteGRU,
          phrase_crops, phrase_gru, PhraseGRU, power_schedule, PRETRAINED, save_model,
          score_negative_log_likelihood, score_notes, train_member, VOICE_PAIRS, weights_hash,
          whole_chords, whole_pieces, whole_scores, without_struck_notes
writing   compose, generate, harmonize, make_gallery, notes_per_second, realize
story     cached, describe, illustrate, note_name, plot_attention, plot_breakdown,
          plot_calibration, plot_grades, plot_grid, plot_history, plot_learning_curves,
          plot_piano_roll, plot_surprise, plot_sweep, plot_voice_motion,
          plot_voice_ranges, read_card, record_metrics, surprise_colours,
          trained_model, VOICE_COLOURS
teaching  check
studio    Selection, Session, Studio
scale     (run_sweep and generate_dataset, behind `chorale sweep` and `chorale generate`)

Names are looked up when they are first used, so that this import is fast, and TensorFlow and
music21 are loaded only when needed.
"""

import difflib
import sys
from typing import Any

import lazy_loader

from . import deprecation

__version__ = "0.2.0"
_public, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
sys.meta_path.append(deprecation.MovedModules())


def __getattr__(name: str) -> Any:
    if name in deprecation.RENAMED:
        return deprecation.public_name(name)
    if name in __all__:
        return _public(name)
    near = difflib.get_close_matches(name, __all__, n=1)
    hint = f": did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    # help() would print the docstring of every name; it asks through the module inspect.
    if sys._getframe(1).f_globals.get("__name__") == "inspect":
        return list(globals())
    return sorted({*globals(), *__all__})

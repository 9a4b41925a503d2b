"""Chorales in the manner of J. S. Bach: data, models, sampling, scores and sound.

Every public name can be imported from here. Names are looked up when they are first used, so that
``import chorale_utils`` is fast and TensorFlow or music21 are loaded only by what needs them.
"""

from importlib import import_module

_MODULE_OF = {
    name: module
    for module, names in {
        "chorale": ["Chorale", "Pieces", "VOICES", "VOICE_RANGES"],
        "files": ["record_metrics"],
        "keeping": ["save_chorales", "load_chorales", "kept"],
        "midi": ["write_midi", "read_midi"],
        "metre": ["find_metre"],
        "score": ["to_score", "write_score", "show_score", "find_key"],
        "audio": ["synthesize", "write_wav", "step_times"],
        "player": ["play", "show"],
        "passages": ["share_found", "shares_found", "copied"],
        "reading": ["from_score", "from_melody"],
        "corpus": ["Corpus", "load_corpus", "load_chorale", "load_melody", "read_manifest"],
        "encoding": ["VOCABULARY", "TRANSPOSITIONS", "PRIMING", "encode", "decode", "notes_to_tokens", "tokens_to_notes",
                     "to_one_hot", "from_one_hot", "transpose_tokens", "transpose_probs"],
        "datasets": ["note_windows", "batches_per_epoch", "chord_crops", "chord_batches_per_epoch", "whole_pieces",
                     "whole_chords"],
        "counterpoint": ["RULES", "faults"],
        "style": ["DISTRIBUTIONS", "distributions", "divergence"],
        "grading": ["measures", "measure", "grade", "explain_grade", "report_card", "with_intervals", "shuffled"],
        "models": ["ChoraleModel", "NoteGRU", "note_gru", "ChordGRU", "chord_gru", "VOICE_PAIRS", "load_model",
                   "save_model", "weights_hash", "PRETRAINED"],
        "training": ["fit", "fit_chords", "power_schedule"],
        "evaluation": ["note_probs", "note_log_probs", "negative_log_likelihood", "end_negative_log_likelihood",
                       "score_notes", "calibration"],
        "generation": ["generate", "harmonize", "notes_per_second"],
        "plots": ["VOICE_COLOURS", "note_name", "plot_piano_roll", "plot_surprise", "fault_colours", "surprise_colours",
                  "plot_voice_ranges", "plot_history", "plot_race", "plot_sweep", "plot_breakdown", "plot_calibration", "plot_attention",
                  "plot_motion", "plot_grades"],
        "gallery": ["make_gallery"],
    }.items()
    for name in names
}
__all__ = sorted(_MODULE_OF)
__version__ = "0.1.0"


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'chorale_utils' has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__():
    return sorted([*globals(), *_MODULE_OF])

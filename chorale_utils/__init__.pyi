"""Every public name of the package, and the module that it comes from.

Editors, type checkers and the lazy loader read this file. A new public name is added here, and to
the list in `__init__.py`.
"""

from . import (
    corpus as corpus,
    harmony as harmony,
    judging as judging,
    models as models,
    notation as notation,
    part_writing as part_writing,
    scale as scale,
    sound as sound,
    story as story,
    studio as studio,
    teaching as teaching,
    writing as writing,
)
from .chorale import (
    VOICE_RANGES as VOICE_RANGES,
    VOICES as VOICES,
    Chorale as Chorale,
    Pieces as Pieces,
)
from .corpus.editions import (
    Corpus as Corpus,
    load_corpus as load_corpus,
    read_manifest as read_manifest,
)
from .corpus.errata import (
    read_errata as read_errata,
)
from .corpus.forms import (
    draw_form as draw_form,
)
from .corpus.passages import (
    copied as copied,
    pairwise_containment as pairwise_containment,
    passage_containment as passage_containment,
)
from .corpus.unsplit import (
    unsplit_chorales as unsplit_chorales,
    unsplit_report as unsplit_report,
)
from .encoding import (
    PRIMING as PRIMING,
    TRANSPOSITIONS as TRANSPOSITIONS,
    VOCABULARY as VOCABULARY,
    decode as decode,
    encode as encode,
    from_one_hot as from_one_hot,
    notes_to_tokens as notes_to_tokens,
    score_to_tokens as score_to_tokens,
    to_one_hot as to_one_hot,
    tokens_to_notes as tokens_to_notes,
    tokens_to_score as tokens_to_score,
    transpose_probs as transpose_probs,
    transpose_tokens as transpose_tokens,
)
from .form import (
    Form as Form,
    heard_key as heard_key,
)
from .harmony.analysis import (
    CADENCES as CADENCES,
    analyse as analyse,
    main_key as main_key,
)
from .harmony.figures import (
    chord_symbols as chord_symbols,
    figured_bass as figured_bass,
)
from .harmony.marks import (
    chord_marks as chord_marks,
)
from .harmony.nonchord import (
    nonchord_tones as nonchord_tones,
)
from .harmony.melody_phrases import (
    melody_phrase_ends as melody_phrase_ends,
)
from .harmony.phrases import (
    phrase_ends as phrase_ends,
)
from .harmony.romantext import (
    to_romantext as to_romantext,
    write_romantext as write_romantext,
)
from .harmony.suspects import (
    suspicious_places as suspicious_places,
)
from .judging.discriminability import (
    Discriminability as Discriminability,
    discriminability as discriminability,
)
from .judging.grading import (
    compute_measures as compute_measures,
    describe_measures as describe_measures,
    explain_grade as explain_grade,
    format_report_card as format_report_card,
    grade as grade,
    report_card as report_card,
    shuffled as shuffled,
)
from .judging.phrasing import (
    ends_on_tonic as ends_on_tonic,
    phrasing as phrasing,
)
from .judging.style import (
    DISTRIBUTIONS as DISTRIBUTIONS,
    distributions as distributions,
    divergence as divergence,
)
from .models.chord_gru import (
    ChordGRU as ChordGRU,
    chord_gru as chord_gru,
)
from .models.chord_reader import (
    VOICE_PAIRS as VOICE_PAIRS,
)
from .models.critic import (
    Critic as Critic,
    critic_log_odds as critic_log_odds,
    fit_critic as fit_critic,
)
from .models.datasets import (
    batches_per_epoch as batches_per_epoch,
    chord_batches_per_epoch as chord_batches_per_epoch,
    chord_crops as chord_crops,
    note_windows as note_windows,
    phrase_crops as phrase_crops,
    whole_chords as whole_chords,
    whole_pieces as whole_pieces,
    whole_scores as whole_scores,
)
from .models.evaluation import (
    calibration as calibration,
    end_negative_log_likelihood as end_negative_log_likelihood,
    negative_log_likelihood as negative_log_likelihood,
    note_log_probs as note_log_probs,
    note_probs as note_probs,
    score_negative_log_likelihood as score_negative_log_likelihood,
    score_notes as score_notes,
)
from .models.mixture import (
    Mixture as Mixture,
)
from .models.model import (
    ChoraleModel as ChoraleModel,
)
from .models.note_gru import (
    NoteGRU as NoteGRU,
    note_gru as note_gru,
)
from .models.phrase_gru import (
    PhraseGRU as PhraseGRU,
    phrase_gru as phrase_gru,
)
from .models.saving import (
    load_critic as load_critic,
    PRETRAINED as PRETRAINED,
    load_model as load_model,
    save_model as save_model,
    weights_hash as weights_hash,
)
from .models.phrase_training import (
    train_member as train_member,
    without_struck_notes as without_struck_notes,
)
from .models.training import (
    fit as fit,
    fit_chords as fit_chords,
    fit_phrases as fit_phrases,
    power_schedule as power_schedule,
)
from .notation.archive import (
    load_chorales as load_chorales,
)
from .notation.archive import (
    save_chorales as save_chorales,
)
from .notation.key import (
    find_key as find_key,
)
from .notation.loading import (
    load_chorale as load_chorale,
    load_melody as load_melody,
)
from .notation.metre import (
    find_metre as find_metre,
)
from .notation.midi import (
    read_midi as read_midi,
    write_midi as write_midi,
)
from .notation.page import (
    Bar as Bar,
    KeySignature as KeySignature,
    Notation as Notation,
    Syllable as Syllable,
    Tempo as Tempo,
    expand_repeats as expand_repeats,
)
from .notation.reading import (
    from_melody as from_melody,
    from_score as from_score,
)
from .notation.score import (
    to_score as to_score,
)
from .notation.score_files import (
    show_score as show_score,
    write_score as write_score,
)
from .part_writing.checking import (
    faults as faults,
)
from .part_writing.marking import (
    fault_colours as fault_colours,
    mark_faults as mark_faults,
)
from .part_writing.rules import (
    RULE_SETS as RULE_SETS,
    RULES as RULES,
)
from .sound.audio import (
    step_times as step_times,
    synthesize as synthesize,
    write_sound as write_sound,
)
from .sound.player import (
    play as play,
    show as show,
)
from .story.axes import VOICE_COLOURS as VOICE_COLOURS
from .story.cache import (
    cached as cached,
)
from .story.cards import read_card as read_card
from .story.describing import (
    describe as describe,
)
from .story.illustrations import (
    illustrate as illustrate,
    plot_grid as plot_grid,
)
from .story.music_plots import (
    note_name as note_name,
    plot_attention as plot_attention,
    plot_piano_roll as plot_piano_roll,
    plot_surprise as plot_surprise,
    plot_voice_ranges as plot_voice_ranges,
    surprise_colours as surprise_colours,
)
from .story.plots import (
    plot_breakdown as plot_breakdown,
    plot_calibration as plot_calibration,
    plot_grades as plot_grades,
    plot_history as plot_history,
    plot_learning_curves as plot_learning_curves,
    plot_sweep as plot_sweep,
    plot_voice_motion as plot_voice_motion,
)
from .story.record import (
    record_metrics as record_metrics,
)
from .story.trained import (
    trained_model as trained_model,
)
from .studio.session import (
    Selection as Selection,
    Session as Session,
)
from .studio.widget import Studio as Studio
from .teaching.checking import (
    check as check,
)
from .writing.gallery import (
    make_gallery as make_gallery,
)
from .writing.composing import (
    compose as compose,
)
from .writing.generation import (
    generate as generate,
    notes_per_second as notes_per_second,
)
from .writing.harmonising import (
    harmonize as harmonize,
)
from .writing.realizing import (
    realize as realize,
)

__version__: str
__all__: list[str]

"""Every public name of the package and the module that it comes from: what editors, type checkers and the lazy loader read.

A new public name is added here, and to the list in `__init__.py`.
"""

from . import corpus as corpus
from . import judging as judging
from . import models as models
from . import notation as notation
from . import scale as scale
from . import sound as sound
from . import story as story
from . import writing as writing
from .chorale import (
    VOICE_RANGES as VOICE_RANGES,
)
from .chorale import (
    VOICES as VOICES,
)
from .chorale import (
    Chorale as Chorale,
)
from .chorale import (
    Pieces as Pieces,
)
from .corpus.editions import (
    Corpus as Corpus,
)
from .corpus.editions import (
    load_corpus as load_corpus,
)
from .corpus.editions import (
    read_manifest as read_manifest,
)
from .corpus.passages import (
    copied as copied,
)
from .corpus.passages import (
    pairwise_containment as pairwise_containment,
)
from .corpus.passages import (
    passage_containment as passage_containment,
)
from .encoding import (
    PRIMING as PRIMING,
)
from .encoding import (
    TRANSPOSITIONS as TRANSPOSITIONS,
)
from .encoding import (
    VOCABULARY as VOCABULARY,
)
from .encoding import (
    decode as decode,
)
from .encoding import (
    encode as encode,
)
from .encoding import (
    from_one_hot as from_one_hot,
)
from .encoding import (
    notes_to_tokens as notes_to_tokens,
)
from .encoding import (
    to_one_hot as to_one_hot,
)
from .encoding import (
    tokens_to_notes as tokens_to_notes,
)
from .encoding import (
    transpose_probs as transpose_probs,
)
from .encoding import (
    transpose_tokens as transpose_tokens,
)
from .files import (
    load_chorales as load_chorales,
)
from .files import (
    save_chorales as save_chorales,
)
from .judging.counterpoint import (
    RULES as RULES,
)
from .judging.counterpoint import (
    faults as faults,
)
from .judging.grading import (
    compute_measures as compute_measures,
)
from .judging.grading import (
    describe_measures as describe_measures,
)
from .judging.grading import (
    explain_grade as explain_grade,
)
from .judging.grading import (
    format_report_card as format_report_card,
)
from .judging.grading import (
    grade as grade,
)
from .judging.grading import (
    report_card as report_card,
)
from .judging.grading import (
    shuffled as shuffled,
)
from .judging.style import (
    DISTRIBUTIONS as DISTRIBUTIONS,
)
from .judging.style import (
    distributions as distributions,
)
from .judging.style import (
    divergence as divergence,
)
from .models.chord_gru import (
    VOICE_PAIRS as VOICE_PAIRS,
)
from .models.chord_gru import (
    ChordGRU as ChordGRU,
)
from .models.chord_gru import (
    chord_gru as chord_gru,
)
from .models.datasets import (
    batches_per_epoch as batches_per_epoch,
)
from .models.datasets import (
    chord_batches_per_epoch as chord_batches_per_epoch,
)
from .models.datasets import (
    chord_crops as chord_crops,
)
from .models.datasets import (
    note_windows as note_windows,
)
from .models.datasets import (
    whole_chords as whole_chords,
)
from .models.datasets import (
    whole_pieces as whole_pieces,
)
from .models.evaluation import (
    calibration as calibration,
)
from .models.evaluation import (
    end_negative_log_likelihood as end_negative_log_likelihood,
)
from .models.evaluation import (
    negative_log_likelihood as negative_log_likelihood,
)
from .models.evaluation import (
    note_log_probs as note_log_probs,
)
from .models.evaluation import (
    note_probs as note_probs,
)
from .models.evaluation import (
    score_notes as score_notes,
)
from .models.model import (
    ChoraleModel as ChoraleModel,
)
from .models.note_gru import (
    NoteGRU as NoteGRU,
)
from .models.note_gru import (
    note_gru as note_gru,
)
from .models.saving import (
    PRETRAINED as PRETRAINED,
)
from .models.saving import (
    load_model as load_model,
)
from .models.saving import (
    save_model as save_model,
)
from .models.saving import (
    weights_hash as weights_hash,
)
from .models.training import (
    fit as fit,
)
from .models.training import (
    fit_chords as fit_chords,
)
from .models.training import (
    power_schedule as power_schedule,
)
from .notation.loading import (
    load_chorale as load_chorale,
)
from .notation.loading import (
    load_melody as load_melody,
)
from .notation.metre import (
    find_metre as find_metre,
)
from .notation.midi import (
    read_midi as read_midi,
)
from .notation.midi import (
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
)
from .notation.reading import (
    from_score as from_score,
)
from .notation.score import (
    find_key as find_key,
)
from .notation.score import (
    show_score as show_score,
)
from .notation.score import (
    to_score as to_score,
)
from .notation.score import (
    write_score as write_score,
)
from .sound.audio import (
    step_times as step_times,
)
from .sound.audio import (
    synthesize as synthesize,
)
from .sound.audio import (
    write_sound as write_sound,
)
from .sound.player import (
    play as play,
)
from .sound.player import (
    show as show,
)
from .story.cache import (
    cached as cached,
)
from .story.cards import read_card as read_card
from .story.plots import (
    VOICE_COLOURS as VOICE_COLOURS,
)
from .story.plots import (
    fault_colours as fault_colours,
)
from .story.plots import (
    note_name as note_name,
)
from .story.plots import (
    plot_attention as plot_attention,
)
from .story.plots import (
    plot_breakdown as plot_breakdown,
)
from .story.plots import (
    plot_calibration as plot_calibration,
)
from .story.plots import (
    plot_grades as plot_grades,
)
from .story.plots import (
    plot_history as plot_history,
)
from .story.plots import (
    plot_learning_curves as plot_learning_curves,
)
from .story.plots import (
    plot_piano_roll as plot_piano_roll,
)
from .story.plots import (
    plot_surprise as plot_surprise,
)
from .story.plots import (
    plot_sweep as plot_sweep,
)
from .story.plots import (
    plot_voice_motion as plot_voice_motion,
)
from .story.plots import (
    plot_voice_ranges as plot_voice_ranges,
)
from .story.plots import (
    surprise_colours as surprise_colours,
)
from .story.record import (
    record_metrics as record_metrics,
)
from .writing.gallery import (
    make_gallery as make_gallery,
)
from .writing.generation import (
    generate as generate,
)
from .writing.generation import (
    harmonize as harmonize,
)
from .writing.generation import (
    notes_per_second as notes_per_second,
)

__version__: str
__all__: list[str]

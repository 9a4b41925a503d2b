"""New chorales: sampling with particles and rules, harmonising a melody, the gallery.

Read `generation` first; `particles` is the loop inside it, and `melody` reads melodies. `requests`
and `realizing` are for requested chords and figured bass, `composing` for whole pieces.
`grade_card`, `harmonising_card` and `composing_card` measure the results, `gallery` shows the best.
"""

"""New chorales: sampling with particles and rules, harmonising a melody, the gallery.

Read `generation` first; `particles` is the loop inside it, and `melody` what may be harmonised.
`requests` and `realizing` are for chords that somebody asks for.
`grade_card` and `harmonising_card` measure what comes of it, `gallery` shows the best.
"""

"""The harmony of a chorale: local keys, Roman numerals, cadences, phrases, non-chord tones."""

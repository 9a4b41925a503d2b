"""What a chorale's harmony is: local keys, Roman numerals, cadences, non-chord tones."""

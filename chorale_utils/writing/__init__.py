"""New chorales: sampling with particles and rules, harmonising a melody, the gallery."""

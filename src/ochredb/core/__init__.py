"""The vocabulary of Ochre: errors, filters, values and the engine's verbs; it imports nothing of ours."""

"""What all engines share that keep records in tables: the meaning of the verbs, over a few calls of each."""

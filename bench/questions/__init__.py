"""What users ask of a vector database: one question a file, in its docstring; its `cases` yield what to time."""

"""All that is Chroma's dialect: its arguments, its dictionaries, its configuration."""

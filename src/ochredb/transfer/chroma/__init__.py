"""Folders of Chroma's, read without Chroma: SQLite for records, the queue and HNSW files for embeddings."""

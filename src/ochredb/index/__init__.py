"""Vectors and slots; nothing here knows an id, a filter or a tenant."""

"""How the tables came to be, step by step; run by `app.store.schema` at every start."""

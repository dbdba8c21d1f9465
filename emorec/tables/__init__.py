"""Stage `tables`: every number that the report states.

One function a table, or two that are made together; each takes predictions, embeddings or training records that `read`
has validated and returns a DataFrame with the table's columns. Only `audit` looks at an image.
"""

"""Published studies, `results/published/<study>`: what a paper is rebuilt from where nothing is trained.

No images, no weights, no embeddings: predictions, histories, records, and the tables that only pixels or embeddings
could give, each file with its SHA-256 in `manifest.json`.
"""

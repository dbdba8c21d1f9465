"""Stage `predictions`: networks combined to models; their probabilities and embeddings."""

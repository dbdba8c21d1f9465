"""Published studies, `results/published/<study>`: what a paper is rebuilt from where nothing is trained."""

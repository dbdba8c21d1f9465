"""Stage `data`: FER2013 in any of its forms, or synthetic faces, to `data/faces.npz`."""

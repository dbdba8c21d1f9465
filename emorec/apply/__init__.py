"""Trained models put to use outside their study: on a person's own image files, and as ONNX. No stage needs it."""

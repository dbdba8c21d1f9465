"""Stage `networks`: what gradient descent trains, once each."""

"""What each layer sees of the image: theory, unproductive layers, certificate, effective field."""

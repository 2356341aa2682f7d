"""RGBA-VAE, VLD-MMDiT, stop tokens, text conditioning, guided decoder; they know nothing of data or training."""

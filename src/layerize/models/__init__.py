"""Networks: RGBA-VAE, VLD-MMDiT, stop tokens, text conditioning, guided decoder. They know nothing of files or training."""

"""Datasets of layered designs: importing what others have published into manifests."""

"""Procedural layered designs: endless training and test pictures whose layers are known.

``design.draw_design`` draws one, ``stream.design_batches`` draws batches in worker processes. Needs skia-python
(extra ``synth``); nothing here is imported by the core.
"""

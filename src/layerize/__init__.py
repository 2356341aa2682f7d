"""Layerize: a flat picture into editable RGBA layers."""

__version__ = "0.1.0"

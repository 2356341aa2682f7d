"""Words as layers of their own: found, lifted off the picture, described (extra ``text``)."""

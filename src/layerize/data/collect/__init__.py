"""``layerize data collect``: layered design files from folders, git repositories and web pages, each with its licence.

``collection.py`` keeps what is found; ``local.py``, ``git.py`` and ``web.py`` find it; ``licences.py`` reads licences.
"""

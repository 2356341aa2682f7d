"""``python -m layerize`` is ``layerize``."""

from layerize.cli.main import main

if __name__ == "__main__":
    main()

"""``python -m shopgym`` is the command ``shopgym``."""

from .cli.main import main

if __name__ == "__main__":
    main()

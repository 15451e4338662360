"""``python -m config.cli`` is ``peyvand``."""

from config.cli.main import main

main()

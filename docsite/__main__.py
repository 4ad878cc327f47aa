"""Build the site: `python -m docsite [FOLDER]`, build/site by default. Broken links and anchors end it with status 1."""

import logging
import shutil
import sys
import tempfile
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from docsite.navigation import KOREAN, navigation
from docsite.reference import write_reference
from docsite.source import ROOT, gather

CONFIGURATION = Path(__file__).with_name("mkdocs.yml")


def main(target: Path) -> int:
    """Build, and return the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    with tempfile.TemporaryDirectory(prefix="jeonju-docs") as folder:
        source = Path(folder).resolve()
        gather(source)
        write_reference(source / "docs/reference")
        shutil.copytree(Path(__file__).with_name("looks"), source / "looks")
        config = load_config(
            str(CONFIGURATION),
            docs_dir=str(source),
            site_dir=str(target.resolve()),
            nav=navigation(source),
            strict=True,
        )
        korean = next(one for one in config.plugins["i18n"].config.languages if one.locale == "ko")
        korean.nav_translations = dict(KOREAN)
        config.plugins.on_startup(command="build", dirty=False)
        try:
            build(config)
        except Abort as error:
            print(error, file=sys.stderr)  # noqa: T201
            return 1
        finally:
            config.plugins.on_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/site"))

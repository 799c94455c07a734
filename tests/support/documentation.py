"""What the project's documents show."""

import re
from pathlib import Path


def examples(document: Path, language: str, having: str = "") -> list[str]:
    """Return a document's examples in a language, or those of them that have a text, of which there must be some."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = [block for block in blocks if having in block]
    assert found or not having
    return found

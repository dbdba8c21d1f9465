"""Mappings of mappings, as configs and metadata are."""

from typing import Any


def over(base: Any, content: Any) -> Any:
    """Mappings key by key, all else replaced: `content` where it says something, else `base`."""
    if not isinstance(base, dict) or not isinstance(content, dict):
        return content
    return base | {key: over(base.get(key), value) for key, value in content.items()}

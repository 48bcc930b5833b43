"""The channels that alerts go to: one file each, loaded only where it is configured."""

from importlib import import_module

from manual_resolution.alerts import Channel
from manual_resolution.settings import Settings


def configured(settings: Settings) -> list[Channel]:
    """The channels of these settings: `slack`, `pagerduty`, `mail`, each in the module of its name."""
    found = []
    for name in settings.alert_channels:
        channel: Channel = import_module(f"manual_resolution.channels.{name}").from_settings(settings)
        found.append(channel)
    return found

"""Slack, PagerDuty and a mail server on loopback, as one: where the sample application's alerts arrive."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from .pagerduty_stand_in import PagerDutyStandIn
from .slack_stand_in import SlackStandIn, shown
from .smtp_stand_in import SmtpStandIn

ON_CALL = "oncall@example.com"


class AlertStandIns:
    """All three inside `with`. What arrives is kept in `folder`: slack.jsonl, pagerduty.jsonl, numbered .eml files."""

    def __init__(self, folder: Path | None = None) -> None:
        self.slack, self.pagerduty, self.smtp = (
            SlackStandIn(folder),
            PagerDutyStandIn(folder),
            SmtpStandIn(folder=folder),
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for one in (self.slack, self.pagerduty, self.smtp):
                stack.enter_context(one)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """No more answers; what is in the folder stays there."""
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """The settings that send alerts here."""
        return {
            "MRQ_ALERT_SLACK_WEBHOOK": self.slack.webhook,
            "MRQ_ALERT_PAGERDUTY_KEY": self.pagerduty.KEY,
            "MRQ_ALERT_PAGERDUTY_URL": self.pagerduty.base,
            "MRQ_ALERT_MAIL_TO": ON_CALL,
            "MRQ_SMTP_URL": self.smtp.url,
            "MRQ_MAIL_FROM": "mrq@example.com",
        }

    def breach(self) -> tuple[list[str], list[str]]:
        """Who was told of a breach just now, and the lines of the last one as Slack shows it; both empty: nobody."""
        in_slack = [message for message in self.slack.messages if is_breach(message["text"])]
        told = {
            "Slack": in_slack,
            "PagerDuty": [i for i in self.pagerduty.incidents if is_breach(i.triggers[0]["summary"])],
            "e-mail": [mail for mail in self.smtp.messages if is_breach(mail["Subject"])],
        }
        return [name for name, found in told.items() if found], list(shown(in_slack[-1])) if in_slack else []


def is_breach(title: Any) -> bool:
    """Whether a message of this title tells of a breach."""
    return "SLA breach" in str(title)

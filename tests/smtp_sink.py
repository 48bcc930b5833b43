"""The mail server that tests hand their mail to: the sample application's."""

from meal_plan.smtp_stand_in import SmtpStandIn as SmtpSink

__all__ = ["SmtpSink"]

"""Mails to customers and operators: rendered, claimed, sent by SMTP, and told to the trail."""

"""Who is told what: the sender of mails, the reminders that age verifications end, and unsubscribing."""

"""Two pages for a person. They hold nothing of the request and need no style, no script and no picture."""

from __future__ import annotations


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


# The form goes to the address of the page, with its query.
ASK = _page(
    "No more reminders?",
    "<p>You will no longer be reminded before your age verification ends. Mails about what you buy still come.</p>\n"
    '<form method="post"><button type="submit">Unsubscribe</button></form>',
)
DONE = _page("You are unsubscribed", "<p>No reminder will come any more. You can close this page.</p>")

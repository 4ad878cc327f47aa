"""The three ways in which something can be wrong; each says what the caller must do."""


class JeonjuError(Exception):
    """Base of every error this project raises on purpose; its text is one line a person can act on."""

    # Whether the same may succeed later.
    is_temporary = False


class UserError(JeonjuError):
    """Stop: a file, an option or the surroundings must be changed by a person. The command line exits with 2."""


class RejectedError(JeonjuError):
    """Set this one message aside with the reason and go on with the next."""


class UnavailableError(JeonjuError):
    """Try again later: a broker, store or service cannot be reached now. The command line exits with 75 (EX_TEMPFAIL)."""

    is_temporary = True

"""Weekly posting slots: a queued post takes the next free one."""

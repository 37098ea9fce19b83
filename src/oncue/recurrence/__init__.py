"""Posts that come again: iCal rules in a time zone."""

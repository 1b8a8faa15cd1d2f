"""Which rows serve the steps of which attempt."""

"""The invented world of the sample data: who lives in it, what they do, and how each system writes it down."""

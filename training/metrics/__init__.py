"""How composed music is measured beside real music, a module for each question."""

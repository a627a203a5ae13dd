"""Trials as the trainer runs them: rounds, forks, restarts, probation, and plans of former runs."""

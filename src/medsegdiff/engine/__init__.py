"""Training, prediction, evaluation: the only place that knows all the rooms."""

"""The suite: data, losses, training, evaluation, report and the command line."""

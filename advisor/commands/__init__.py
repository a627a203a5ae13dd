"""The commands of the command line, one group a file; what is heavy is imported when a command runs."""

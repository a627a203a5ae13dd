"""What a kill at any moment leaves behind: real processes, killed with -9 in every state of a trial."""

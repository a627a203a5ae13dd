"""The terminal UI in a browser: a server of its own, and one client process for each visitor."""

"""Model files to elsewhere: web pages, and their check in a browser."""

"""Two to four fits on one problem, side by side: their lanes, the race, the table."""

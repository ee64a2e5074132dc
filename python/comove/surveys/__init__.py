"""Questions about many pairs of coins at once, with verdicts that account for how many there are."""

"""Records to matplotlib figures and static pages: what is printed, exported, put in a paper."""

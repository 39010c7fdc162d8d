"""Grand questions: what is asked, who judged it by which measure, what became of it."""

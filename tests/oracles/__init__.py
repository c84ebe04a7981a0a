"""Independent answers to compare the planner with, by exhaustive search and by CP-SAT, and the random problems for it."""

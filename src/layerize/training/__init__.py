"""Training: recipes, stages, losses, the loop. Runs on one or several processes, resumes, anneals to a time budget."""

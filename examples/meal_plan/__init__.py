"""The specification's application in small: plans with PDFs, quizzes, users, and scripts that clean up."""

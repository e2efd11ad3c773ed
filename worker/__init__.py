"""Takes each generation its next step and does the work outside the database."""

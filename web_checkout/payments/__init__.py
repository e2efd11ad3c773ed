"""Payment methods of the web, one file each."""

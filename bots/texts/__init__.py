"""Every sentence a user can read, one file a language."""

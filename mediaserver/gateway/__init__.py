"""Who may call whom; never touches audio."""

"""What is known of speech in files once it is written down."""

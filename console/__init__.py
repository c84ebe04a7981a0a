"""What the command line shows: tables and sentences for a terminal. Reads nothing and changes nothing."""

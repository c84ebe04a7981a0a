"""The composition root: joins the parts from the settings, and runs what the command line offers."""

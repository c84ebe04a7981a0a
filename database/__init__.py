"""What the database doorways open into: the two wires, the migrations, and the embedded server's files."""

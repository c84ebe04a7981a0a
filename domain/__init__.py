"""The nouns that cross rooms: frozen values and the errors. Imports nothing of ours but `utils`."""

"""What the bot says and asks, and how it reaches people. Conversation and cards are pure; `desk.py` reads the database."""

"""Who needs help, by name by address: people, households, groups, and the lists that they come from."""

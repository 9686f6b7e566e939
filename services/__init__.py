"""The five services; each is a folder, run as a process of its own."""

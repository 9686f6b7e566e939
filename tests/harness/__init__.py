"""What the tests stand on: real servers (embedded, containers, external), running services, tokens, facts."""

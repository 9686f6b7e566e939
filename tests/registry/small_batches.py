"""`python -m tests.registry.small_batches`: the registry with batches so small that a short list makes many."""

import sys

from services.registry import applying, worker

#: whole pages of raw rows, as the real size is: a list that goes on with another size must begin with a page
BATCH_ROWS = 1_000


def work() -> None:
    """The process that reads lists, which the service starts."""
    applying.BATCH_ROWS = BATCH_ROWS
    worker.main()


def main() -> None:
    """The service, until it is ended."""
    from services.registry.main import service

    worker.COMMAND = (sys.executable, "-c", "from tests.registry import small_batches as worker; worker.work()")
    service.run()


if __name__ == "__main__":
    main()

"""Clients that search through a server, for `test_server.py`.

    python tests/bench/http_clients.py PORT TOKEN CLIENTS SECONDS

prints JSON: the seconds from start to end, and those that each answer took. It runs in a process of its own, so that
clients and server share no interpreter. Each client asks for other words each time, and asks again as soon as it has an
answer.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time

NOUNS = ["dog", "cat", "boat", "beach", "tree", "house", "street", "child", "horse", "bird", "snow", "car", "flower"]

PLACES = ["at night", "in the rain", "in summer", "on a hill", "near water", "in a city", "from above", "with people"]


def search(port: int, token: str, number: int, until: float, seconds: list[float]) -> None:
    """Search until a moment, and append how long each answer took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    turn = number
    while time.monotonic() < until:
        words = f"a {NOUNS[turn % len(NOUNS)]} {PLACES[turn // len(NOUNS) % len(PLACES)]} {turn}"
        start = time.perf_counter()
        body = json.dumps({"query": words, "k": 20})
        connection.request("POST", "/api/libraries/served/search", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the server answers {answer.status}: {content[:500]!r}")
        seconds.append(time.perf_counter() - start)
        turn += 997  # another one for each client and time


def main(port: int, token: str, clients: int, length: float) -> int:
    """Run clients side by side, print what they measured, and return 0."""
    seconds: list[list[float]] = [[] for _ in range(clients)]
    until = time.monotonic() + length
    threads = [
        threading.Thread(target=search, args=(port, token, number, until, seconds[number])) for number in range(clients)
    ]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [each for of_client in seconds for each in of_client]
    sys.stdout.write(json.dumps([time.perf_counter() - start, answers]))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))

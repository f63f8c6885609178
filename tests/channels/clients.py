"""Websocket clients.

    clients.py COUNT URL

Says `open` on stdout when all are connected, then a line for what happens to each: `text NUMBER BODY` or `closed NUMBER CODE`.
"""

import asyncio
import sys

import websockets

count, url = int(sys.argv[1]), sys.argv[2]


def say(*words):
    print(*words, flush=True)


async def listen(number, socket):
    try:
        async for text in socket:
            say("text", number, text)
    except websockets.ConnectionClosedError:
        pass
    say("closed", number, socket.close_code)


async def main():
    sockets = []
    for start in range(0, count, 50):
        opening = (websockets.connect(url) for _ in range(start, min(start + 50, count)))
        sockets += await asyncio.gather(*opening)
    say("open")
    await asyncio.gather(*(listen(number, socket) for number, socket in enumerate(sockets)))


asyncio.run(main())

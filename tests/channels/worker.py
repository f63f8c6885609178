"""A websocket worker on Django Channels' own layers, that counts and labels its connections as real servers do.

    worker.py MODE PREFIX LABEL PORT REDIS_URL...

MODE is `core` or `pubsub`. Says `ready` on stdout when it listens. Each message from a layer that reaches a consumer is a
line `got TYPE CHANNEL SECONDS`.
"""

import asyncio
import json
import sys
import time

import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

mode, prefix, label, port, *hosts = sys.argv[1:]
backend = {"core": "channels_redis.core.RedisChannelLayer", "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer"}[mode]
settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": backend, "CONFIG": {"hosts": hosts, "prefix": prefix}}},
)

import redis.asyncio  # noqa: E402

group = f"version.{label}"


def say(*words):
    print(*words, flush=True)


class Consumer(AsyncWebsocketConsumer):
    async def connect(self):
        first = self.scope["app_state"]
        if mode == "core":
            await self.channel_layer.group_add(group, self.channel_name)
        else:
            await first.zadd(group, {self.channel_name: time.time()})
            await first.expire(group, 86400)
        await first.hincrby("connections", label, 1)
        await first.set(f"connections:{label}", "exists", ex=60)
        await self.accept()

    async def disconnect(self, code):
        first = self.scope["app_state"]
        if mode == "core":
            await self.channel_layer.group_discard(group, self.channel_name)
        else:
            await first.zrem(group, self.channel_name)
        await first.hincrby("connections", label, -1)

    async def connection_drop(self, event):
        say("got", event["type"], self.channel_name, f"{time.time():.3f}")
        assert set(event) == {"type"}, event
        await self.close(1000)

    async def connection_reload(self, event):
        say("got", event["type"], self.channel_name, f"{time.time():.3f}")
        assert set(event) == {"type"}, event
        await self.send(text_data=json.dumps(["connection.reload", {}], separators=(",", ":")))


async def main():
    first = redis.asyncio.Redis.from_url(hosts[0])
    consumer = Consumer.as_asgi()

    async def application(scope, receive, send):
        if scope["type"] == "websocket":
            await consumer({**scope, "app_state": first}, receive, send)

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            say("ready")

    await Server(uvicorn.Config(application, port=int(port), log_level="error", lifespan="off", ws="websockets-sansio")).serve()


asyncio.run(main())

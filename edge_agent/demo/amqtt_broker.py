"""The broker where there is no mosquitto: amqtt, pure Python, MQTT 3.1.1; a program of its own."""

import asyncio
import contextlib
import logging
import sys

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Take anonymous clients on the loopback interface until killed."""
    plugins: dict[str, dict[str, object]] = {
        "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
    }
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": plugins,
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1])))

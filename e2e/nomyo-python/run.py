"""Runs the stand-in: one job as JSON on standard input, the outcomes of its calls as JSON on standard output.

A job is {"options": {...}, "calls": [{...}, ...]}; its calls run at once.
"""

import asyncio
import json
import sys

from stand_in import APIError, SecureChatCompletion


async def outcome(client, call):
    try:
        return {"answer": await client.create(**call)}
    except APIError as error:
        return {"error": type(error).__name__, "message": str(error), "status": error.status_code}
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}"}


async def main():
    job = json.load(sys.stdin)
    client = SecureChatCompletion(**job["options"])
    json.dump(await asyncio.gather(*(outcome(client, call) for call in job["calls"])), sys.stdout)


asyncio.run(main())

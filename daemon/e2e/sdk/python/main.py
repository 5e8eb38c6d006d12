"""Clients of daemon/e2e/sdk: python3 main.py wechatpy|werobot"""
import importlib
import json
import os
import sys

from redis import Redis


def main():
    redis = Redis.from_url(os.environ["REDIS_URL"])
    commands = importlib.import_module("clients." + sys.argv[1]).commands(redis, **{
        name: os.environ[name.upper()] for name in ("mode", "appid", "agentid", "secret")
    })
    for line in sys.stdin:
        try:
            answer = commands[line.strip()]()
        except Exception as error:  # whatever an SDK raises is its answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()

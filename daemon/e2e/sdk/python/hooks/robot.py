import json


def read_token_from(redis, robot):
    robot.client.get_access_token = lambda: json.loads(redis.get("WXAccessToken"))["access_token"]

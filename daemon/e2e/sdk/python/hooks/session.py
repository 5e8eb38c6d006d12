import json

from wechatpy.session import SessionStorage


class FromRedis(SessionStorage):
    """client = WeChatClient(appid, None, session=FromRedis(redis), auto_retry=False)"""

    def __init__(self, redis):
        self.redis = redis

    def get(self, key, default=None):
        if not key.endswith("_access_token"):
            return default
        return json.loads(self.redis.get("WXAccessToken"))["access_token"]

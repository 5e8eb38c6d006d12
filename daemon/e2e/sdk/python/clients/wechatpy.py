from wechatpy import WeChatClient
from wechatpy.session.redisstorage import RedisStorage

from hooks.session import FromRedis


def commands(redis, mode, appid, secret):
    if mode == "hook":
        client = WeChatClient(appid, None, session=FromRedis(redis), auto_retry=False)
    else:
        client = WeChatClient(appid, secret, session=RedisStorage(redis))

    def call():
        client.misc.get_wechat_ips()
        return {}

    return {"call": call}

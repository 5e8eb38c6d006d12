from wechatpy import WeChatClient
from wechatpy.session.redisstorage import RedisStorage

from hooks.session import FromRedis


def official(redis, mode, appid, secret):
    if mode == "hook":
        client = WeChatClient(appid, None, session=FromRedis(redis), auto_retry=False)
    else:
        client = WeChatClient(appid, secret, session=RedisStorage(redis))
    return client, {
        "jsapi_ticket": client.jsapi.get_jsapi_ticket,
        "wx_card_ticket": client.jsapi.get_jsapi_card_ticket,
    }


def work(redis, corpid, secret):
    from wechatpy.work import WeChatClient as WorkClient

    client = WorkClient(corpid, secret, session=RedisStorage(redis))
    return client, {
        "wecom_jsapi_ticket": client.jsapi.get_jsapi_ticket,
        "wecom_agent_ticket": client.jsapi.get_agent_jsapi_ticket,
    }


def commands(redis, mode, appid, agentid, secret):
    client, tickets = work(redis, appid, secret) if mode == "work" else official(redis, mode, appid, secret)

    def call():
        client.misc.get_wechat_ips()
        return {}

    def told(ticket):
        return lambda: {"ticket": ticket()}

    return {"call": call, **{kind: told(ticket) for kind, ticket in tickets.items()}}

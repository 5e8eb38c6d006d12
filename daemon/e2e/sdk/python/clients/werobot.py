import werobot

from hooks.robot import read_token_from


def commands(redis, appid, **_):
    robot = werobot.WeRoBot(token="token", APP_ID=appid, SESSION_STORAGE=False)
    read_token_from(redis, robot)

    def call():
        robot.client.get_ip_list()
        return {}

    return {"call": call}

package wechat

// tokenErrcodes are the codes that the token endpoints return, or that stand
// in front of them. The sources are WeChat's pages of getAccessToken and
// getStableAccessToken, its page "API IP 白名单", and reports of developers.
// Never written.
var tokenErrcodes = []Errcode{
	{
		Code: -1, Class: ClassTransient,
		English: "WeChat is busy", Cure: "nothing to do: try again in some seconds",
		Chinese: "微信系统繁忙", CureChinese: "无需处理，数秒后重试",
	},
	{
		Code: 0, Class: ClassUnknown,
		English: "success", Cure: "nothing to do",
		Chinese: "调用成功", CureChinese: "无需处理",
	},
	{
		Code: 40001, Class: ClassConfig,
		English:     "at a token endpoint: the AppSecret is wrong or belongs to another account; in any other call: the access_token is invalid, or a newer one has replaced it",
		Cure:        "at a token endpoint: compare appid and secret with the developer page of the account, which can only reset a secret, not show it; in any other call: read the token from Redis again, and report it as rejected if it is still the same",
		Chinese:     "获取 token 时：AppSecret 不对，或不属于此账号；调用其他接口时：access_token 无效，或已被更新的 token 取代",
		CureChinese: "获取 token 时：到账号的开发信息页核对 AppID 与 AppSecret（平台不显示 AppSecret，只能重置）；调用其他接口时：重新从 Redis 读取 token，若仍相同则上报为被拒",
	},
	{
		Code: 40002, Class: ClassConfig,
		English: "grant_type is not client_credential", Cure: "check base_url and proxy: something may rewrite the request",
		Chinese: "grant_type 不是 client_credential", CureChinese: "检查 base_url 与代理：请求可能被改写",
	},
	{
		Code: 40013, Class: ClassConfig,
		English: "the appid does not exist", Cure: "compare appid with the developer page of the account, case and stray characters included",
		Chinese: "AppID 不存在", CureChinese: "到账号的开发信息页核对 AppID，注意大小写和多余字符",
	},
	{
		Code: 40125, Class: ClassConfig,
		English: "the AppSecret is wrong, often because it has been reset", Cure: "put the current AppSecret into secret_file, which is read again by itself, or into secret",
		Chinese: "AppSecret 不对，常因已被重置", CureChinese: "将现行 AppSecret 写入 secret_file（会自动重新读取）或 secret",
	},
	{
		Code: 40164, Class: ClassIP,
		English:     "the address of this host is not on the account's IP whitelist",
		Cure:        "add the address that WeChat names to the API IP whitelist (API IP 白名单): for a 公众号/服务号 in 微信开发者平台→我的业务→基础信息→开发信息 (older console: 设置与开发→开发接口管理→IP白名单), for a 小程序 in 微信公众平台→开发管理→开发设置→IP白名单; it works some minutes later",
		Chinese:     "本机出口 IP 不在该账号的 IP 白名单中",
		CureChinese: "把微信报出的 IP 加入 API IP 白名单：公众号/服务号在 微信开发者平台→我的业务→基础信息→开发信息（旧版后台：设置与开发→开发接口管理→IP白名单），小程序在 微信公众平台→开发管理→开发设置→IP白名单；数分钟后生效",
	},
	{
		Code: 40243, Class: ClassAccount,
		English: "the AppSecret is frozen", Cure: "unfreeze it on the developer page of the account; that takes effect after ten minutes",
		Chinese: "AppSecret 已被冻结", CureChinese: "在账号的开发信息页解冻，10 分钟后生效",
	},
	{
		Code: 41002, Class: ClassConfig,
		English: "no appid arrived", Cure: "set appid; if it is set, check whether a proxy rewrites the request, as a form instead of JSON gives this code too",
		Chinese: "请求中没有 appid", CureChinese: "填写 appid；若已填写，检查代理是否改写请求（用表单代替 JSON 也会如此）",
	},
	{
		Code: 41004, Class: ClassConfig,
		English: "no AppSecret arrived", Cure: "set secret or secret_file, and check that the file is not empty",
		Chinese: "请求中没有 AppSecret", CureChinese: "填写 secret 或 secret_file，并确认文件不为空",
	},
	{
		Code: 43002, Class: ClassConfig,
		English: "the call must be a POST", Cure: "check base_url and proxy: a redirect or proxy may turn POST into GET",
		Chinese: "须用 POST 调用", CureChinese: "检查 base_url 与代理：跳转或代理可能把 POST 变成 GET",
	},
	{
		Code: 43003, Class: ClassConfig,
		English: "the call must use https", Cure: "set an https base_url",
		Chinese: "须用 HTTPS 调用", CureChinese: "把 base_url 改为 https",
	},
	{
		Code: 44002, Class: ClassConfig,
		English: "the POST arrived without a body", Cure: "check whether a proxy drops the body",
		Chinese: "POST 的内容为空", CureChinese: "检查代理是否丢弃了请求体",
	},
	{
		Code: 45009, Class: ClassQuota,
		English:     "the calls of this day are used up",
		Cure:        "look for another program that draws tokens with this appid; prefer api: stable; clear_quota restores the count up to ten times a month; otherwise wait for the next day in Beijing time",
		Chinese:     "当日调用次数已用完",
		CureChinese: "查找是否有其他程序用同一 AppID 获取 token；建议使用 api: stable；可用 clear_quota 清零（每月 10 次），否则等到北京时间次日",
	},
	{
		Code: 45011, Class: ClassRate,
		English: "too many calls in one minute", Cure: "nothing to do: try again in the next minute; look for another program that calls with this appid if it stays",
		Chinese: "一分钟内调用过多", CureChinese: "无需处理，下一分钟重试；若持续出现，查找使用同一 AppID 的其他程序",
	},
	{
		Code: 47001, Class: ClassConfig,
		English: "the body is not valid JSON or XML", Cure: "check whether a proxy changes the body; in a call of an app, check its encoding",
		Chinese: "请求内容不是合法的 JSON 或 XML", CureChinese: "检查代理是否改动请求体；应用自身的调用请检查编码",
	},
	{
		Code: 48001, Class: ClassConfig,
		English: "this account has no permission for the interface, or the token belongs to another kind of account", Cure: "check the account's permissions in its console, and that the token is that account's",
		Chinese: "账号没有该接口的权限，或 token 属于另一类账号", CureChinese: "在后台查看接口权限，并确认 token 属于该账号",
	},
	{
		Code: 48004, Class: ClassAccount,
		English: "the interface is barred for this account because of violations", Cure: "read the notice on mp.weixin.qq.com and appeal there",
		Chinese: "因违规，该账号的此接口已被封禁", CureChinese: "登录 mp.weixin.qq.com 查看通知并申诉",
	},
	{
		Code: 50002, Class: ClassAccount,
		English: "the account is restricted: being migrated, cancelled or frozen", Cure: "read the notice in the account's console",
		Chinese: "账号受限：正在迁移、已注销或被冻结", CureChinese: "登录账号后台查看通知",
	},
	{
		Code: 50004, Class: ClassAccount,
		English: "the account may not use the token interface, perhaps as a punishment", Cure: "read the notice in the account's console and appeal there",
		Chinese: "账号被禁止使用 token 接口，可能是处罚", CureChinese: "登录账号后台查看通知并申诉",
	},
	{
		Code: 50007, Class: ClassAccount,
		English: "the account is frozen", Cure: "have the administrator unfreeze it in the account's console",
		Chinese: "账号已冻结", CureChinese: "请管理员在账号后台解冻",
	},
	{
		Code: 61004, Class: ClassIP,
		English: "the address of this host is not registered", Cure: "add it to the IP whitelist of the account, shop or third-party platform (登记 IP 白名单)",
		Chinese: "本机出口 IP 未登记", CureChinese: "在账号、小店或第三方平台的后台把该 IP 加入 IP 白名单",
	},
	{
		Code: 61007, Class: ClassConfig,
		English: "the account has not granted this interface to the third-party platform", Cure: "have the account authorise the platform for this permission set, and check which token the call carries",
		Chinese: "账号未将该接口授权给第三方平台", CureChinese: "请账号重新授权相应权限集，并核对所用的 token",
	},
	{
		Code: 61024, Class: ClassConfig,
		English: "the appid is a third-party platform, which has a token endpoint of its own", Cure: "use the appid of an account; a platform draws its token with api_component_token",
		Chinese: "该 AppID 属于第三方平台，须用平台自己的 token 接口", CureChinese: "改用账号的 AppID；平台的 token 由 api_component_token 获取",
	},
	{
		Code: 89501, Class: ClassAdmin,
		English: "the account's administrator has been asked whether this host may call, and has not answered", Cure: "have the administrator confirm in WeChat, or add the address to the IP whitelist",
		Chinese: "本机 IP 正等待账号管理员确认", CureChinese: "请管理员在微信中确认，或把该 IP 加入白名单",
	},
	{
		Code: 89503, Class: ClassAdmin,
		English: "the account's administrator has to confirm that this host may call", Cure: "have the administrator confirm in the message that WeChat has just sent, or add the address to the IP whitelist",
		Chinese: "本机 IP 的调用须经账号管理员确认", CureChinese: "请管理员在微信刚发出的消息中确认，或把该 IP 加入白名单",
	},
	{
		Code: 89506, Class: ClassAdmin,
		English: "the administrator has refused this host twice within a day; it is barred for 24 hours", Cure: "call from another address, or wait 24 hours and have the administrator agree first",
		Chinese: "24 小时内管理员两次拒绝本机 IP，24 小时内不得再用", CureChinese: "换用其他 IP，或 24 小时后先征得管理员同意再试",
	},
	{
		Code: 89507, Class: ClassAdmin,
		English: "the administrator has refused this host within the last hour; it is barred for one hour", Cure: "call from another address, or wait one hour and have the administrator agree first",
		Chinese: "1 小时内管理员拒绝过本机 IP，1 小时内不得再用", CureChinese: "换用其他 IP，或 1 小时后先征得管理员同意再试",
	},
}

<?php

use Psr\SimpleCache\CacheInterface;

/** Keeps tokens under the keys and in the forms of EasyWeChat 5 and 6, and believes what they believe. */
final class EasyWeChat
{
    /** @var string where tokens of the mode are drawn */
    private $draw;
    private $key;

    public function __construct(
        private CacheInterface $cache,
        private string $mode,
        private string $account,
        private string $secret,
        private string $wechat,
    ) {
        $named = ['grant_type' => 'client_credential', 'appid' => $account, 'secret' => $secret];
        $this->draw = '/cgi-bin/token?' . http_build_query($named);
        switch ($mode) {
            case '5':
                $this->key = 'easywechat.kernel.access_token.' . md5(json_encode($named));
                break;
            case '6':
                $this->key = "official_account.access_token.$account.$secret.0";
                break;
            case '6 mini':
                $this->key = "mini_app.access_token.$account.$secret.0";
                break;
            case '6 work':
                $this->key = "work.access_token.$account.$secret";
                $this->draw = '/cgi-bin/gettoken?' . http_build_query(['corpid' => $account, 'corpsecret' => $secret]);
        }
    }

    public function call(): array
    {
        $answer = $this->get('/cgi-bin/getcallbackip?access_token=' . $this->token());
        return isset($answer['ip_list']) ? [] : ['error' => json_encode($answer)];
    }

    public function jsapi_ticket(): array
    {
        $key = $this->mode === '5' ? 'easywechat.basic_service.jssdk.ticket.jsapi.' : 'official_account.jsapi_ticket.';
        return $this->ticket($key . $this->account, '/cgi-bin/ticket/getticket?type=jsapi&access_token=');
    }

    public function wecom_jsapi_ticket(): array
    {
        return $this->ticket("work.jsapi_ticket.$this->account", '/cgi-bin/get_jsapi_ticket?access_token=');
    }

    private function token(): string
    {
        return $this->kept($this->key, 'access_token', fn () => $this->get($this->draw));
    }

    private function ticket(string $key, string $path): array
    {
        return ['ticket' => $this->kept($key, 'ticket', fn () => $this->get($path . $this->token()))];
    }

    /** Version 5 keeps WeChat's answer, version 6 the text alone; neither believes anything else. */
    private function kept(string $key, string $member, callable $draw): string
    {
        $found = $this->cache->get($key);
        if ($this->mode === '5' && !empty($found[$member])) {
            return $found[$member];
        }
        if ($this->mode !== '5' && is_string($found) && $found !== '') {
            return $found;
        }
        $answer = $draw();
        $this->cache->set($key, $this->mode === '5' ? $answer : $answer[$member], (int) $answer['expires_in']);
        return $answer[$member];
    }

    private function get(string $path): array
    {
        return json_decode(file_get_contents($this->wechat . $path), true);
    }
}
